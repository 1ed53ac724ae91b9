//! The output operations of a batch, and the jobs that they called.

use maud::{Markup, html};

use super::super::{View, format, parts};
use crate::model::{Batch, CalledJob, Streaming};
use crate::record::OutputRecord;

const TITLES: [&str; 9] = [
    "Output Op Id",
    "Description",
    "Output Op Duration",
    "Status",
    "Job Id",
    "Job Duration",
    "Stages: Succeeded/Total",
    "Tasks (for all stages): Succeeded/Total",
    "Error",
];

pub(super) fn table(view: &View<'_>, streaming: &Streaming, batch: &Batch) -> Markup {
    let outputs = &batch.record.outputs;
    // Outputs that have not begun yet are known from the graph.
    let begun = |id| outputs.iter().any(|output| output.output == id);
    let later = streaming
        .graph
        .outputs
        .iter()
        .filter(|output| !begun(output.id));
    html! {
        section #outputs-section {
            h2 { "Output Operations" }
            @if outputs.is_empty() && streaming.graph.outputs.is_empty() {
                p.empty { "No output has begun." }
            } @else {
                div.scroll { table #batch-job-table {
                    thead { tr { @for title in TITLES { th scope="col" { (title) } } } }
                    tbody {
                        @for output in outputs { (rows(view, batch, output)) }
                        @for output in later {
                            tr id={ "output-" (output.id) } {
                                td { (output.id) }
                                td.place {
                                    (format::named_place(output.name.as_deref(), &output.at))
                                }
                                @for _ in &TITLES[2..] { td { (format::NOTHING) } }
                            }
                        }
                    }
                } }
            }
        }
    }
}

/// A row for each job of an output, or one if it called none.
fn rows(view: &View<'_>, batch: &Batch, output: &OutputRecord) -> Markup {
    let called: Vec<_> = batch.jobs_of(output.output).collect();
    let height = called.len().max(1);
    let streaming = view.model.streaming.as_ref();
    let name = streaming.and_then(|streaming| streaming.output_name(output.output));
    let cells = html! {
        td rowspan=(height) { (output.output) }
        td.place rowspan=(height) { (format::named_place(name, &output.at)) }
        td rowspan=(height) { (parts::so_far(view, Some(output.started), output.took)) }
        td rowspan=(height) { (status(output)) }
    };
    html! {
        @if called.is_empty() {
            tr id={ "output-" (output.output) } {
                (cells)
                @for _ in 0..4 { td { (format::NOTHING) } }
                td { (failure(output)) }
            }
        }
        @for (place, called) in called.into_iter().enumerate() {
            @let id = called.job;
            @let error = called.end.as_ref().and_then(|end| end.error.as_deref());
            tr id={ "output-" (output.output) "-job-" (id) } {
                @if place == 0 { (cells) }
                (job(view, called))
                td { (errors(output, place == 0, id, error)) }
            }
        }
    }
}

/// How far a job is, or has come: what is known of its end outlives it.
fn job(view: &View<'_>, called: &CalledJob) -> Markup {
    let jobs = &view.model.jobs;
    let job = jobs.jobs.get(&called.job);
    let end = called.end.as_ref();
    let progress = end.map(|end| end.progress);
    let progress = progress.or_else(|| Some(jobs.progress(job?)));
    html! {
        td {
            @match job {
                Some(job) => a href=(view.job(job.id())) { (job.id()) },
                None => (called.job),
            }
        }
        td { (parts::so_far(view, job.map(|job| job.start.at), end.map(|end| end.took))) }
        @match progress {
            Some(progress) => {
                td { (progress.stages.show()) }
                td { (progress.tasks.show()) }
            }
            None => { @for _ in 0..2 { td { (format::NOTHING) } } }
        }
    }
}

fn status(output: &OutputRecord) -> Markup {
    html! {
        @match (&output.failure, output.took) {
            (Some(_), _) => span.bad { "Failed" },
            (None, Some(_)) => span.good { "Succeeded" },
            (None, None) => "running",
        }
        @if output.attempts > 1 { " (" (output.attempts) " attempts)" }
    }
}

/// Why a job of an output failed, and in the output's first row why the output did, unless it
/// only passes on what the job said.
fn errors(output: &OutputRecord, is_first: bool, job: u64, of_job: Option<&str>) -> Markup {
    let passes_on = of_job.is_some()
        && output
            .failure
            .as_deref()
            .is_none_or(|failure| Some(failure.trim()) == of_job.map(str::trim));
    html! {
        @if is_first && !passes_on { div { (failure(output)) } }
        @if let Some(error) = of_job { (parts::message(&format!("job-{job}-error"), error)) }
    }
}

/// Why an output failed: the message names the line of the program.
fn failure(output: &OutputRecord) -> Markup {
    html! {
        @match &output.failure {
            Some(text) => (parts::message(&format!("output-{}-error", output.output), text)),
            None => (format::NOTHING),
        }
    }
}
