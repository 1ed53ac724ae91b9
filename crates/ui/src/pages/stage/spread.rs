//! How much the tasks of a stage differ.

use maud::{Markup, html};

use super::{format, run_time};
use crate::model::{Stage, Task, TaskState};
use crate::record::{TaskCounts, Took};

/// A task is told of when it takes longer than so many times the median,
const SKEW_FACTOR: u64 = 3;
/// and long enough that anybody would care.
const SKEW_MIN: Took = Took(20_000);

const QUANTILES: [(&str, f64); 5] = [
    ("Min", 0.0),
    ("25th percentile", 0.25),
    ("Median", 0.5),
    ("75th percentile", 0.75),
    ("Max", 1.0),
];

/// A task that held up its stage.
#[derive(Debug, PartialEq, Eq)]
struct Skew {
    partition: usize,
    took: Took,
    median: Took,
    records: u64,
    median_records: u64,
}

/// The tasks that have succeeded.
fn succeeded(stage: &Stage) -> impl Iterator<Item = &Task> {
    let tasks = stage.tasks.values();
    tasks.filter(|task| task.state() == TaskState::Success)
}

/// The value below which a share of some sorted values is, as Spark picks it; zero of none.
fn quantile(sorted: &[u64], share: f64) -> u64 {
    let place = (share * sorted.len() as f64) as usize;
    let last = sorted.len().saturating_sub(1);
    sorted.get(place.min(last)).copied().unwrap_or_default()
}

/// What a task was given, from wherever.
fn given(task: &Task) -> u64 {
    let counts = task.end.as_ref().map(|end| end.counts).unwrap_or_default();
    counts.records_read + counts.shuffle_records_read
}

/// The longest task, if it is far longer than the others; two tasks cannot tell.
fn skew(stage: &Stage) -> Option<Skew> {
    let tasks: Vec<&Task> = succeeded(stage).collect();
    if tasks.len() < 3 {
        return None;
    }
    let micros = |task: &Task| run_time(task).unwrap_or_default().0;
    let median = |of: &dyn Fn(&Task) -> u64| {
        let mut sorted: Vec<u64> = tasks.iter().map(|task| of(task)).collect();
        sorted.sort_unstable();
        quantile(&sorted, 0.5)
    };
    let longest = tasks.iter().max_by_key(|task| micros(task))?;
    let (took, middle) = (micros(longest), median(&micros));
    let is_skewed = took > SKEW_MIN.0 && took > middle.saturating_mul(SKEW_FACTOR);
    is_skewed.then(|| Skew {
        partition: longest.partition,
        took: Took(took),
        median: Took(middle),
        records: given(longest),
        median_records: median(&given),
    })
}

/// Says which partition was the longest, if one was by far.
pub(super) fn skew_shown(stage: &Stage) -> Markup {
    let Some(skew) = skew(stage) else {
        return html! {};
    };
    let times = skew.took.0 as f64 / skew.median.0.max(1) as f64;
    let bar = |name: &str, took: Took| {
        html! {
            dt { (name) }
            dd { progress max=(skew.took.0) value=(took.0) {} " " (format::length(took)) }
        }
    };
    html! {
        section #skew .notice {
            p {
                strong { "Skewed: " }
                "the task of partition " (skew.partition) " took " (format::length(skew.took))
                ", " (format!("{times:.1}")) " times the median of "
                (format::length(skew.median)) "; it was given " (format::count(skew.records))
                " records, where the median is " (format::count(skew.median_records)) "."
            }
            dl.facts {
                (bar(&format!("Partition {}", skew.partition), skew.took))
                (bar("Median", skew.median))
            }
        }
    }
}

/// One line of the table: its name, the sorted values of the tasks, and how one is written.
type Line<'a> = (&'a str, Vec<u64>, fn(u64) -> String);

/// Quantiles of what the tasks that have succeeded did.
pub(super) fn percentiles(stage: &Stage) -> Markup {
    let ends: Vec<_> = succeeded(stage)
        .filter_map(|task| Some((task, task.end.as_ref()?)))
        .collect();
    if ends.is_empty() {
        return html! {};
    }
    let length: fn(u64) -> String = |micros| format::length(Took(micros));
    let sorted = |mut values: Vec<u64>| {
        values.sort_unstable();
        values
    };
    let of = |value: fn(&TaskCounts) -> u64| {
        sorted(ends.iter().map(|(_, end)| value(&end.counts)).collect())
    };
    let delays = ends.iter().map(|(task, _)| task.scheduler_delay().0);
    let delays = sorted(delays.collect());
    let lines: [Line<'_>; 7] = [
        ("Duration", of(|counts| counts.run_time.0), length),
        ("Scheduler Delay", delays, length),
        ("Records", of(|counts| counts.records_read), format::count),
        (
            "Shuffle Read Records",
            of(|counts| counts.shuffle_records_read),
            format::count,
        ),
        (
            "Shuffle Write Records",
            of(|counts| counts.shuffle_records_written),
            format::count,
        ),
        ("Bytes Read", of(|counts| counts.bytes_read), format::size),
        (
            "Bytes Written",
            of(|counts| counts.bytes_written),
            format::size,
        ),
    ];
    html! {
        section #summary-section {
            h2 { "Summary Metrics for " (ends.len()) " Completed Tasks" }
            div.scroll {
                table #summary {
                    thead {
                        tr {
                            th scope="col" { "Metric" }
                            @for (name, _) in QUANTILES { th.number scope="col" { (name) } }
                        }
                    }
                    tbody {
                        @for (name, values, text) in lines {
                            tr {
                                th scope="row" { (name) }
                                @for (_, share) in QUANTILES {
                                    td.number { (text(quantile(&values, share))) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn quantiles_are_values_of_tasks() {
        let picked = |sorted: &[u64]| QUANTILES.map(|(_, share)| quantile(sorted, share));
        assert_eq!(picked(&[1, 2, 3, 4, 5, 6, 7, 8]), [1, 3, 5, 7, 8]);
        assert_eq!(picked(&[7]), [7; 5]);
        assert_eq!(picked(&[]), [0; 5]);
    }

    #[test]
    fn only_a_task_that_is_long_and_far_longer_is_skewed() {
        let of = |millis: &[u64]| {
            let model = testing::model_of(&testing::jobs::stage_of(millis));
            skew(&model.jobs.stages[&0])
        };
        let found = of(&[10, 90, 12, 11]).unwrap();
        assert_eq!(
            (found.partition, found.took, found.median),
            (1, Took(90_000), Took(12_000))
        );
        assert_eq!((found.records, found.median_records), (90, 12));
        assert_eq!(of(&[10, 36, 12, 11]), None);
        assert_eq!(of(&[1, 20, 1, 1]), None);
        assert_eq!(of(&[1, 90]), None);
    }
}
