//! The jobs of the recorded history.
//!
//! Each output of a batch has called one: the first runs the stages up to a shuffle and after
//! it, the second reads the same shuffle, so that it skips the first stage and runs one of its
//! own. Numbers go on from batch to batch: batch 1 has jobs 0 and 1, stages 0 to 2 and RDDs 0
//! to 4, which are those of the streams with these numbers.

use super::history::{OPERATORS, batch_time, output_place};
use super::{HOSTILE, at, ms, place};
use crate::record::{
    JobEnd, JobStart, OperatorCount, OperatorRecord, Place, Record, StageEnd, StagePlanRecord,
    StageStart, TaskCounts, TaskEnd, TaskStart,
};

const JOBS_PER_BATCH: u64 = 2;
const STAGES_PER_BATCH: u64 = 3;
const RDDS_PER_BATCH: u64 = OPERATORS.len() as u64;
/// The job that the program calls itself, and its stage: the next ones after those of batch 5.
const OWN_JOB: u64 = 9;
const OWN_STAGE: u64 = 14;

/// How a job goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Succeeded,
    /// It succeeds, and a task of its last stage does so in its second attempt.
    Repeated,
    /// A task fails, and with it the job.
    Failed,
    /// A task of its last stage goes on.
    Running,
}

/// The job of an output of a batch.
pub(super) struct Job {
    pub(super) batch: u64,
    pub(super) output: usize,
    /// In milliseconds after the start of the history.
    pub(super) begins: i64,
    /// How long its longest task takes, in milliseconds.
    pub(super) longest: u64,
    pub(super) outcome: Outcome,
}

/// A stage that runs.
struct Stage {
    job: u64,
    stage: u64,
    place: Place,
    begins: i64,
}

/// A task of a stage that runs.
struct Task {
    partition: usize,
    attempt: u32,
    /// In milliseconds after its stage.
    begins: u64,
    takes: u64,
    counts: TaskCounts,
    error: Option<String>,
}

impl Job {
    /// Records what happens in it.
    pub(super) fn record(&self, records: &mut Vec<Record>) {
        records.push(Record::JobStarted(self.start().into()));
        if self.output == 0 {
            self.before_the_shuffle(records);
        }
        let stage = self.stage(1 + self.output as u64);
        let stage = Stage {
            begins: self.begins + [15, 1][self.output],
            ..stage
        };
        records.push(stage.submitted());
        let tasks = self.tasks_after_the_shuffle();
        let lasts = tasks.iter().map(|task| task.begins + task.takes + 2).max();
        let ends = stage.begins + lasts.unwrap_or_default() as i64;
        if self.outcome == Outcome::Running {
            let [first, second] = &tasks[..] else {
                return;
            };
            records.extend(stage.task(first));
            records.push(stage.task_started(second));
            return;
        }
        tasks
            .iter()
            .for_each(|task| records.extend(stage.task(task)));
        let error = (self.outcome == Outcome::Failed).then(failure);
        let counted = match (self.output, &error) {
            (_, Some(_)) => vec![],
            (0, None) => vec![(3, 37, 4)],
            (_, None) => vec![(3, 37, 2), (4, 1234, 8)],
        };
        records.push(stage.completed(ends, &tasks, error.clone(), self.operator_counts(&counted)));
        records.push(job_ended(self.number(), self.begins, ends + 1, error));
    }

    fn number(&self) -> u64 {
        (self.batch - 1) * JOBS_PER_BATCH + self.output as u64
    }

    /// The number of a stage of the batch.
    fn stage_number(&self, stage: u64) -> u64 {
        (self.batch - 1) * STAGES_PER_BATCH + stage
    }

    /// The number of a stream's RDD in the batch.
    fn rdd(&self, stream: u64) -> u64 {
        (self.batch - 1) * RDDS_PER_BATCH + stream
    }

