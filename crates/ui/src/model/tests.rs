//! That little is kept, however long a program runs.

use std::sync::mpsc::sync_channel;

use headwater_core::events::Event;
use headwater_core::{Conf, Context};
use headwater_streaming::testing::TestStream;
use headwater_streaming::time::seconds;

use super::*;
use crate::relay::follow;
use crate::site::{Follower, Site};
use crate::testing::history;

const LIMITS: Limits = Limits {
    jobs: 100,
    stages: 150,
    tasks: 10,
    batches: 100,
    failed_batches: 20,
    going_on: 300,
};

/// How many of each are kept.
#[derive(Debug, PartialEq)]
struct Kept {
    jobs: usize,
    stages: usize,
    tasks: usize,
    completed: usize,
    failed_before: usize,
    open: usize,
    states: usize,
    inputs: usize,
}

fn kept(model: &Model) -> Kept {
    let streaming = model.streaming.as_ref().unwrap();
    let stages = model.jobs.stages.values();
    Kept {
        jobs: model.jobs.jobs.len(),
        stages: model.jobs.stages.len(),
        tasks: stages.map(|stage| stage.tasks.len()).sum(),
        completed: streaming.completed.len(),
        failed_before: streaming.failed_before.len(),
        open: streaming.open.len(),
        states: streaming.states.len(),
        inputs: streaming.inputs.len(),
    }
}

#[test]
fn what_is_kept_of_a_stream_does_not_grow_with_its_batches() {
    let site = Site::new(LIMITS);
    history::begun()
        .iter()
        .for_each(|record| site.apply(record));
    let run = |batches: std::ops::RangeInclusive<u64>| {
        for number in batches {
            let records = history::batch(number);
            records.iter().for_each(|record| site.apply(record));
        }
        // What is written of it is as long as what it holds, sums for metrics included.
        (kept(&site.model()), format!("{site:?}").len())
    };
    let (early, early_bytes) = run(1..=400);
    let (late, late_bytes) = run(401..=10_000);
    assert_eq!(early, late);
    assert_eq!((late.jobs, late.stages, late.completed), (100, 150, 100));
    assert_eq!((late.open, late.states, late.inputs), (0, 1, 2));
    assert_eq!(late.failed_before, 20);
    // Numbers have more digits.
    let bound = early_bytes + early_bytes / 10;
    assert!(late_bytes < bound, "{early_bytes} bytes, then {late_bytes}");
    let model = site.model();
    let streaming = model.streaming.as_ref().unwrap();
    assert!(streaming.completed.capacity() <= 4 * LIMITS.batches);
    assert_eq!(
        (streaming.completed_total, model.jobs.succeeded),
        (10_000, 17_500)
    );
}

#[test]
fn failed_batches_are_found_longer_than_others() {
    let mut model = begun(LIMITS);
    (1..=160).for_each(|number| apply(&mut model, &history::batch(number)));
    let streaming = model.streaming.as_ref().unwrap();
    // The third of every four fails. Of the first 60, which are not among the last 100, 15 do.
    let kept = (1..=60).filter(|number| streaming.batch(history::batch_time(*number)).is_some());
    assert_eq!(
        kept.collect::<Vec<_>>(),
        (3..=60).step_by(4).collect::<Vec<_>>()
    );
    // Charts and means are over the last ones.
    assert_eq!(streaming.batches().count(), 100);
}

/// A model of a stream before its first batch.
fn begun(limits: Limits) -> Model {
    let mut model = Model::new(limits);
    apply(&mut model, &history::begun());
    model
}

fn apply(model: &mut Model, records: &[Record]) {
    records.iter().for_each(|record| model.apply(record));
}

/// A batch without the ends of anything.
fn without_ends(number: u64) -> Vec<Record> {
    let mut records = history::batch(number);
    records.retain(|record| {
        !matches!(
            record,
            Record::BatchCompleted(_)
                | Record::JobEnded(_)
                | Record::StageCompleted(_)
                | Record::TaskEnded(_)
        )
    });
    records
}

const DROPPED: Record = Record::Dropped {
    at: At(0),
    events: 7,
};

/// How many batches, jobs, stages and tasks go on.
fn going_on(model: &Model) -> (usize, usize, usize, u64) {
    let jobs = model.jobs.jobs.values().filter(|job| job.end.is_none());
    let stages = model.jobs.stages.values().filter(|stage| stage.is_open());
    let open = model.streaming.as_ref().unwrap().open.len();
    (open, jobs.count(), stages.count(), model.jobs.tasks.active)
}

#[test]
fn what_has_lost_its_end_is_forgotten_in_the_end() {
    let mut model = begun(LIMITS);
    (1..=1000).for_each(|number| apply(&mut model, &without_ends(number)));
    let kept = kept(&model);
    assert_eq!((kept.jobs, kept.stages, kept.open), (300, 300, 300));
}

#[test]
fn what_has_lost_its_end_is_forgotten_when_a_later_batch_completes() {
    let mut model = begun(LIMITS);
    (1..=3).for_each(|number| apply(&mut model, &without_ends(number)));
    apply(&mut model, &history::batch(4));
    let (open, jobs, ..) = going_on(&model);
    assert_eq!(
        (open, jobs),
        (3, 6),
        "as long as nothing is missing they go on"
    );
    model.apply(&DROPPED);
    apply(&mut model, &history::batch(5));
    assert_eq!(going_on(&model), (0, 0, 0, 0));
    let lost = model
        .streaming
        .as_ref()
        .map(|streaming| streaming.lost_total);
    assert_eq!((lost, model.jobs.lost, model.dropped), (Some(3), 6, 7));
}

