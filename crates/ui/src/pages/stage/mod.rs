//! One stage: its tasks, and how much they differ.

mod spread;
mod tasks;

use maud::{Markup, html};

use super::job_dag::{JobDag, section};
use super::{Answer, View, format, parts};
use crate::gantt::{Bar, Gantt};
use crate::model::{Job, Stage, StageState, Task, TaskState};
use crate::record::{OperatorRecord, Took};

/// How many tasks the drawing shows: the longest ones.
const DRAWN: usize = 200;

pub(crate) fn page(view: &View<'_>) -> Answer {
    let id = match parts::id(view.query) {
        Ok(id) => id,
        Err(answer) => return answer,
    };
    let attempt: u64 = match view.query.number("attempt") {
        Ok(attempt) => attempt.unwrap_or_default(),
        Err(message) => return Answer::bad(&message),
    };
    let Some(stage) = view.model.jobs.stages.get(&id) else {
        return Answer::missing(&format!("unknown stage: {id}"));
    };
    if attempt != 0 {
        // Tasks are tried again here, never whole stages.
        return Answer::missing(&format!("unknown attempt for stage {id}: {attempt}"));
    }
    let job = view.model.jobs.jobs.get(&stage.job);
    let body = html! {
        (facts(view, stage))
        (spread::skew_shown(stage))
        @if let Some(job) = job { (section(&JobDag::of_stage(view, job, id))) }
        (timeline(view, stage))
        (spread::percentiles(stage))
        (accumulators(stage))
        (operators(stage, job))
        (tasks::slots(stage))
        (tasks::table(view, stage))
    };
    Answer::page(
        "/stages/",
        format!("Details for Stage {id} (Attempt 0)"),
        body,
    )
}

fn facts(view: &View<'_>, stage: &Stage) -> Markup {
    let (class, status) = match stage.state {
        StageState::Pending => ("", "PENDING"),
        StageState::Active => ("", "ACTIVE"),
        StageState::Complete => ("good", "COMPLETE"),
        StageState::Failed => ("bad", "FAILED"),
        StageState::Skipped => ("dim", "SKIPPED"),
    };
    let is_active = stage.state == StageState::Active;
    let began = stage.submitted.filter(|_| is_active);
    let took = parts::until_now(view, began, stage.took());
    let counts = &stage.counts;
    let waits = stage
        .tasks_len
        .saturating_sub(stage.active + stage.succeeded);
    html! {
        dl.facts #facts {
            dt { "Status" } dd class=(class) { (status) }
            dt { "Operator" } dd { (stage.place.operator) " " code.dim { (stage.place.line) } }
            dt { "Job" } dd { a href=(view.job(stage.job)) { (stage.job) } }
            dt { "Submitted" } dd { (parts::moment(view, stage.submitted)) }
            dt { "Duration" } dd { (format::maybe_length(took)) }
            dt { "Time of tasks that succeeded" } dd { (format::length(counts.run_time)) }
            dt { "Tasks" }
            dd {
                (stage.succeeded) " succeeded, " (stage.failed) " failed, "
                (stage.active) " running"
                @if is_active { ", " (waits) " not begun" }
                " of " (stage.tasks_len)
            }
            dt { "Records" } dd { (format::count(counts.records_read)) }
            dt { "Shuffle" }
            dd {
                (format::count(counts.shuffle_records_read)) " records read, "
                (format::count(counts.shuffle_records_written)) " written"
            }
            dt { "Bytes" }
            dd {
                (format::size(counts.bytes_read)) " read, "
                (format::size(counts.bytes_written)) " written"
            }
            @if counts.files_skipped > 0 {
                dt { "Skipped files" }
                dd.bad { (format::count(counts.files_skipped)) " damaged or missing" }
            }
            @if let Some(error) = &stage.error { dt { "Error" } dd.bad { pre { (error) } } }
        }
    }
}

/// When the tasks ran, by slot.
fn timeline(view: &View<'_>, stage: &Stage) -> Markup {
    let mut ends: Vec<_> = stage
        .tasks
        .values()
        .filter_map(|task| task.end.as_ref())
        .filter(|end| end.slot.is_some())
        .collect();
    let all = ends.len();
    ends.sort_by_key(|end| std::cmp::Reverse(end.at.since(end.launched)));
    ends.truncate(DRAWN);
    ends.sort_by_key(|end| (end.slot, end.launched));
    let mut slots: Vec<usize> = ends.iter().filter_map(|end| end.slot).collect();
    slots.dedup();
    let lane = |slot| slots.binary_search(&slot).unwrap_or_default();
    let bars = ends.iter().map(|end| {
        let took = format::length(end.at.since(end.launched));
        Bar {
            lane: lane(end.slot.unwrap_or_default()),
            from: end.launched,
            to: end.at,
            class: if end.error.is_some() {
                "failed"
            } else {
                "done"
            },
            tip: format!("Task {} (attempt {}): {took}", end.partition, end.attempt),
            href: format!("#{}", tasks::row_id(end.partition, end.attempt)),
        }
    });
    let gantt = Gantt {
        id: "task-timeline",
        label: "When the tasks ran",
        bars: bars.collect(),
        lanes: slots.iter().map(|slot| format!("slot {slot}")).collect(),
        zone: view.zone,
    };
    html! {
        @if all > 0 {
            details #tasks-when open {
                summary {
                    "Event timeline"
                    @if all > DRAWN { " of the " (DRAWN) " longest of " (all) " tasks" }
                }
                (gantt.draw())
            }
        }
    }
}