    fn start(&self) -> JobStart {
        let is_first = self.output == 0;
        let read = StagePlanRecord {
            is_skipped: !is_first,
            ..self.plan(0, &[], &[0, 1, 2])
        };
        let stages = match is_first {
            true => vec![read, self.plan(1, &[0], &[3])],
            false => vec![read, self.plan(2, &[0], &[3, 4])],
        };
        let action = ["take", "foreach_partition"][self.output];
        let properties = [
            ("streaming.batch_time", batch_time(self.batch).to_string()),
            ("streaming.output_id", self.output.to_string()),
        ];
        JobStart {
            job: self.number(),
            at: at(self.begins),
            action: Place {
                operator: action.into(),
                ..output_place(self.output)
            },
            stages,
            operators: (0..if is_first { 4 } else { 5 })
                .map(|stream| self.operator(stream))
                .collect(),
            group: is_first.then(|| "words".to_owned()),
            tags: match is_first {
                true => vec!["a".to_owned(), "b".to_owned()],
                false => Vec::new(),
            },
            properties: properties
                .map(|(key, value)| (key.to_owned(), value))
                .into(),
            ..JobStart::default()
        }
    }

    fn plan(&self, stage: u64, needs: &[u64], streams: &[u64]) -> StagePlanRecord {
        StagePlanRecord {
            stage: self.stage_number(stage),
            at: stage_place(),
            tasks: 2,
            needs: needs
                .iter()
                .map(|stage| self.stage_number(*stage))
                .collect(),
            operators: streams.iter().map(|stream| self.rdd(*stream)).collect(),
            is_skipped: false,
        }
    }

    /// The RDD of a stream.
    fn operator(&self, stream: u64) -> OperatorRecord {
        let name = OPERATORS[stream as usize];
        let parents: &[u64] = [&[][..], &[], &[0, 1], &[2], &[3]][stream as usize];
        let is_cached = stream == 4;
        OperatorRecord {
            rdd: self.rdd(stream),
            name: None,
            at: place(name, 10 + stream as u32),
            parents: parents.iter().map(|parent| self.rdd(*parent)).collect(),
            partitions: 2,
            level: if is_cached { "MEMORY_ONLY" } else { "" }.to_owned(),
            is_cached,
            scope: Some((stream, format!("{name} @ 16:00:0{}", self.batch))),
        }
    }

    fn stage(&self, stage: u64) -> Stage {
        Stage {
            job: self.number(),
            stage: self.stage_number(stage),
            place: stage_place(),
            begins: self.begins + 1,
        }
    }

    fn before_the_shuffle(&self, records: &mut Vec<Record>) {
        let stage = self.stage(0);
        let task = |partition: usize| Task {
            partition,
            attempt: 0,
            begins: 0,
            takes: 10 + partition as u64,
            counts: TaskCounts {
                records_read: 50 * (1 + partition as u64),
                bytes_read: 1000 * (1 + partition as u64),
                shuffle_records_written: 25 + 5 * partition as u64,
                ..TaskCounts::default()
            },
            error: None,
        };
        let tasks = [task(0), task(1)];
        records.push(stage.submitted());
        tasks
            .iter()
            .for_each(|task| records.extend(stage.task(task)));
        let counted = self.operator_counts(&[(0, 100, 3), (1, 7, 1), (2, 420, 9)]);
        records.push(stage.completed(stage.begins + 13, &tasks, None, counted));
    }

    fn tasks_after_the_shuffle(&self) -> Vec<Task> {
        let task = |partition: usize, attempt, begins, takes, error| Task {
            partition,
            attempt,
            begins,
            takes,
            counts: TaskCounts {
                shuffle_records_read: 10 + 100 * partition as u64,
                ..TaskCounts::default()
            },
            error,
        };
        let first = task(0, 0, 0, self.longest.min(20), None);
        match self.outcome {
            Outcome::Failed => vec![task(0, 0, 0, 5, Some(failure()))],
            Outcome::Repeated => {
                let lost = self.longest - 22;
                vec![
                    first,
                    task(1, 0, 0, lost, Some(format!("{HOSTILE} in src/main.rs:14"))),
                    task(1, 1, lost + 2, 20, None),
                ]
            }
            _ => vec![first, task(1, 0, 0, self.longest, None)],
        }
    }

    fn operator_counts(&self, counted: &[(u64, u64, u64)]) -> Vec<OperatorCount> {
        let count = |(stream, records, millis): &(u64, u64, u64)| OperatorCount {
            rdd: self.rdd(*stream),
            records: *records,
            time: ms(*millis),
        };
        counted.iter().map(count).collect()
    }
}

impl Stage {
    fn submitted(&self) -> Record {
        Record::StageSubmitted(StageStart {
            job: self.job,
            stage: self.stage,
            at: at(self.begins),
            place: self.place.clone(),
            tasks: 2,
        })
    }

