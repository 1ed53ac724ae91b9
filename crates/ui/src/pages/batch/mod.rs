//! A batch: what it was given, what its outputs did, how long all of it took.

mod outputs;

use maud::{Markup, html};

use super::{Answer, View, format, parts};
use crate::model::{Batch, BatchState, Streaming};
use crate::record::Took;

pub(crate) fn page(view: &View<'_>) -> Answer {
    let time = match view.query.number::<i64>("id") {
        Ok(Some(time)) => time,
        Ok(None) => return Answer::bad("Missing id parameter"),
        Err(message) => return Answer::bad(&message),
    };
    let Some(streaming) = &view.model.streaming else {
        return Answer::missing("This program has started no stream.");
    };
    let written = format::batch_time(time, streaming.interval, view.zone);
    let Some(batch) = streaming.batch(time) else {
        return Answer::bad(&format!("Batch {written} does not exist"));
    };
    let body = html! {
        (facts(view, streaming, batch))
        (inputs(streaming, batch))
        (outputs::table(view, streaming, batch))
    };
    Answer::page(
        "/streaming/",
        format!("Details of batch at {written}"),
        body,
    )
}

fn facts(view: &View<'_>, streaming: &Streaming, batch: &Batch) -> Markup {
    let record = &batch.record;
    let time = |time| format::batch_time(time, streaming.interval, view.zone);
    let fact = |name: &str, took: Option<Took>| {
        html! { dt { (name) } dd { (format::maybe_length(took)) } }
    };
    html! {
        dl #facts .facts {
            dt { "Batch Duration" } dd { (format::in_words(streaming.interval)) }
            dt { "Status" } dd { (state(batch)) }
            dt { "Input data size" } dd { (parts::records(record.records())) }
            dt { "Submitted" } dd { (format::date_time(record.submitted, view.zone, true)) }
            @if let Some(before) = record.waited_for {
                dt { "Waited for" }
                dd { a href=(view.batch(before)) { "batch of " (time(before)) } }
            }
            dt { "Scheduling delay" }
            dd { (parts::so_far(view, batch.waits_since(), record.scheduling_delay)) }
            dt { "Processing time" }
            dd { (parts::so_far(view, batch.runs_since(), record.processing_delay)) }
            (fact("Total delay", record.total_delay()))
            @if record.cut_took.is_some() { (fact("Journal, begin", record.cut_took)) }
            @if record.commit_took.is_some() { (fact("Journal, end", record.commit_took)) }
            @if record.is_rerun { dt { "Run" } dd { "again, after a restart" } }
            @let skipped = files_skipped(view, batch);
            @if skipped > 0 {
                dt { "Skipped files" }
                dd.bad { (format::count(skipped)) " damaged or missing" }
            }
            @if let Some(cause) = &batch.why_slow {
                dt { "Why slow" }
                dd { span.why { (cause.sentence(streaming.interval, view.zone)) } }
            }
            @if let Some(text) = &record.state_failure {
                dt { "State" } dd { (parts::message("state-error", text)) }
            }
        }
    }
}

/// Of how many files its jobs have skipped something, as far as they are known.
fn files_skipped(view: &View<'_>, batch: &Batch) -> u64 {
    let jobs = &view.model.jobs;
    let called = batch.jobs.iter();
    let known = called.filter_map(|called| jobs.jobs.get(&called.job));
    // A stage that several jobs share was run by one of them.
    let stages = known.flat_map(|job| {
        let stages = jobs.stages_of(job);
        stages.filter(|stage| stage.job == job.id())
    });
    stages.map(|stage| stage.counts.files_skipped).sum()
}

fn state(batch: &Batch) -> Markup {
    html! {
        @match (batch.state, batch.record.failure()) {
            (BatchState::Queued, _) => "queued",
            (BatchState::Processing, _) => "processing",
            (BatchState::NotRun, _) => span.bad { "not run, as the stream ended before" },
            (BatchState::Completed, None) => span.good { "completed" },
            (BatchState::Completed, Some(_)) => span.bad { "failed" },
        }
    }
}

fn inputs(streaming: &Streaming, batch: &Batch) -> Markup {
    html! {
        section #inputs-section {
            h2 { "Input Metadata" }
            @if batch.record.inputs.is_empty() {
                p.empty { "No input has told what it gave." }
            } @else {
                table #inputs {
                    thead { tr {
                        th scope="col" { "Input" }
                        th scope="col" { "Records" }
                        th scope="col" title="File names, or the ranges of offsets" { "Metadata" }
                    } }
                    tbody { @for gave in &batch.record.inputs {
                        tr id={ "input-" (gave.input) } {
                            td { (streaming.input_name(gave.input)) }
                            td { (parts::records(gave.records)) }
                            td {
                                @match &gave.description {
                                    Some(text) => pre { (text) },
                                    None => (format::NOTHING),
                                }
                            }
                        }
                    } }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
