use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use super::*;
use crate::model::StageState;
use crate::record::{At, JobEnd, JobStart, TaskCounts, TaskEnd};
use crate::testing::{START_MS, ms, place};

const INTERVAL: Took = Took(1_000_000);

fn batch(waited: u64, processed: u64) -> BatchRecord {
    BatchRecord {
        time: START_MS,
        scheduling_delay: Some(ms(waited)),
        processing_delay: Some(ms(processed)),
        outputs: vec![output(0, processed)],
        ..BatchRecord::default()
    }
}

fn output(output: usize, took: u64) -> OutputRecord {
    OutputRecord {
        output,
        at: place("foreach_rdd", 9),
        took: Some(ms(took)),
        attempts: 1,
        ..OutputRecord::default()
    }
}

fn job(took: u64) -> Job {
    Job {
        start: JobStart::default().into(),
        end: Some(JobEnd {
            took: ms(took),
            ..JobEnd::default()
        }),
        progress: None,
    }
}

/// A stage of tasks: partition, milliseconds, and whether it failed. Tasks of a partition are
/// attempts.
fn stage(tasks: &[(usize, u64, bool)]) -> Stage {
    let mut known = BTreeMap::new();
    for (partition, took, failed) in tasks {
        let attempt = tasks.iter().filter(|task| task.0 == *partition).count() as u32;
        let attempt = (0..attempt).find(|attempt| !known.contains_key(&(*partition, *attempt)));
        let attempt = attempt.unwrap();
        let end = TaskEnd {
            at: At(ms(*took).0 as i64),
            error: failed.then(|| "lost".to_owned()),
            counts: TaskCounts {
                records_read: took * 10,
                ..TaskCounts::default()
            },
            ..TaskEnd::default()
        };
        let task = Task {
            id: 0,
            partition: *partition,
            attempt,
            submitted: At(0),
            end: Some(end.into()),
        };
        known.insert((*partition, attempt), task);
    }
    let longest = tasks.iter().map(|task| task.1).max().unwrap_or_default();
    Stage {
        id: 1,
        job: 0,
        place: place("reduce_by_key", 5),
        state: StageState::Complete,
        submitted: Some(At(0)),
        completed: Some(At(ms(longest).0 as i64)),
        error: None,
        tasks_len: tasks.len(),
        active: 0,
        succeeded: 0,
        failed: 0,
        tasks: known,
        counts: TaskCounts::default(),
        accumulators: Vec::new(),
        operators: Vec::new(),
    }
}

fn sentence(batch: &BatchRecord, job: &Job, stage: &Stage) -> Option<String> {
    let called = Called {
        output: 0,
        job: Some(job),
        stages: vec![stage],
    };
    let cause = is_slow(batch, INTERVAL).then(|| cause(batch, &[called]));
    Some(cause??.sentence(INTERVAL, &TimeZone::UTC))
}

#[test]
fn a_batch_within_its_bounds_is_not_slow() {
    let even = stage(&[(0, 10, false)]);
    assert_eq!(sentence(&batch(900, 1000), &job(1000), &even), None);
    let running = BatchRecord {
        processing_delay: None,
        ..batch(9000, 0)
    };
    assert!(!is_slow(&running, INTERVAL));
    assert!(is_slow(&batch(0, 1001), INTERVAL) && is_slow(&batch(1500, 501), INTERVAL));
}

#[test]
fn waiting_is_told_with_the_batch_that_ran() {
    let mut batch = batch(2000, 100);
    let even = stage(&[(0, 90, false)]);
    let said = sentence(&batch, &job(95), &even);
    assert_eq!(said.unwrap(), "It waited 2.0 s for the batch before it.");
    batch.waited_for = Some(START_MS - 1000);
    let said = sentence(&batch, &job(95), &even);
    assert_eq!(
        said.unwrap(),
        "It waited 2.0 s for the batch of 2025/11/24 15:59:59."
    );
}

#[test]
fn a_skewed_partition_is_told() {
    let skewed = stage(&[(0, 100, false), (1, 110, false), (2, 1400, false)]);
    assert_eq!(
        sentence(&batch(0, 1500), &job(1490), &skewed).unwrap(),
        "One partition is skewed: partition 2 of reduce_by_key at src/main.rs:5 took 1.4 s for \
         14\u{202f}000 records, while the median task took 110 ms."
    );
}

#[test]
fn tasks_that_are_only_somewhat_longer_are_not_skewed() {
    let even = stage(&[(0, 500, false), (1, 510, false), (2, 1400, false)]);
    assert_eq!(
        sentence(&batch(0, 1500), &job(1490), &even).unwrap(),
        "It had that much to do: the longest stage, reduce_by_key at src/main.rs:5, took 1.4 s \
         for 3 tasks."
    );
    let short = stage(&[(0, 1, false), (1, 1, false), (2, 20, false)]);
    assert_eq!(skewed(&short), None);
}

#[test]
fn a_retry_is_told() {
    let retried = stage(&[
        (0, 100, false),
        (1, 600, true),
        (1, 500, true),
        (1, 120, false),
    ]);
    assert_eq!(
        sentence(&batch(0, 1500), &job(1490), &retried).unwrap(),
        "A retry: partition 1 of reduce_by_key at src/main.rs:5 was tried 3 times, and attempts \
         that failed took 1.1 s."
    );
    let given_up = stage(&[(0, 900, true)]);
    assert_eq!(super::retried(&given_up), None);
}

#[test]
fn the_journal_is_told() {
    let batch = BatchRecord {
        cut_took: Some(ms(100)),
        commit_took: Some(ms(800)),
        ..batch(0, 1500)
    };
    let said = sentence(&batch, &job(1490), &stage(&[(0, 600, false)]));
    assert_eq!(
        said.unwrap(),
        "Writing its entries to the journal took 900 ms."
    );
}

#[test]
fn code_outside_of_jobs_is_told() {
    let mut batch = batch(0, 1500);
    batch.outputs[0].attempts = 2;
    let said = sentence(&batch, &job(300), &stage(&[(0, 290, false)]));
    assert_eq!(
        said.unwrap(),
        "Output 0, foreach_rdd at src/main.rs:9, took 1.2 s outside of its jobs, and was tried 2 \
         times."
    );
}

#[test]
fn an_output_that_took_most_of_the_time_is_told() {
    let mut batch = batch(0, 1500);
    batch.outputs = vec![output(0, 1200), output(1, 200)];
    let said = sentence(&batch, &job(1190), &stage(&[(0, 1190, false)]));
    // Nothing is known of the jobs of the other one.
    assert_eq!(
        said.unwrap(),
        "Output 0, foreach_rdd at src/main.rs:9, took 1.2 s, most of the processing time."
    );
}

#[test]
fn of_jobs_that_are_forgotten_nothing_is_said() {
    let forgotten = Called {
        output: 0,
        job: None,
        stages: Vec::new(),
    };
    assert_eq!(cause(&batch(0, 1500), &[forgotten]), None);
}

#[test]
fn without_jobs_the_output_alone_is_known() {
    let cause = batch(0, 1500);
    let cause = super::cause(&cause, &[]).unwrap();
    assert!(
        matches!(cause, Cause::Code { length, .. } if length == ms(1500)),
        "{cause:?}"
    );
}
