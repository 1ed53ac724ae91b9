//! How often values were what they were.

use maud::{Markup, html};

use super::axis::told;
use super::scale::{Scale, label, ticks, written};
use super::{BOTTOM, HEIGHT, LEFT, Point, Room, TOP, ValueAxis};

/// What is left beyond the longest bar.
const EDGE: f64 = 16.0;
/// The values are divided into so many bars.
const BARS: usize = 10;
/// What is left between bars.
const GAP: f64 = 1.0;

/// Bars that lie beside a timeline, on its axis of values; their length is a number of batches.
pub(crate) struct Histogram<'a> {
    pub(crate) id: &'a str,
    /// What it shows, for those who hear the page.
    pub(crate) title: &'a str,
    pub(crate) points: &'a [Point],
    pub(crate) axis: &'a ValueAxis,
    pub(crate) room: Room,
}

impl Histogram<'_> {
    pub(crate) fn show(&self) -> Markup {
        if self.points.is_empty() {
            return html! { p.empty id=(self.id) { "No batch yet." } };
        }
        let counts = self.counts();
        let most = counts.iter().copied().max().unwrap_or_default();
        let ticks = ticks(most as f64, 3);
        let whole = ticks.iter().filter(|tick| tick.fract() == 0.0);
        let (width, right) = (self.width(), self.width() - EDGE);
        let across = Scale::new((0.0, ticks.last().copied().unwrap_or(1.0)), (LEFT, right));
        html! {
            svg.chart.histogram id=(self.id) role="img" aria-label=(self.title)
                viewBox={ "0 0 " (width) " " (HEIGHT) } {
                (self.axis.lines(right))
                g.moments {
                    @for tick in whole {
                        @let x = written(across.place(*tick));
                        line x1=(x) x2=(x) y1=(TOP - 4.0) y2=(TOP) {}
                        text x=(x) y=(TOP - 6.0) text-anchor="middle" { (label(*tick, 1.0)) }
                    }
                    text x=(right) y=(BOTTOM + 16.0) text-anchor="end" { "#batches" }
                }
                g.bars { @for (bar, count) in counts.iter().enumerate() { (self.bar(bar, *count, &across)) } }
                (self.axis.bound(right))
            }
        }
    }

    fn width(&self) -> f64 {
        match self.room {
            Room::Wide => 320.0,
            Room::Narrow => 230.0,
        }
    }

    /// How many values are in each bar, from zero upwards.
    fn counts(&self) -> [u64; BARS] {
        let mut counts = [0; BARS];
        for point in self.points {
            let bar = point.value / self.axis.top() * BARS as f64;
            // The greatest value counts in the bar that it ends.
            let bar = (bar.max(0.0) as usize).min(BARS - 1);
            counts[bar] += 1;
        }
        counts
    }

    fn bar(&self, bar: usize, count: u64, across: &Scale) -> Markup {
        if count == 0 {
            return html! {};
        }
        let edge = |bar: usize| self.axis.top() * bar as f64 / BARS as f64;
        let (low, high) = (edge(bar), edge(bar + 1));
        let (bottom, top) = (self.axis.scale().place(low), self.axis.scale().place(high));
        let length = across.place(count as f64) - LEFT;
        let batches = if count == 1 { "batch" } else { "batches" };
        html! {
            rect x=(LEFT) y=(written(top + GAP)) width=(written(length))
                height=(written(bottom - top - GAP)) data-count=(count) {
                title {
                    (count) " " (batches) ": " (told(low)) " to " (told(high)) " "
                    (self.axis.unit)
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(values: &[f64], axis: &ValueAxis) -> String {
        let points = values.iter().map(|value| Point {
            at: 0,
            value: *value,
            is_failed: false,
        });
        let histogram = Histogram {
            id: "h",
            title: "h",
            points: &points.collect::<Vec<_>>(),
            axis,
            room: Room::Wide,
        };
        histogram.show().into_string()
    }

    #[test]
    fn values_are_counted_in_bars_of_equal_height() {
        let axis = ValueAxis::new("ms", 100.0, Some(100.0));
        let chart = shown(&[0.0, 5.0, 9.9, 10.0, 100.0], &axis);
        let counts: Vec<_> = chart
            .match_indices("data-count=\"")
            .map(|(at, text)| chart[at + text.len()..].chars().next().unwrap())
            .collect();
        assert_eq!(counts, ['3', '1', '1']);
        assert!(
            chart.contains("<title>3 batches: 0 to 10 ms</title>"),
            "{chart}"
        );
        assert!(chart.contains("class=\"bound\""), "{chart}");
        assert!(shown(&[], &axis).contains("No batch yet."));
    }
}
