//! The tables of running, waiting and completed batches.

use maud::{Markup, html};

use super::super::table::{Column, SortKey, Table};
use super::super::{Query, View, format, parts};
use crate::model::{self, Batch, BatchState, Streaming};
use crate::record::{At, BatchRecord, Took};

const RUNNING: &str = "runningBatches";
const WAITING: &str = "waitingBatches";
const NOT_RUN: &str = "notRunBatches";
const FAILED_BEFORE: &str = "failedBatches";
pub(super) const COMPLETED: &str = "completedBatches";

type Columns<'a> = Vec<Column<'a, &'a Batch>>;

pub(super) fn tables<'a>(view: &'a View<'a>, streaming: &'a Streaming) -> Markup {
    let running: Vec<_> = streaming.in_state(BatchState::Processing).collect();
    let waiting: Vec<_> = streaming.in_state(BatchState::Queued).collect();
    let not_run: Vec<_> = streaming.in_state(BatchState::NotRun).collect();
    let completed: Vec<_> = streaming.completed.iter().collect();
    let failed_before: Vec<_> = streaming.failed_before.iter().collect();
    let kept = format!(
        "Completed Batches (last {} out of {})",
        format::count(completed.len() as u64),
        format::count(streaming.completed_total)
    );
    html! {
        (section(view, streaming, RUNNING, &format!("Running Batches ({})", running.len()), running))
        (section(view, streaming, WAITING, &format!("Waiting Batches ({})", waiting.len()), waiting))
        @if !not_run.is_empty() {
            (section(view, streaming, NOT_RUN, &format!("Batches Not Run ({})", not_run.len()),
                not_run))
        }
        (section(view, streaming, COMPLETED, &kept, completed))
        @if !failed_before.is_empty() {
            (section(view, streaming, FAILED_BEFORE, &format!(
                "Failed Batches Before ({})", failed_before.len()), failed_before))
        }
    }
}

/// Whether a table shows what it shows when nobody has asked for anything else.
pub(super) fn is_table_as_it_begins(query: &Query, table: &str) -> bool {
    let mut parameters = ["sort", "desc", "page", "pageSize"].into_iter();
    parameters.all(|parameter| query.get(&format!("{table}.{parameter}")).is_none())
}

fn section<'a>(
    view: &'a View<'a>,
    streaming: &'a Streaming,
    name: &'static str,
    title: &str,
    batches: Vec<&'a Batch>,
) -> Markup {
    let is_completed = [COMPLETED, FAILED_BEFORE].contains(&name);
    let mut columns = columns(view, streaming);
    if is_completed {
        let never = |_: &Batch| None;
        columns.push(delay(view, "Total Delay", never, BatchRecord::total_delay));
    }
    columns.push(outputs(streaming));
    if !is_completed {
        columns.push(Column::new("Status", |batch: &&Batch| state(batch)));
    }
    if batches.iter().any(|batch| batch.record.failure().is_some()) {
        columns.push(Column::new("Error", |batch: &&Batch| error(batch)));
    }
    let is_slow = |batch: &&Batch| model::is_slow(&batch.record, streaming.interval);
    if is_completed && batches.iter().any(is_slow) {
        columns.push(Column::new("Why slow", |batch: &&Batch| {
            html! { span.why { (why_slow(view, streaming, batch)) } }
        }));
    }
    let table = Table {
        name,
        columns,
        sort: ("Batch Time", true),
        empty: "None.",
        row_id: Some(Box::new(|batch: &&Batch| format!("batch-{}", batch.time()))),
    };
    html! {
        section id={ (name) "-section" } {
            h2 { (title) }
            (table.show(view.query, batches))
        }
    }
}

fn columns<'a>(view: &'a View<'a>, streaming: &'a Streaming) -> Columns<'a> {
    let time = |batch: &&Batch| {
        let text = format::batch_time(batch.time(), streaming.interval, view.zone);
        html! { a href=(view.batch(batch.time())) { (text) } }
    };
    let records = |batch: &&Batch| html! { (parts::records(batch.record.records())) };
    vec![
        Column::new("Batch Time", time).sorted_by(|batch| SortKey::Order(batch.time() as f64)),
        Column::new("Records", records)
            .sorted_by(|batch| SortKey::Number(batch.record.records() as f64)),
        delay(view, "Scheduling Delay", Batch::waits_since, |batch| {
            batch.scheduling_delay
        })
        .hint("How long it waited until the first of its outputs began"),
        delay(view, "Processing Time", Batch::runs_since, |batch| {
            batch.processing_delay
        })
        .hint("From the begin of its first output to the end of its last"),
    ]
}

/// A delay, or how long it is so far.
fn delay<'a>(
    view: &'a View<'a>,
    title: &'static str,
    since: fn(&Batch) -> Option<At>,
    of: fn(&BatchRecord) -> Option<Took>,
) -> Column<'a, &'a Batch> {
    let cell = move |batch: &&Batch| parts::so_far(view, since(batch), of(&batch.record));
    let key = move |batch: &&Batch| {
        parts::took_key(parts::until_stop(view, since(batch), of(&batch.record)))
    };
    Column::new(title, cell).sorted_by(key)
}

fn outputs(streaming: &Streaming) -> Column<'_, &Batch> {
    let all = streaming.graph.outputs.len();
    Column::new("Output Ops: Succeeded/Total", move |batch: &&Batch| {
        parts::outputs(batch, all).show()
    })
}

fn state(batch: &Batch) -> Markup {
    html! {
        @match batch.state {
            BatchState::Queued => "queued",
            BatchState::Processing => "processing",
            BatchState::Completed => "completed",
            BatchState::NotRun => "not run",
        }
    }
}

fn error(batch: &Batch) -> Markup {
    html! {
        @if let Some(text) = batch.record.failure() {
            (parts::message(&format!("error-{}", batch.time()), text))
        }
    }
}

fn why_slow(view: &View<'_>, streaming: &Streaming, batch: &Batch) -> String {
    let cause = batch.why_slow.as_ref();
    cause.map_or_else(String::new, |cause| {
        cause.sentence(streaming.interval, view.zone)
    })
}
