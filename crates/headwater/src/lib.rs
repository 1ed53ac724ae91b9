//! Headwater: Spark Streaming's programming model, natively in Rust.
//!
//! A live stream is cut into micro-batches; each batch is an [`Rdd`]; the same closures
//! work on the stream and on data at rest. This crate is the one name to depend on: it
//! re-exports the engine and the streams, and [`prelude`] brings what programs use.
//!
//! ```
//! use headwater::prelude::*;
//!
//! let ctx = Context::local(2)?;
//! let ssc = StreamingContext::new(&ctx, millis(10))?;
//! let (queue, lines) = ssc.queue_stream();
//! queue.push_records(vec![Text::from("to be or not to be")], 1);
//! lines.flat_map(Text::into_words).map(|word| (word, 1)).reduce_by_key(|a, b| a + b).print();
//! ssc.start()?;
//! ssc.await_termination_or_timeout(millis(30))?;
//! ssc.stop(true, false)?;
//! # Ok::<(), headwater::StreamError>(())
//! ```

pub use headwater_core::{
    Accumulate, Accumulator, BoundedDouble, Broadcast, CollectionAccumulator, Compression, Conf,
    Context, DoubleAccumulator, Emitter, Error, FutureAction, HashPartitioner, JobError, JobInfo,
    JobStatus, Key, LongAccumulator, OperatorMetrics, PartialResult, PartitionIter,
    PartitionSource, Partitioner, Partitioning, Pipe, RangePartitioner, Rdd, Record, SaveOptions,
    Scope, Show, Site, SlotInfo, SlotTask, StageInfo, StatusTracker, StorageLevel, TaskError,
    TaskMetrics, Text, Wire, conf, events, hash, rdd, remove_unfinished_saves, text,
};
#[cfg(feature = "postgres")]
pub use headwater_postgres as postgres;
#[cfg(feature = "sqlite")]
pub use headwater_sqlite as sqlite;
pub use headwater_store as store;
pub use headwater_streaming::{
    BatchId, BatchInfo, BatchRun, Begun, DStream, FileStreamOptions, GraphInfo, InputInfo,
    InputKind, InputSource, InputStreamInfo, InverseWindow, LiveLine, MapWithState, Mistake,
    NodeId, OpenBatches, OpenRun, OutputId, OutputInfo, OutputNumber, OutputResult,
    OutputStreamInfo, PartitionKey, Queue, RateInfo, ReadRate, Receiver, ReceiverContext,
    ReceiverInfo, SourceBatch, State, StateChange, StateInfo, StateLog, StateSize, StateSnapshot,
    StateSpec, StateStore, StoreError, StoredInfo, StreamError, StreamInfo, StreamTuple,
    StreamingContext, StreamingEvent, StreamingListener, StreamingState, TaskDescriptor,
    TaskRunner, TimeoutCheck, TransactionalSink, UpdateStateSpec, checkpoint, clock, testing, time,
};

#[cfg(feature = "ui")]
pub use headwater_ui as ui;

/// What programs use: `use headwater::prelude::*;`.
pub mod prelude {
    pub use crate::time::{Time, millis, minutes, seconds};
    pub use crate::{
        Conf, Context, DStream, Error, HashPartitioner, InputSource, Rdd, Receiver,
        ReceiverContext, Show, SourceBatch, State, StateSpec, StorageLevel, StreamError,
        StreamingContext, StreamingListener, Text,
    };
}

/// The README's programs, so that they keep compiling.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;

/// The guide's programs, chapter by chapter.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/guide/README.md")]
struct Guide;

#[cfg(doctest)]
#[doc = include_str!("../../../docs/guide/concepts.md")]
struct GuideConcepts;

#[cfg(doctest)]
#[doc = include_str!("../../../docs/guide/transformations.md")]
struct GuideTransformations;

#[cfg(doctest)]
#[doc = include_str!("../../../docs/guide/windows.md")]
struct GuideWindows;

#[cfg(doctest)]
#[doc = include_str!("../../../docs/guide/state.md")]
struct GuideState;

#[cfg(doctest)]
#[doc = include_str!("../../../docs/guide/output.md")]
struct GuideOutput;

#[cfg(all(doctest, feature = "sqlite", feature = "postgres"))]
#[doc = include_str!("../../../docs/guide/exactly-once.md")]
struct GuideExactlyOnce;

#[cfg(doctest)]
#[doc = include_str!("../../../docs/guide/backpressure.md")]
struct GuideBackpressure;

#[cfg(doctest)]
#[doc = include_str!("../../../docs/guide/fault-tolerance.md")]
struct GuideFaultTolerance;

#[cfg(all(doctest, feature = "ui"))]
#[doc = include_str!("../../../docs/guide/monitoring.md")]
struct GuideMonitoring;

#[cfg(doctest)]
#[doc = include_str!("../../../docs/guide/coming-from-spark.md")]
struct GuideComingFromSpark;
