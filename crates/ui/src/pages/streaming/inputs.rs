//! Each input by itself: its rate, whether its receiver works, what it has stored.

use maud::{Markup, html};

use super::super::{View, format, parts};
use super::charts::{Charts, Shown};
use crate::chart::{Room, ValueAxis};
use crate::model::{Input, Streaming};
use crate::record::{ReceiverRecord, StoredRecord};

/// So many dots are on the charts of all inputs together, about, and at least so many on each.
const DOTS_ALL: usize = 200;
const DOTS_MIN: usize = 10;
const DOTS_MAX: usize = 60;

pub(super) fn details(
    view: &View<'_>,
    streaming: &Streaming,
    charts: &Charts<'_>,
    axis: &ValueAxis,
) -> Markup {
    // What a receiver has stored changes without an event: a running one is asked.
    let asked = view.live.map(|live| live.receivers()).unwrap_or_default();
    let dots = (DOTS_ALL / streaming.inputs.len().max(1)).clamp(DOTS_MIN, DOTS_MAX);
    html! {
        details #inputs {
            summary { "Each input" }
            table #inputs-table {
                thead { tr {
                    @for title in ["Input", "Status", "Last Error Time", "Last Error Message",
                                   "Timeline", "Histogram"] {
                        th scope="col" { (title) }
                    }
                } }
                tbody { @for (id, input) in &streaming.inputs {
                    @let mut asked = asked.iter();
                    @let now = asked.find(|receiver| receiver.stream == *id);
                    @let receiver = now.or(input.receiver.as_ref());
                    @let average = streaming.mean_rate(Some(*id)).map(format::rate);
                    @let points = charts.points(
                        |batch| Some(streaming.rate_of(batch.records_of(Some(*id)))));
                    @let name = format!("input-{id}");
                    @let title = format!("Rate of {}", streaming.input_name(*id));
                    @let shown = Shown {
                        id: &name, title: &title, points: &points, axis, dots, room: Room::Narrow,
                    };
                    tr id=(name) {
                        th scope="row" {
                            div { (streaming.input_name(*id)) }
                            div.dim { "Avg: " (average.as_deref().unwrap_or(format::NOTHING)) }
                            (limit(input))
                        }
                        td { (status(view, receiver)) }
                        (last_error(view, *id, receiver))
                        td { (charts.timeline(&shown)) }
                        td { (Charts::histogram(&shown)) }
                    }
                } }
            }
        }
    }
}

fn limit(input: &Input) -> Markup {
    html! {
        @if let Some(rate) = input.rate {
            div.dim title="What backpressure lets it take" {
                "Limit: " (format::count(rate.limit)) " records/sec"
            }
        }
    }
}

fn status(view: &View<'_>, receiver: Option<&ReceiverRecord>) -> Markup {
    let Some(receiver) = receiver else {
        return html! { (format::NOTHING) };
    };
    html! {
        @if receiver.is_active { span.good { "ACTIVE" } } @else { span.bad { "INACTIVE" } }
        @if let Some(since) = receiver.stored.waits_since {
            div.warn title="It has stored as much as it may, and waits for the batches" {
                "slowed since " (format::clock(since, view.zone, false))
            }
        }
        (stored(&receiver.stored))
    }
}

fn stored(stored: &StoredRecord) -> Markup {
    let place = |what: &str, bytes, most| {
        html! { div.dim { (format::size(bytes)) " of " (format::size(most)) " " (what) } }
    };
    html! {
        @if stored.memory_bytes_max > 0 {
            (place("in memory", stored.memory_bytes, stored.memory_bytes_max))
        }
        @if stored.disk_bytes_max > 0 {
            (place("on disk", stored.disk_bytes, stored.disk_bytes_max))
        }
    }
}

fn last_error(view: &View<'_>, id: usize, receiver: Option<&ReceiverRecord>) -> Markup {
    let at = receiver.and_then(|receiver| receiver.last_error_at);
    let text = receiver.map_or("", |receiver| receiver.last_error.as_str());
    html! {
        td { (at.map_or_else(|| format::NOTHING.to_owned(), |at| format::date_time(at, view.zone, false))) }
        td {
            @if text.is_empty() { (format::NOTHING) }
            @else { (parts::message(&format!("input-{id}-error"), text)) }
        }
    }
}
