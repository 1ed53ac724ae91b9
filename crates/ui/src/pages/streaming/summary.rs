//! The line above everything else.

use maud::{Markup, html};

use super::super::{View, format};
use crate::model::Streaming;

pub(super) fn summary(view: &View<'_>, streaming: &Streaming) -> Markup {
    let until = view.stream_until();
    let is_over = streaming.stopped.is_some() || view.model.ended.is_some();
    let is_cut = !is_over && view.is_from_log();
    let verb = if is_over || is_cut { "Ran" } else { "Running" };
    let failed = streaming.failed_total;
    html! {
        p #summary {
            (verb) " batches of " b { (format::in_words(streaming.interval)) }
            " for " b { (format::in_words(until.since(streaming.started))) }
            " since " b { (format::date_time(streaming.started, view.zone, false)) }
            @if is_cut {
                ", until the log ends at " b { (format::date_time(until, view.zone, false)) }
                " without an end of the stream"
            }
            " (" b { (format::count(streaming.completed_total)) } " completed batches, "
            @if failed > 0 { b.bad { (format::count(failed)) } " of them failed, " }
            b { (format::count(streaming.received_records)) } " records)"
        }
    }
}
