//! The engine of Headwater: typed RDDs, stages, tasks, shuffle and storage.
//!
//! It knows nothing of streams. Read [`rdd`] first, then `chunk` (how records flow inside
//! a task), `shuffle` (how they move between tasks) and `scheduler` (how an action becomes
//! tasks).
//!
//! ```
//! use headwater_core::{Context, Text};
//!
//! let ctx = Context::local(2).unwrap();
//! let lines = ctx.parallelize(vec![Text::from("to be or not"), Text::from("to be")], 2);
//! let counts = lines.flat_map(Text::into_words).map(|w| (w, 1)).reduce_by_key(|a, b| a + b);
//! let mut counts = counts.collect().unwrap();
//! counts.sort();
//! assert_eq!(counts[0], (Text::from("be"), 2));
//! ```

pub mod conf;
pub mod rdd;

mod accumulator;
mod broadcast;
mod chunk;
mod context;
mod error;
pub mod events;
mod files;
pub mod hash;
mod record;
mod scheduler;
mod scope;
mod show;
mod shuffle;
mod site;
mod storage;
pub mod text;

pub use accumulator::{
    Accumulate, Accumulator, CollectionAccumulator, CollectionPart, DoubleAccumulator, DoublePart,
    FoldedPart, LongAccumulator, LongPart,
};
pub use broadcast::Broadcast;
pub use chunk::Emitter;
pub use conf::Conf;
pub use context::Context;
pub use error::{Error, JobError, TaskError};
pub use files::{Compression, FoundFile, SaveOptions, remove_unfinished_saves};
pub use headwater_store::StoreError;
pub use rdd::{
    BoundedDouble, FutureAction, LocalIterator, PartialResult, PartitionIter, PartitionSource,
    Pipe, Rdd, StatCounter, TotalF64,
};
pub use record::{Key, Record, Wire};
pub use scheduler::{
    JobInfo, JobStatus, OperatorMetrics, STACK_BYTES, SlotInfo, SlotTask, StageInfo, StatusTracker,
    TaskMetrics, catch_panic, in_task,
};
pub use scope::Scope;
pub use show::Show;
pub use shuffle::{HashPartitioner, Partitioner, Partitioning, RangePartitioner};
pub use site::Site;
pub use storage::{PackedRecords, StorageInfo, StorageLevel, StoredPartition, estimate_bytes};
pub use text::Text;
