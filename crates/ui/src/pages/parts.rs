//! Small parts that several pages show.

use maud::{Markup, html};

use super::table::SortKey;
use super::{Answer, Query, View, format};
use crate::model::{self, Batch, Job, Progress};
use crate::record::{At, Place, Took};

/// The number that a page is asked for.
pub(super) fn id(query: &Query) -> Result<u64, Answer> {
    match query.number("id") {
        Ok(Some(id)) => Ok(id),
        Ok(None) => Err(Answer::bad("Missing id parameter")),
        Err(message) => Err(Answer::bad(&message)),
    }
}

/// An operator and the user's line, as a link.
pub(super) fn place(place: &Place, href: &str) -> Markup {
    let operator = match &*place.operator {
        "" => "details",
        operator => operator,
    };
    html! { a href=(href) { (operator) } " " code.dim { (place.line) } }
}

/// What called a job: for one of a stream its batch, as Spark says it, with a link.
pub(super) fn description(view: &View<'_>, job: &Job) -> Markup {
    // What the stream itself says has the batch time in milliseconds.
    let by_stream = |said: &&str| said.starts_with("Streaming job from [");
    let said = job
        .start
        .description
        .as_deref()
        .filter(|said| !by_stream(said));
    let streaming = view.model.streaming.as_ref();
    match (model::caller(&job.start), streaming) {
        (Some((time, output)), Some(streaming)) => {
            let at = format::batch_time(time, streaming.interval, view.zone);
            let default =
                format!("Streaming job from [output operation {output}, batch time {at}]");
            html! {
                a href=(view.batch(time)) { (said.unwrap_or(&default)) }
            }
        }
        _ => html! { @if let Some(said) = said { (said) } },
    }
}

/// A moment, or nothing.
pub(super) fn moment(view: &View<'_>, at: Option<At>) -> Markup {
    html! {
        span.nowrap {
            @match at {
                Some(at) => (format::date_time(at, view.zone, false)),
                None => (format::NOTHING),
            }
        }
    }
}

/// How long something takes that goes on, if it has not said how long it took.
pub(super) fn until_now(view: &View<'_>, from: Option<At>, took: Option<Took>) -> Option<Took> {
    took.or_else(|| Some(view.until().since(from?)))
}

/// How long something in the stream took, or has taken so far, if it has begun.
pub(super) fn so_far(view: &View<'_>, from: Option<At>, took: Option<Took>) -> Markup {
    html! {
        (format::maybe_length(until_stop(view, from, took)))
        @if took.is_none() && from.is_some() { " so far" }
    }
}

pub(super) fn until_stop(view: &View<'_>, from: Option<At>, took: Option<Took>) -> Option<Took> {
    took.or_else(|| Some(view.stream_until().since(from?)))
}

pub(super) fn took_key(took: Option<Took>) -> SortKey {
    SortKey::maybe(took.map(Took::millis_f64))
}

pub(super) fn count_key(count: u64) -> SortKey {
    SortKey::Number(count as f64)
}

/// A moment as something to sort by.
pub(super) fn moment_key(at: Option<At>) -> SortKey {
    SortKey::order(at.map(|at| at.0 as f64))
}

impl Progress {
    /// As in `1/3 (1 failed)`, with a bar.
    pub(crate) fn show(self) -> Markup {
        html! {
            @if self.total > 0 {
                progress max=(self.total) value=(self.done.min(self.total)) {}
                " "
            }
            span.nowrap { (self.text()) }
        }
    }

    pub(crate) fn share(self) -> SortKey {
        SortKey::Order(self.done as f64 / self.total.max(1) as f64)
    }

    fn text(self) -> String {
        let also = [
            (self.active, "running"),
            (self.failed, "failed"),
            (self.skipped, "skipped"),
        ];
        let also = also.into_iter().filter(|(count, _)| *count > 0);
        let also: String = also
            .map(|(count, what)| format!(" ({count} {what})"))
            .collect();
        format!("{}/{}{also}", self.done, self.total)
    }
}

/// The output operations of a batch, out of so many that the stream has.
pub(crate) fn outputs(batch: &Batch, all: usize) -> Progress {
    let outputs = &batch.record.outputs;
    let ended = outputs.iter().filter(|output| output.took.is_some());
    let failed = outputs.iter().filter(|output| output.failure.is_some());
    let failed = failed.count();
    Progress {
        done: ended.count().saturating_sub(failed),
        failed,
        skipped: 0,
        active: 0,
        total: all.max(outputs.len()),
    }
}

/// The first line of a message, and all of it on demand if there is more.
pub(crate) fn message(id: &str, text: &str) -> Markup {
    let first = text.lines().next().unwrap_or_default();
    html! {
        span.bad { (shortened(first)) }
        @if first != text || first.chars().count() > SHOWN_CHARS {
            details id=(id) { summary { "details" } pre { (text) } }
        }
    }
}

/// What went wrong with something, if it did.
pub(crate) fn failure(id: &str, text: Option<&str>) -> Markup {
    html! { @if let Some(text) = text { (message(id, text.trim())) } }
}

/// So much of a line is shown, as in Spark.
const SHOWN_CHARS: usize = 100;

fn shortened(line: &str) -> String {
    match line.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{}...", &line[..end]),
        None => line.to_owned(),
    }
}

/// How many records, in words.
pub(crate) fn records(count: u64) -> String {
    format::counted(count, "record")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_tells_what_failed_and_what_was_skipped() {
        let progress = Progress {
            done: 1,
            failed: 1,
            skipped: 5,
            active: 0,
            total: 3,
        };
        assert_eq!(progress.text(), "1/3 (1 failed) (5 skipped)");
        assert!(
            progress
                .show()
                .into_string()
                .contains("max=\"3\" value=\"1\"")
        );
        assert_eq!(
            Progress::default().show().into_string(),
            "<span class=\"nowrap\">0/0</span>"
        );
    }

    #[test]
    fn long_messages_are_shortened_and_can_be_read() {
        assert!(!message("m", "short").into_string().contains("details"));
        let long = message("m", &"é".repeat(101)).into_string();
        assert!(long.contains(&format!("{}...", "é".repeat(100))), "{long}");
        assert!(
            message("m", "one\ntwo")
                .into_string()
                .contains("<pre>one\ntwo</pre>")
        );
    }
}
