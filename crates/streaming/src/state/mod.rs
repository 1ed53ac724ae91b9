//! State: what a stream keeps from batch to batch.
//!
//! A [`store`] holds the state of a stateful stream in partitions, each at the version of a
//! batch. A batch brings each partition to the next version once, whoever reads it first and
//! however often ([`steps`]); a task that fails leaves the version before. What a batch does
//! to a partition is decided first and then applied as one change, which can be logged:
//! [`track`] is `map_with_state`, [`update`] is `update_state_by_key`, [`rewrite`] its form
//! for whole partitions, [`window`] is the windows with an inverse function.
//!
//! A state may go on from one that an [`older`] program has kept in another [`form`]: in other
//! partitions ([`movable`]), or with other values ([`migration`]).

mod ages;
mod change;
mod entries;
mod form;
mod handle;
mod info;
mod load;
mod migration;
mod movable;
mod older;
mod rewrite;
mod shape;
mod spec;
mod steps;
mod store;
mod table;
mod touched;
mod track;
mod update;
mod window;
mod written;

#[cfg(test)]
pub(crate) use change::TableChange;
pub(crate) use form::Form;
pub use handle::{StateChange, StateLog, StateSize, StateSnapshot, StateStore};
pub use info::StateInfo;
pub(crate) use load::LoadStep;
pub(crate) use migration::{Migrations, Versions};
pub(crate) use movable::Movable;
pub(crate) use older::{Kept, Older};
pub(crate) use rewrite::{Item, RewriteStep, Rows};
pub(crate) use spec::UpdateFunction;
pub use spec::{State, StateSpec, TimeoutCheck, UpdateStateSpec};
pub(crate) use steps::{AnySteps, StepPlan, Steps, taken_in};
pub(crate) use store::{AnyStore, Holds, Initial, Marks, PartitionState, Store};
pub(crate) use table::StateTable;
pub(crate) use track::{Outputs, TimeOut, TrackStep};
pub(crate) use update::UpdateStep;
pub(crate) use window::{InverseStep, Window, WindowFunctions};
