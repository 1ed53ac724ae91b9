//! Rates and delays: averages, timelines and histograms.

use maud::{Markup, html};

use super::super::{View, format};
use super::charts::{Charts, Shown};
use super::inputs;
use crate::chart::{Point, Room, Unit, ValueAxis};
use crate::model::{Batch, Streaming};
use crate::record::{BatchRecord, Took};

/// So many dots are on a chart, about: a page has to stay small.
const DOTS: usize = 90;

/// A length of time that batches have.
struct Delay {
    /// What the ids of its charts begin with.
    id: &'static str,
    name: &'static str,
    hint: &'static str,
    of: fn(&BatchRecord) -> Option<Took>,
    /// It has to be shorter than the interval.
    is_bounded: bool,
}

const DELAYS: [Delay; 3] = [
    Delay {
        id: "scheduling-delay",
        name: "Scheduling Delay",
        hint: "How long a batch waited until the first of its outputs began",
        of: |batch| batch.scheduling_delay,
        is_bounded: false,
    },
    Delay {
        id: "processing-time",
        name: "Processing Time",
        hint: "How long the outputs of a batch took, from the begin of the first to the end of \
               the last; the stream is stable if that is less than the interval",
        of: |batch| batch.processing_delay,
        is_bounded: true,
    },
    Delay {
        id: "total-delay",
        name: "Total Delay",
        hint: "From the time at which a batch was queued to the end of its last output",
        of: BatchRecord::total_delay,
        is_bounded: false,
    },
];

pub(super) fn statistics(view: &View<'_>, streaming: &Streaming) -> Markup {
    let charts = Charts::new(view, streaming);
    let (active, completed) = (streaming.active(), streaming.completed.len());
    let not_run = streaming.open.len() - active;
    let all = format::count((active + completed + not_run) as u64);
    html! {
        section #statistics-section {
            div.scroll { table #stat-table {
                thead { tr {
                    th scope="col" {}
                    th scope="col" {
                        "Timelines (Last " (all) " batches, " (active) " active, "
                        (format::count(completed as u64)) " completed"
                        @if not_run > 0 { ", " (not_run) " not run" }
                        ")"
                        @if streaming.batches().any(|batch| batch.record.failure().is_some()) {
                            div.legend { span.dot {} " batch" span.dot.failed {} " failed batch" }
                        }
                    }
                    th scope="col" { "Histograms" }
                } }
                tbody {
                    (input_rate(view, streaming, &charts))
                    (delays(streaming, &charts))
                }
            } }
        }
    }
}

fn input_rate(view: &View<'_>, streaming: &Streaming, charts: &Charts<'_>) -> Markup {
    let points = charts.points(|batch| Some(streaming.rate_of(batch.records_of(None))));
    let most = points.iter().map(|point| point.value).fold(0.0, f64::max);
    // The same scale for all rates, so that inputs can be compared.
    let axis = ValueAxis::new("records/sec", most, None);
    let (receivers, working) = streaming.receivers();
    let average = streaming.mean_rate(None).map(format::rate);
    html! {
        tr #input-rate {
            th scope="row" {
                div { "Input Rate" }
                @if receivers > 0 {
                    div.dim { "Receivers: " (working) " / " (receivers) " active" }
                }
                div.dim { "Avg: " (average.as_deref().unwrap_or(format::NOTHING)) }
            }
            (pair(charts, "input-rate", "Input rate", &points, &axis))
        }
        @if !streaming.inputs.is_empty() {
            tr #input-details { td colspan="3" { (inputs::details(view, streaming, charts, &axis)) } }
        }
    }
}

fn delays(streaming: &Streaming, charts: &Charts<'_>) -> Markup {
    let longest = DELAYS.iter().map(|delay| charts.longest(delay.of)).max();
    let longest = longest.unwrap_or_default();
    let unit = Unit::of(longest);
    let stable = Some(unit.value(streaming.interval));
    // The same scale for all delays.
    let bounded = ValueAxis::new(unit.name, unit.value(longest), stable);
    let unbounded = bounded.without_bound();
    html! {
        @for delay in &DELAYS {
            @let value = |batch: &Batch| (delay.of)(&batch.record).map(|took| unit.value(took));
            @let axis = if delay.is_bounded { &bounded } else { &unbounded };
            tr id=(delay.id) {
                th scope="row" {
                    div title=(delay.hint) { (delay.name) }
                    div.dim { "Avg: " (average(streaming, delay)) }
                }
                (pair(charts, delay.id, delay.name, &charts.points(value), axis))
            }
        }
    }
}

fn average(streaming: &Streaming, delay: &Delay) -> String {
    let millis = streaming.mean_ms(delay.of);
    format::maybe_length(millis.map(|millis| Took((millis * 1000.0) as u64)))
}

fn pair(charts: &Charts<'_>, id: &str, title: &str, points: &[Point], axis: &ValueAxis) -> Markup {
    let shown = Shown {
        id,
        title,
        points,
        axis,
        dots: DOTS,
        room: Room::Wide,
    };
    html! {
        td { (charts.timeline(&shown)) }
        td { (Charts::histogram(&shown)) }
    }
}