#[test]
fn what_may_run_beside_a_batch_goes_on() {
    let mut model = begun(LIMITS);
    model.streaming.as_mut().unwrap().concurrent_jobs = 2;
    (1..=3).for_each(|number| apply(&mut model, &without_ends(number)));
    model.apply(&DROPPED);
    apply(&mut model, &history::batch(4));
    let open = &model.streaming.as_ref().unwrap().open;
    assert!(open.keys().eq(&[history::batch_time(3)]));
    let (_, jobs, ..) = going_on(&model);
    assert_eq!(jobs, 2, "those of the batch");
}

#[test]
fn a_stream_that_loses_events_all_the_time_leaves_nothing_behind() {
    let mut model = begun(LIMITS);
    let mut number_of_event = 0_u64;
    for number in 1..=500 {
        for record in history::batch(number) {
            // Every third event, whatever it is; now and then somebody notices.
            number_of_event += 1;
            match number_of_event % 3 {
                0 => model.apply(&DROPPED),
                _ => model.apply(&record),
            }
        }
    }
    apply(&mut model, &history::batch(501));
    assert_eq!(going_on(&model), (0, 0, 0, 0));
    let kept = kept(&model);
    assert_eq!((kept.jobs, kept.stages, kept.open), (100, 150, 0));
}

/// As it goes in a program: a listener is slow, and those of the pages share its queue.
#[test]
fn a_stream_with_a_slow_listener_leaves_nothing_behind() {
    let conf = Conf::new().master("local[1]");
    let ctx = Context::new(conf.set("listener_bus.queue.capacity", 200)).unwrap();
    let test = TestStream::on(&ctx, seconds(1)).unwrap();
    let site = Site::new(Limits::default());
    let _following = follow(&ctx, Follower(site.clone()));
    let numbers = test.input(vec![vec![1, 2, 3]; 40]);
    let pairs = numbers.map(|number| (number, 1));
    pairs
        .reduce_by_key(|a, b| a + b)
        .foreach_rdd(|rdd, _| rdd.count().map(drop));
    test.run(2);
    ctx.events().flush();
    let (release, wait_release) = sync_channel::<()>(0);
    let slow = ctx.events().add(move |_: &Event| {
        let _ = wait_release.recv();
    });
    test.run(30);
    drop(release);
    ctx.events().flush();
    ctx.events().remove(slow);
    let dropped = ctx.events().dropped();
    assert!(dropped > 0);
    test.run(1);
    test.context().stop(false, true).unwrap();
    ctx.events().flush();
    let model = site.model();
    assert_eq!((going_on(&model), model.dropped), ((0, 0, 0, 0), dropped));
}

#[test]
fn a_job_that_has_ended_has_no_stage_that_goes_on() {
    let mut records = history::batch(1);
    records.retain(|record| !matches!(record, Record::StageCompleted(_) | Record::TaskEnded(_)));
    let mut model = begun(LIMITS);
    apply(&mut model, &records);
    assert_eq!(going_on(&model), (0, 0, 0, 0));
    assert_eq!(model.jobs.stages[&0].state, StageState::Complete);
}

/// Stages are forgotten first, then jobs, then batches.
#[test]
fn what_is_known_of_a_batch_and_of_a_job_outlives_its_parts() {
    let mut model = begun(Limits {
        jobs: 4,
        stages: 2,
        ..LIMITS
    });
    (1..=6).for_each(|number| apply(&mut model, &history::batch(number)));
    let done = |job: &Job| model.jobs.progress(job).tasks.done;
    let done: Vec<_> = model.jobs.jobs.values().map(done).collect();
    assert_eq!(
        done,
        [4, 2, 4, 2],
        "all of them, also where stages are forgotten"
    );
    assert_eq!(model.jobs.stages.len(), 2);
    let batches = &model.streaming.as_ref().unwrap().completed;
    let of_second = batches[1].jobs.iter().map(|called| {
        let end = called.end.as_ref().unwrap();
        (end.progress.tasks.done, end.progress.stages.done)
    });
    assert!(of_second.eq([(4, 2), (2, 1)]));
    let is_skewed = matches!(batches[1].why_slow, Some(Cause::Skewed { .. }));
    assert!(is_skewed, "{:?}", batches[1].why_slow);
    let is_retried = matches!(batches[2].why_slow, Some(Cause::Retried { .. }));
    assert!(is_retried, "{:?}", batches[2].why_slow);
}

#[test]
fn the_oldest_that_are_over_are_forgotten() {
    let over = |one: &bool| *one;
    let mut all = BTreeMap::from([(1, true), (2, false), (3, true), (4, true), (5, false)]);
    forget_first(&mut all, 5, 9, over, drop);
    assert_eq!(all.len(), 5);
    forget_first(&mut all, 3, 9, over, drop);
    assert!(all.keys().eq(&[2, 4, 5]));
    forget_first(&mut all, 1, 9, over, drop);
    assert!(all.keys().eq(&[2, 5]), "those that go on stay");
    forget_first(&mut all, 1, 1, over, drop);
    assert!(all.keys().eq(&[5]), "unless they are too many");
}
