//! That little is kept, however long a program runs.

use super::*;
use crate::site::Site;
use crate::testing::history;

const LIMITS: Limits = Limits {
    jobs: 100,
    stages: 150,
    tasks: 10,
    batches: 100,
    going_on: 300,
};

/// How many of each are kept.
#[derive(Debug, PartialEq)]
struct Kept {
    jobs: usize,
    stages: usize,
    tasks: usize,
    completed: usize,
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
fn what_has_lost_its_end_is_forgotten_in_the_end() {
    let mut model = Model::new(LIMITS);
    history::begun()
        .iter()
        .for_each(|record| model.apply(record));
    for number in 1..=1000 {
        let records = history::batch(number);
        let is_end = |record: &&Record| {
            matches!(
                record,
                Record::BatchCompleted(_) | Record::JobEnded(_) | Record::StageCompleted(_)
            )
        };
        let rest = records.iter().filter(|record| !is_end(record));
        rest.for_each(|record| model.apply(record));
    }
    let kept = kept(&model);
    assert_eq!((kept.jobs, kept.stages, kept.open), (300, 300, 300));
}

#[test]
fn the_oldest_that_are_over_are_forgotten() {
    let over = |one: &bool| *one;
    let mut all = BTreeMap::from([(1, true), (2, false), (3, true), (4, true), (5, false)]);
    forget_first(&mut all, 5, 9, over);
    assert_eq!(all.len(), 5);
    forget_first(&mut all, 3, 9, over);
    assert!(all.keys().eq(&[2, 4, 5]));
    forget_first(&mut all, 1, 9, over);
    assert!(all.keys().eq(&[2, 5]), "those that go on stay");
    forget_first(&mut all, 1, 1, over);
    assert!(all.keys().eq(&[5]), "unless they are too many");
}
