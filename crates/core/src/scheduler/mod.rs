//! From an action to its results: jobs, stages, tasks.

mod executor;
mod job;
mod panics;
mod plan;
mod running;
mod slot;
mod task;

pub use panics::{catch_panic, in_task};
pub use task::TaskMetrics;

pub(crate) use executor::{Executor, LocalExecutor};
pub(crate) use job::JobRunner;
pub(crate) use panics::{ClosureOf, install_hook};
pub(crate) use plan::plan;
pub(crate) use running::RunningJobs;
pub(crate) use task::TaskContext;
