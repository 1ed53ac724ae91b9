//! What the scheduler's threads do: outputs, one after the other, and the ends of batches.

use std::time::{Duration, Instant, SystemTime};

use headwater_core::catch_panic;

use super::{BatchEnd, OutputRun, Shared, State, Work};
use crate::batch::tell_batch;
use crate::error::StreamError;
use crate::events::{OutputInfo, StreamingEvent};
use crate::time::Time;

/// What a thread has taken on.
enum Task {
    Output(OutputRun, OutputInfo),
    End,
}

/// Works until the scheduler is stopped.
pub(super) fn work_on(shared: &Shared) {
    let mut was_busy = false;
    while let Some((time, task)) = next(shared, was_busy) {
        was_busy = true;
        let Task::Output(run, mut info) = task else {
            end_batch(shared, time);
            continue;
        };
        let started = Instant::now();
        let (attempts, result) = tracing::info_span!("batch", %time, output = run.id.index())
            .in_scope(|| run_output(shared, time, &run));
        info.attempts = attempts;
        end_output(shared, info, started.elapsed(), result);
    }
}

fn next(shared: &Shared, was_busy: bool) -> Option<(Time, Task)> {
    let mut state = shared.state.lock();
    state.busy -= usize::from(was_busy);
    loop {
        if state.closed {
            return None;
        }
        if let Some((time, work)) = state.queue.pop_front() {
            state.busy += 1;
            let task = match work {
                Work::Output(run) => {
                    let info = begin(shared, &mut state, time, &run);
                    Task::Output(run, info)
                }
                Work::End => Task::End,
            };
            return Some((time, task));
        }
        shared.changed.wait(&mut state);
    }
}

/// Begins an output in the same moment in which it leaves the queue: a failure of another batch
/// drops batches as a whole, those of which nothing was begun.
fn begin(shared: &Shared, state: &mut State, time: Time, run: &OutputRun) -> OutputInfo {
    let info = OutputInfo {
        time,
        id: run.id,
        site: run.site,
        started: SystemTime::now(),
        took: None,
        failure: None,
        attempts: 1,
    };
    if let Some(batch) = state.batches.get_mut(&time) {
        if batch.started.is_none() {
            let now = Instant::now();
            batch.started = Some(now);
            batch.times.started = shared.at_end.clock.now();
            batch.info.scheduling_delay = Some(now - batch.submitted);
            shared.post(|| StreamingEvent::BatchStarted(batch.info.clone()));
        }
        batch.info.outputs.insert(run.id, info.clone());
    }
    shared.post(|| StreamingEvent::OutputStarted(info.clone()));
    info
}

/// Runs an output until it is well or has failed for good: after so many attempts.
fn run_output(shared: &Shared, time: Time, run: &OutputRun) -> (u32, Result<(), String>) {
    let output = run.id.index().to_string();
    let description = format!("Streaming job from [output operation {output}, batch time {time}]");
    let ctx = &shared.ctx;
    let mut attempt = 1;
    loop {
        // What the output sets itself holds until its end.
        let result = ctx.with_job_group(&shared.job_group, &description, || {
            tell_batch(ctx, time);
            ctx.set_local_property(OutputInfo::JOB_PROPERTY, Some(&output));
            catch_panic(run.site, || (run.job)()).unwrap_or_else(|panic| Err(panic.to_string()))
        });
        match result {
            Err(message) if attempt < shared.policy.attempts && !shared.state.lock().closed => {
                tracing::warn!(batch = %time, output = %run.site, attempt, "{message}; again");
                attempt += 1;
            }
            result => return (attempt, result),
        }
    }
}

fn end_output(shared: &Shared, mut info: OutputInfo, took: Duration, result: Result<(), String>) {
    info.took = Some(took);
    let time = info.time;
    let mut state = shared.state.lock();
    if let Err(message) = result {
        info.failure = Some(message.as_str().into());
        let (output, site) = (info.id.index(), info.site);
        let error = StreamError::Output {
            time,
            output,
            site,
            message,
        };
        // What a stop has cancelled is no failure of the stream.
        match state.closed {
            true => tracing::info!("the stream was stopped: {error}"),
            false => shared.fail(&mut state, error),
        }
    }
    shared.post(|| StreamingEvent::OutputCompleted(info.clone()));
    let Some(batch) = state.batches.get_mut(&time) else {
        return;
    };
    batch.info.outputs.insert(info.id, info);
    if batch.left > 1 {
        batch.left -= 1;
        return;
    }
    drop(state);
    end_batch(shared, time);
}

/// Brings state to a batch that its outputs left behind; `false` if the stream is over, after
/// which nobody needs it.
fn complete_state(shared: &Shared, time: Time) -> Result<bool, StreamError> {
    if shared.state.lock().is_over() {
        return Ok(false);
    }
    let description = format!("state of batch time {time}");
    let complete = || {
        tell_batch(&shared.ctx, time);
        (shared.at_end.complete_state)(time)
    };
    shared
        .ctx
        .with_job_group(&shared.job_group, &description, complete)?;
    Ok(true)
}

/// Ends a batch whose outputs are done.
fn end_batch(shared: &Shared, time: Time) {
    let completed = complete_state(shared, time);
    let mut state = shared.state.lock();
    let is_over = state.is_over();
    let Some(batch) = state.batches.get_mut(&time) else {
        return;
    };
    batch.left = 0;
    batch.info.processing_delay = batch.started.map(|started| started.elapsed());
    batch.times.ended = shared.at_end.clock.now();
    let planned = std::mem::replace(&mut batch.state, Ok(()));
    let is_unplanned = planned.is_err();
    let is_whole = !matches!(completed, Ok(false));
    // A state that is too far behind ends the stream, whatever else has failed.
    let failed = completed.and(planned).err();
    let failed = failed.filter(|_| !is_over);
    batch.info.state_failure = failed.as_ref().map(|error| error.to_string().into());
    let (mut info, times, is_silent) = (batch.info.clone(), batch.times, batch.is_silent);
    if let Some(error) = failed {
        shared.fail(&mut state, error);
    }
    if is_whole && !state.is_over() {
        drop(state);
        let end = BatchEnd {
            failure: info.failure().map(str::to_owned),
            is_unplanned,
        };
        let committed = (shared.at_end.commit)(time, end);
        state = shared.state.lock();
        match committed {
            Ok(took) => info.commit_took = took,
            // A stop at once takes the directory away from batches that end.
            Err(error) if state.closed => tracing::info!(batch = %time, "not recorded: {error}"),
            Err(error) => shared.halt(&mut state, error),
        }
    }
    state.last_done = state.last_done.max(Some(time));
    // An older batch may still run and needs what it has.
    let done = state.done_up_to();
    drop(state);
    // Before anyone hears of the end: a listener may look at what is left.
    if let Some(done) = done {
        (shared.at_end.done)(done);
    }
    if !is_silent {
        info.states = (shared.at_end.states)(shared.ctx.events().is_listened());
        shared.post(|| StreamingEvent::BatchCompleted(info.clone()));
        (shared.at_end.completed)(&info, times);
    }
    // Only now, so that whoever waits for the batch finds all that tidied up and told.
    shared.state.lock().remove(time);
    shared.changed.notify_all();
}
