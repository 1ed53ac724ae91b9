//! What pages about the engine have in common.

use maud::{Markup, html};

use super::table::SortKey;
use super::{Answer, Query, View, format};
use crate::model::{self, Job};
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
    let operator = match place.operator.as_str() {
        "" => "details",
        operator => operator,
    };
    html! { a href=(href) { (operator) } " " code.dim { (place.line) } }
}

/// How many of some things are done.
pub(super) struct Progress {
    pub(super) succeeded: usize,
    pub(super) failed: usize,
    pub(super) skipped: usize,
    pub(super) active: usize,
    pub(super) total: usize,
}

impl Progress {
    /// A bar and `2/3 (1 failed)`.
    pub(super) fn show(&self) -> Markup {
        let others = [
            (self.active, "running"),
            (self.failed, "failed"),
            (self.skipped, "skipped"),
        ];
        html! {
            @if self.total > 0 {
                progress max=(self.total) value=(self.succeeded.min(self.total)) {} " "
            }
            span.nowrap {
                (self.succeeded) "/" (self.total)
                @for (count, what) in others {
                    @if count > 0 { " (" (count) " " (what) ")" }
                }
            }
        }
    }

    pub(super) fn share(&self) -> SortKey {
        SortKey::Number(self.succeeded as f64 / self.total.max(1) as f64)
    }
}

/// The first line of a message; all of it when it is opened.
pub(super) fn error(message: Option<&str>) -> Markup {
    let Some(message) = message else {
        return html! {};
    };
    let message = message.trim();
    let first = message.lines().next().unwrap_or_default();
    html! {
        @if first == message { span.bad { (message) } }
        @else { details { summary.bad { (first) } pre { (message) } } }
    }
}

/// What called a job: for one of a stream its batch, as Spark says it, with a link.
pub(super) fn description(view: &View<'_>, job: &Job) -> Markup {
    let said = job.start.description.as_deref();
    let streaming = view.model.streaming.as_ref();
    match (model::caller(&job.start), streaming) {
        (Some((time, output)), Some(streaming)) => {
            let at = format::batch_time(time, streaming.interval, view.zone);
            let default =
                format!("Streaming job from [output operation {output}, batch time {at}]");
            html! {
                a href={ "/streaming/batch/?id=" (time) } { (said.unwrap_or(&default)) }
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
    took.or_else(|| Some(view.model.last.since(from?)))
}

pub(super) fn took_key(took: Option<Took>) -> SortKey {
    SortKey::maybe(took.map(Took::millis_f64))
}

pub(super) fn count_key(count: u64) -> SortKey {
    SortKey::Number(count as f64)
}

/// A moment as something to sort by.
pub(super) fn moment_key(at: Option<At>) -> SortKey {
    SortKey::maybe(at.map(|at| at.0 as f64))
}
