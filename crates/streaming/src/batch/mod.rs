//! The life of a batch: cut by the generator, run by the scheduler, forgotten at its end.

mod generator;
mod outcome;
mod schedule;
mod scheduler;

pub(crate) use generator::JobGenerator;
pub(crate) use outcome::Outcome;
pub(crate) use schedule::Schedule;
pub(crate) use scheduler::{AtEnd, JobScheduler, JobSet, OutputRun, Policy, post};
