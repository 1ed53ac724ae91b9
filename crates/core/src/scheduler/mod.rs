//! From an action to its results: jobs, stages, tasks.

mod describe;
mod executor;
mod job;
mod job_table;
mod panics;
mod plan;
mod profile;
mod report;
mod runner;
mod slot;
mod slot_table;
mod stack;
mod stage_run;
mod status;
mod task;

pub use panics::{catch_panic, in_task};
pub use profile::OperatorMetrics;
pub use slot_table::{SlotInfo, SlotTask};
pub use stack::STACK_BYTES;
pub(crate) use stack::thread_name;
pub use status::{JobInfo, JobStatus, StageInfo, StatusTracker};
pub use task::TaskMetrics;

pub(crate) use executor::{Executor, LocalExecutor};
pub(crate) use job_table::JobTable;
pub(crate) use panics::{ClosureOf, install_hook};
pub(crate) use plan::plan;
pub(crate) use runner::JobRunner;
pub(crate) use slot_table::SlotTable;
pub(crate) use task::TaskContext;
