//! The tasks of a stage, one by one and by slot.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::{format, parts, run_time, status};
use crate::model::{Stage, Task};
use crate::pages::View;
use crate::pages::table::{Column, SortKey, Table};
use crate::record::{At, TaskCounts, TaskEnd, Took};

/// The `id` of a task's row.
pub(super) fn row_id(partition: usize, attempt: u32) -> String {
    format!("task-{partition}-{attempt}")
}

pub(super) fn table(view: &View<'_>, stage: &Stage) -> Markup {
    let tasks: Vec<&Task> = stage.tasks.values().collect();
    let ran = stage.succeeded + stage.failed + stage.active;
    let mut columns = when_and_where(view);
    columns.extend(counts());
    if tasks.iter().any(|task| error(task).is_some()) {
        columns.push(Column::new("Errors", |task: &&Task| {
            parts::failure(
                &format!("{}-error", row_id(task.partition, task.attempt)),
                error(task),
            )
        }));
    }
    let table = Table {
        name: "tasks",
        columns,
        sort: ("Index", false),
        empty: "No task has begun.",
        row_id: Some(Box::new(|task: &&Task| {
            row_id(task.partition, task.attempt)
        })),
    };
    html! {
        section #tasks-section {
            h2 {
                "Tasks (" (tasks.len())
                @if ran > tasks.len() { " of " (ran) }
                ")"
            }
            (table.show(view.query, tasks))
        }
    }
}

fn error(task: &Task) -> Option<&str> {
    task.end.as_ref()?.error.as_deref()
}

fn launched(task: &Task) -> At {
    task.end.as_ref().map_or(task.submitted, |end| end.launched)
}

fn slot(task: &Task) -> Option<usize> {
    task.end.as_ref()?.slot
}

fn delay(task: &Task) -> Option<Took> {
    task.end.as_ref().map(|_| task.scheduler_delay())
}

fn when_and_where<'a>(view: &'a View<'_>) -> Vec<Column<'a, &'a Task>> {
    vec![
        Column::new("Index", |task: &&Task| html! { (task.partition) })
            .hint("The partition")
            .sorted_by(|task| parts::count_key(task.partition as u64)),
        Column::new("Attempt", |task: &&Task| html! { (task.attempt) })
            .sorted_by(|task| parts::count_key(task.attempt.into())),
        Column::new("Status", |task: &&Task| {
            let (class, text) = status(task);
            html! { span class=(class) { (text) } }
        })
        .sorted_by(|task| SortKey::Text(status(task).1.to_owned())),
        Column::new("Slot", |task: &&Task| match slot(task) {
            Some(slot) => html! { (slot) },
            None => html! { (format::NOTHING) },
        })
        .sorted_by(|task| SortKey::maybe(slot(task).map(|slot| slot as f64))),
        Column::new("Launch Time", |task: &&Task| {
            html! { span.nowrap { (format::date_time(launched(task), view.zone, true)) } }
        })
        .sorted_by(|task| parts::moment_key(Some(launched(task)))),
        Column::new("Duration", |task: &&Task| {
            html! { (format::maybe_length(run_time(task))) }
        })
        .sorted_by(|task| parts::took_key(run_time(task))),
        Column::new("Scheduler Delay", |task: &&Task| {
            html! { (format::maybe_length(delay(task))) }
        })
        .hint("How long it waited for a slot")
        .sorted_by(|task| parts::took_key(delay(task))),
    ]
}

/// What a task read and wrote; nothing while it runs.
fn counts<'a>() -> impl Iterator<Item = Column<'a, &'a Task>> {
    type Of = fn(&TaskCounts) -> u64;
    type Text = fn(u64) -> String;
    let columns: [(&str, Of, Text); 5] = [
        ("Records", |counts| counts.records_read, format::count),
        (
            "Shuffle Read Records",
            |counts| counts.shuffle_records_read,
            format::count,
        ),
        (
            "Shuffle Write Records",
            |counts| counts.shuffle_records_written,
            format::count,
        ),
        ("Bytes Read", |counts| counts.bytes_read, format::size),
        ("Bytes Written", |counts| counts.bytes_written, format::size),
    ];
    columns.into_iter().map(|(title, of, text)| {
        let value = move |task: &Task| task.end.as_ref().map(|end| of(&end.counts));
        Column::new(title, move |task: &&Task| {
            html! { (value(task).map_or_else(|| format::NOTHING.to_owned(), text)) }
        })
        .sorted_by(move |task| SortKey::maybe(value(task).map(|value| value as f64)))
    })
}

/// The sums of what ran on a slot.
#[derive(Default)]
struct OnSlot {
    succeeded: usize,
    failed: usize,
    /// Of tasks that failed, too.
    ran: Took,
    counts: TaskCounts,
}

/// What each slot did: Spark's aggregation by executor.
pub(super) fn slots(stage: &Stage) -> Markup {
    let mut slots: BTreeMap<usize, OnSlot> = BTreeMap::new();
    let ends = stage.tasks.values().filter_map(|task| task.end.as_ref());
    for end in ends {
        // What needed no slot is nobody's.
        if let Some(slot) = end.slot {
            slots.entry(slot).or_default().add(end);
        }
    }
    let titles = [
        "Task Time",
        "Total Tasks",
        "Failed Tasks",
        "Succeeded Tasks",
        "Records",
        "Shuffle Read Records",
        "Shuffle Write Records",
        "Bytes",
    ];
    html! {
        @if !slots.is_empty() {
            section #slots-section {
                h2 { "Aggregated Metrics by Slot" }
                div.scroll {
                    table #slots {
                        thead {
                            tr {
                                th scope="col" { "Slot" }
                                @for title in titles { th.number scope="col" { (title) } }
                            }
                        }
                        tbody {
                            @for (slot, sums) in &slots {
                                tr id={ "slot-" (slot) } {
                                    td { (slot) }
                                    @for cell in sums.cells() { td.number { (cell) } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

impl OnSlot {
    fn add(&mut self, end: &TaskEnd) {
        self.ran = self.ran + end.counts.run_time;
        match end.error {
            None => {
                self.succeeded += 1;
                self.counts += end.counts;
            }
            Some(_) => self.failed += 1,
        }
    }

    fn cells(&self) -> [String; 8] {
        let (counts, count) = (&self.counts, |number: usize| format::count(number as u64));
        [
            format::length(self.ran),
            count(self.succeeded + self.failed),
            count(self.failed),
            count(self.succeeded),
            format::count(counts.records_read),
            format::count(counts.shuffle_records_read),
            format::count(counts.shuffle_records_written),
            format::size(counts.bytes_read + counts.bytes_written),
        ]
    }
}
