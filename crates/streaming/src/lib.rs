//! Micro-batch streams over the engine: DStreams, receivers, batches.
//!
//! It knows nothing of SQL, machine learning, user interfaces or connectors. Read
//! [`StreamingContext`] first, then `dstream` (operators), `graph` (what the operators
//! build), `batch` (how a batch lives) and `receiver`.
//!
//! ```
//! use headwater_streaming::testing::run_batches;
//!
//! let counts = run_batches(vec![vec!["a b", "a"], vec!["b"]], |lines| {
//!     lines
//!         .flat_map(|line| line.split(' '))
//!         .map(|word| (word.to_string(), 1))
//!         .reduce_by_key(|a, b| a + b)
//! });
//! assert_eq!(counts[1], [("b".to_string(), 1)]);
//! ```

mod context;
mod dstream;
mod error;
mod events;

mod batch;
pub mod checkpoint;
pub mod clock;
pub mod conf;
mod console;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod graph;
mod input;
mod live_line;
mod rate;
mod receiver;
mod sink;
mod state;
mod tasks;
pub mod testing;
mod threads;
pub mod time;

pub use context::StreamingContext;
pub use dstream::{
    BatchId, BatchRun, DStream, InverseWindow, MapWithState, PartitionKey, StreamTuple,
};
pub use error::{Mistake, StreamError};
pub use events::{
    BatchInfo, InputInfo, OutputInfo, RateInfo, ReceiverInfo, StoredInfo, StreamingEvent,
    StreamingListener,
};
pub use graph::info::{GraphInfo, InputKind, InputStreamInfo, OutputStreamInfo, StreamInfo};
pub use graph::{NodeId, OutputId, OutputNumber, OutputResult, StreamingState};
pub use input::{FileStreamOptions, InputSource, Queue, SourceBatch};
pub use live_line::LiveLine;
pub use rate::ReadRate;
pub use receiver::{Receiver, ReceiverContext, StoreError};
pub use sink::{Begun, OpenBatches, OpenRun, TransactionalSink};
pub use state::{
    State, StateChange, StateInfo, StateLog, StateSize, StateSnapshot, StateSpec, StateStore,
    TimeoutCheck, UpdateStateSpec,
};
pub use tasks::{TaskDescriptor, TaskRunner};