    fn completed(
        &self,
        ends: i64,
        tasks: &[Task],
        error: Option<String>,
        operators: Vec<OperatorCount>,
    ) -> Record {
        let mut counts = TaskCounts::default();
        let succeeded = tasks.iter().filter(|task| task.error.is_none());
        succeeded.for_each(|task| counts += task.all_counts());
        Record::StageCompleted(StageEnd {
            job: self.job,
            stage: self.stage,
            at: at(ends),
            error,
            counts,
            accumulators: vec![(format!("bad lines {HOSTILE}"), "7".to_owned())],
            operators,
        })
    }

    fn task_started(&self, task: &Task) -> Record {
        Record::TaskStarted(TaskStart {
            task: self.task_number(task),
            job: self.job,
            stage: self.stage,
            partition: task.partition,
            attempt: task.attempt,
            at: at(self.begins + task.begins as i64),
        })
    }

    /// Begin and end of a task, which gets a slot two milliseconds after it was handed over.
    fn task(&self, task: &Task) -> [Record; 2] {
        let launched = self.begins + task.begins as i64 + 2;
        let end = TaskEnd {
            task: self.task_number(task),
            job: self.job,
            stage: self.stage,
            partition: task.partition,
            attempt: task.attempt,
            slot: Some(task.partition % 2),
            launched: at(launched),
            at: at(launched + task.takes as i64),
            counts: task.all_counts(),
            error: task.error.clone(),
            ..TaskEnd::default()
        };
        [self.task_started(task), Record::TaskEnded(end.into())]
    }

    fn task_number(&self, task: &Task) -> u64 {
        self.stage * 4 + task.partition as u64 * 2 + u64::from(task.attempt)
    }
}

impl Task {
    fn all_counts(&self) -> TaskCounts {
        TaskCounts {
            run_time: ms(self.takes),
            ..self.counts
        }
    }
}

/// A job that the program has called outside of its stream, and that failed.
pub(super) fn of_the_program(records: &mut Vec<Record>) {
    let stage = Stage {
        job: OWN_JOB,
        stage: OWN_STAGE,
        place: place("map", 30),
        begins: 6301,
    };
    records.push(Record::JobStarted(
        JobStart {
            job: OWN_JOB,
            at: at(6300),
            action: place(HOSTILE, 31),
            stages: vec![StagePlanRecord {
                stage: OWN_STAGE,
                at: stage.place.clone(),
                tasks: 2,
                ..StagePlanRecord::default()
            }],
            description: Some(HOSTILE.to_owned()),
            ..JobStart::default()
        }
        .into(),
    ));
    let task = Task {
        partition: 0,
        attempt: 0,
        begins: 0,
        takes: 5,
        counts: TaskCounts::default(),
        error: Some(failure()),
    };
    records.push(stage.submitted());
    records.extend(stage.task(&task));
    records.push(stage.completed(6310, &[task], Some(failure()), Vec::new()));
    records.push(job_ended(OWN_JOB, 6300, 6311, Some(failure())));
}

/// A stage of a job of its own whose tasks took so many milliseconds and read as many records.
pub(crate) fn stage_of(millis: &[u64]) -> Vec<Record> {
    let stage = Stage {
        job: 0,
        stage: 0,
        place: place("count", 3),
        begins: 0,
    };
    let mut records = vec![Record::StageSubmitted(StageStart {
        at: at(0),
        place: stage.place.clone(),
        tasks: millis.len(),
        ..StageStart::default()
    })];
    for (partition, millis) in millis.iter().enumerate() {
        let counts = TaskCounts {
            records_read: *millis,
            ..TaskCounts::default()
        };
        records.extend(stage.task(&Task {
            partition,
            attempt: 0,
            begins: 0,
            takes: *millis,
            counts,
            error: None,
        }));
    }
    records
}

fn stage_place() -> Place {
    place(OPERATORS[3], 13)
}

fn failure() -> String {
    format!("{HOSTILE}\nsecond line")
}

fn job_ended(job: u64, begins: i64, ends: i64, error: Option<String>) -> Record {
    Record::JobEnded(JobEnd {
        job,
        at: at(ends),
        took: ms((ends - begins) as u64),
        error,
    })
}
