//! The life of a batch: cut by the generator, run by the scheduler, forgotten at its end.

mod generator;
mod outcome;
mod schedule;
mod scheduler;

use headwater_core::Context;

use crate::events::BatchInfo;
use crate::time::Time;

pub(crate) use generator::JobGenerator;
pub(crate) use outcome::Outcome;
pub(crate) use schedule::Schedule;
pub(crate) use scheduler::{AtEnd, BatchEnd, JobScheduler, JobSet, OutputRun, Policy, post};

/// Has the jobs that this thread runs from now on say for which batch they are.
fn tell_batch(ctx: &Context, time: Time) {
    let millis = time.as_millis().to_string();
    ctx.set_local_property(BatchInfo::JOB_PROPERTY, Some(&millis));
}