fn accumulators(stage: &Stage) -> Markup {
    html! {
        @if !stage.accumulators.is_empty() {
            section #accumulators-section {
                h2 { "Accumulators" }
                table #accumulators {
                    thead { tr { th scope="col" { "Accumulable" } th scope="col" { "Value" } } }
                    tbody {
                        @for (name, value) in &stage.accumulators {
                            tr { td { (name) } td { (value) } }
                        }
                    }
                }
            }
        }
    }
}

/// What each operator gave, and where the time went.
fn operators(stage: &Stage, job: Option<&Job>) -> Markup {
    let record = |rdd: u64| -> Option<&OperatorRecord> {
        job?.start
            .operators
            .iter()
            .find(|operator| operator.rdd == rdd)
    };
    let all: Took = stage.operators.iter().map(|count| count.time).sum();
    html! {
        @if !stage.operators.is_empty() {
            section #operators-section {
                h2 { "Operators" }
                table #operators {
                    thead {
                        tr {
                            th scope="col" { "RDD" } th scope="col" { "Operator" }
                            th.number scope="col" { "Records" }
                            th.number scope="col" { "Time" } th scope="col" { "Share" }
                        }
                    }
                    tbody {
                        @for count in &stage.operators {
                            tr id={ "operator-" (count.rdd) } {
                                td { (count.rdd) }
                                td {
                                    @if let Some(record) = record(count.rdd) {
                                        (record.name.as_deref().unwrap_or(&record.at.operator))
                                        " " code.dim { (record.at.line) }
                                    }
                                }
                                td.number { (format::count(count.records)) }
                                td.number { (format::length(count.time)) }
                                td { progress max=(all.0.max(1)) value=(count.time.0) {} }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// How long a task ran on its slot; nothing while it runs.
fn run_time(task: &Task) -> Option<Took> {
    Some(task.end.as_ref()?.counts.run_time)
}

fn status(task: &Task) -> (&'static str, &'static str) {
    match task.state() {
        TaskState::Running => ("", "RUNNING"),
        TaskState::Success => ("good", "SUCCESS"),
        TaskState::Failed => ("bad", "FAILED"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    fn answer(address: &str) -> Answer {
        testing::answer(page, &testing::history::model(), address)
    }

    fn shown(address: &str) -> String {
        answer(address).body.into_string()
    }

    #[test]
    fn a_stage_shows_its_tasks_and_its_operators() {
        let html = shown("/stages/stage/?id=0&attempt=0");
        for part in [
            "COMPLETE",
            "2 succeeded, 0 failed, 0 running of 2",
            "Summary Metrics for 2 Completed Tasks",
            r#"<th scope="row">Scheduler Delay</th><td class="number">2.00 ms</td>"#,
            "Tasks (2)",
            r#"<tr id="task-1-0">"#,
            r##"<a href="#task-1-0">"##,
            "slot 1",
            "Aggregated Metrics by Slot",
            "Accumulators",
            r#"<tr id="operator-2"><td>2</td><td>union"#,
            r#"<td class="number">420</td><td class="number">9.00 ms</td>"#,
        ] {
            assert!(html.contains(part), "{part} in {html}");
        }
        assert!(shown("/stages/stage/?id=13").contains("1 running, 0 not begun of 2"));
        let failed = shown("/stages/stage/?id=8");
        assert!(failed.contains("FAILED") && failed.contains("<pre>&lt;script&gt;"));
    }

    #[test]
    fn tasks_are_sorted_and_paged_by_the_address() {
        let html =
            shown("/stages/stage/?id=0&tasks.sort=Duration&tasks.desc=true&tasks.pageSize=1");
        assert!(html.contains(r#"<tr id="task-1-0">"#) && !html.contains(r#"<tr id="task-0-0">"#));
    }

    #[test]
    fn a_skewed_partition_is_told() {
        let model = testing::model_of(&testing::jobs::stage_of(&[10, 90, 12, 11]));
        let html = testing::answer(page, &model, "/stages/stage/?id=0")
            .body
            .into_string();
        let said = "the task of partition 1 took 90 ms, 7.5 times the median of 12 ms; it was \
                    given 90 records, where the median is 12.";
        assert!(html.contains(said), "{html}");
        assert!(!shown("/stages/stage/?id=0").contains("Skewed"));
    }

    #[test]
    fn stages_that_are_not_there_are_refused() {
        let refused = [
            ("/stages/stage/", 400, "Missing id parameter"),
            ("/stages/stage/?id=-1", 400, "`-1` is not accepted as id"),
            (
                "/stages/stage/?id=0&attempt=x",
                400,
                "`x` is not accepted as attempt",
            ),
            ("/stages/stage/?id=77", 404, "unknown stage: 77"),
            (
                "/stages/stage/?id=0&attempt=1",
                404,
                "unknown attempt for stage 0: 1",
            ),
        ];
        for (address, status, message) in refused {
            let answer = answer(address);
            assert_eq!(answer.status, status);
            assert!(answer.body.into_string().contains(message));
        }
    }

    #[test]
    fn only_the_longest_of_many_tasks_are_drawn() {
        let millis: Vec<u64> = (1..=1000).collect();
        let model = testing::model_of(&testing::jobs::stage_of(&millis));
        let html = testing::answer(page, &model, "/stages/stage/?id=0")
            .body
            .into_string();
        assert!(html.contains("of the 200 longest of 1000 tasks"));
        assert_eq!(html.matches("<rect class=\"bar done\"").count(), DRAWN);
        assert!(html.contains("page 1 of 10"));
        assert!(html.len() < 180_000, "{} bytes", html.len());
    }

    #[test]
    fn text_of_programs_stays_text() {
        for id in 0..15 {
            assert!(!shown(&format!("/stages/stage/?id={id}")).contains(testing::HOSTILE));
        }
    }
}
