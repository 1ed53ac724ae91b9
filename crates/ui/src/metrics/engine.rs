//! The program, its jobs and its tasks.

use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use super::samples::{by_state, counter, counters, gauge};
use crate::model::{JobState, Model, StageState};

pub(super) fn register(registry: &mut Registry, model: &Model) {
    let application = &model.application;
    let build = Info::new(vec![("version", application.version.clone())]);
    registry.register("headwater_build", "The release of Headwater", build);
    let program = Info::new(vec![
        ("id", application.id.clone()),
        ("name", application.name.clone()),
        ("master", application.master.clone()),
    ]);
    registry.register("headwater_application", "The program", program);
    gauge(
        registry,
        "headwater_slots",
        "Tasks that can run at a time",
        application.slots as f64,
    );
    work(registry, model);
    let counts = model.jobs.tasks.counts;
    let sums = [
        (
            "records_read",
            "Records that the sources of tasks gave",
            counts.records_read,
        ),
        (
            "bytes_read",
            "Bytes that tasks read from files or disk",
            counts.bytes_read,
        ),
        (
            "bytes_written",
            "Bytes that tasks wrote to files or disk",
            counts.bytes_written,
        ),
        (
            "shuffle_records_read",
            "Records that tasks took out of shuffles",
            counts.shuffle_records_read,
        ),
        (
            "shuffle_records_written",
            "Records that tasks handed to shuffles",
            counts.shuffle_records_written,
        ),
        (
            "files_skipped",
            "Files, or parts of them, of which tasks skipped something as damaged or missing",
            counts.files_skipped,
        ),
    ];
    for (name, help, value) in sums {
        counter(
            registry,
            &format!("headwater_task_{name}"),
            help,
            value as f64,
        );
    }
}

/// Jobs, stages and tasks: those that have ended are counted, those that have not are told.
fn work(registry: &mut Registry, model: &Model) {
    let (jobs, totals) = (&model.jobs, model.jobs.tasks);
    let running = jobs
        .jobs
        .values()
        .filter(|job| job.state() == JobState::Running);
    let ended = by_state([
        ("succeeded", jobs.succeeded as f64),
        ("failed", jobs.failed as f64),
    ]);
    counters(registry, "headwater_jobs", "Jobs that have ended", ended);
    gauge(
        registry,
        "headwater_running_jobs",
        "Jobs that run",
        running.count() as f64,
    );
    let ended = by_state([
        ("succeeded", totals.succeeded as f64),
        ("failed", totals.failed as f64),
    ]);
    counters(
        registry,
        "headwater_tasks",
        "Attempts of tasks that have ended",
        ended,
    );
    let help = "Tasks that were handed out and have not ended";
    gauge(
        registry,
        "headwater_running_tasks",
        help,
        totals.active as f64,
    );
    counter(
        registry,
        "headwater_lost_jobs",
        "Jobs whose end is not known, as events were dropped",
        jobs.lost as f64,
    );
    counter(
        registry,
        "headwater_missing_events",
        "Events that these metrics lack, as listeners were too slow",
        model.dropped as f64,
    );
    let stages = |state| {
        let stages = jobs.stages.values().filter(|stage| stage.state == state);
        stages.count() as f64
    };
    let active = stages(StageState::Active);
    gauge(
        registry,
        "headwater_running_stages",
        "Stages that run",
        active,
    );
    let pending = stages(StageState::Pending);
    gauge(
        registry,
        "headwater_waiting_stages",
        "Stages that wait for others",
        pending,
    );
}
