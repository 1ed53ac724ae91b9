//! Values over time.

use maud::{Markup, html};

use super::axis::{short, told};
use super::scale::{Scale, moments, written};
use super::thin::thin;
use super::{BOTTOM, HEIGHT, LEFT, Point, Room, TOP, ValueAxis};

/// Half of the last time is written beyond the last dot.
const EDGE: f64 = 28.0;
/// The line is drawn through about so many points.
const LINE_POINTS: usize = 300;

/// What all timelines of a page have in common.
pub(crate) struct TimelineFrame<'a> {
    /// The first and the last moment.
    pub(crate) span: (i64, i64),
    /// What is written of a moment is not finer than this, in milliseconds.
    pub(crate) step_min: i64,
    /// How a moment is written.
    pub(crate) clock: &'a dyn Fn(i64) -> String,
    /// Where the dot of a moment leads.
    pub(crate) link: &'a dyn Fn(i64) -> String,
}

/// A line with dots that can be pointed at and followed.
pub(crate) struct Timeline<'a> {
    pub(crate) id: &'a str,
    /// What it shows, for those who hear the page.
    pub(crate) title: &'a str,
    /// In order of time.
    pub(crate) points: &'a [Point],
    pub(crate) axis: &'a ValueAxis,
    /// About so many dots are drawn at most: they are most of what a page weighs.
    pub(crate) dots: usize,
    pub(crate) room: Room,
    pub(crate) frame: &'a TimelineFrame<'a>,
}

impl Timeline<'_> {
    pub(crate) fn show(&self) -> Markup {
        if self.points.is_empty() {
            return html! { p.empty id=(self.id) { "No batch yet." } };
        }
        let (first, last) = self.frame.span;
        let (width, right) = (self.width(), self.width() - EDGE);
        let across = Scale::new((first as f64, last as f64), (LEFT, right));
        html! {
            svg.chart.timeline id=(self.id) role="img" aria-label=(self.title)
                viewBox={ "0 0 " (width) " " (HEIGHT) } {
                (self.axis.lines(right))
                text.unit x=(LEFT) y=(TOP - 8.0) { (self.axis.unit) }
                (self.moments(&across))
                (self.axis.bound(right))
                (self.axis.bound_told(right))
                polyline.line points=(self.line(&across)) {}
                (self.dots(&across))
            }
        }
    }

    fn width(&self) -> f64 {
        match self.room {
            Room::Wide => 640.0,
            Room::Narrow => 400.0,
        }
    }

    /// How many times there is room for below it.
    fn moments_max(&self) -> i64 {
        match self.room {
            Room::Wide => 6,
            Room::Narrow => 3,
        }
    }

    fn moments(&self, across: &Scale) -> Markup {
        let (first, last) = self.frame.span;
        html! {
            g.moments {
                @for moment in moments(first, last, self.moments_max(), self.frame.step_min) {
                    @let x = written(across.place(moment as f64));
                    line x1=(x) x2=(x) y1=(BOTTOM) y2=(BOTTOM + 4.0) {}
                    text x=(x) y=(BOTTOM + 16.0) text-anchor="middle" { ((self.frame.clock)(moment)) }
                }
            }
        }
    }

    fn line(&self, across: &Scale) -> String {
        let up = self.axis.scale();
        let place = |point: &Point| {
            let (x, y) = (across.place(point.at as f64), up.place(point.value));
            format!("{},{}", written(x), written(y))
        };
        let places: Vec<_> = thin(self.points, LINE_POINTS).iter().map(place).collect();
        places.join(" ")
    }

    fn dots(&self, across: &Scale) -> Markup {
        let up = self.axis.scale();
        html! {
            g.dots {
                @for point in thin(self.points, self.dots) {
                    a href=((self.frame.link)(point.at)) {
                        circle.failed[point.is_failed] r=(if point.is_failed { "4" } else { "2.5" })
                            cx=(written(across.place(point.at as f64)))
                            cy=(written(up.place(point.value)))
                            data-value=(short(point.value)) {
                            title {
                                ((self.frame.clock)(point.at)) ": "
                                (told(point.value)) " " (self.axis.unit)
                                @if point.is_failed { ", failed" }
                            }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(points: &[Point], axis: &ValueAxis) -> String {
        let span = (points.first(), points.last());
        let timeline = Timeline {
            id: "rate",
            title: "a rate",
            points,
            axis,
            dots: 100,
            room: Room::Wide,
            frame: &TimelineFrame {
                span: (span.0.map_or(0, |p| p.at), span.1.map_or(0, |p| p.at)),
                step_min: 1,
                clock: &|at| format!("t{at}"),
                link: &|at| format!("#batch-{at}"),
            },
        };
        timeline.show().into_string()
    }

    fn point(at: i64, value: f64) -> Point {
        Point {
            at,
            value,
            is_failed: at == 2000,
        }
    }

    #[test]
    fn dots_say_their_value_and_lead_to_their_batch() {
        let points = [point(1000, 0.0), point(2000, 10.0), point(3000, 5.0)];
        let chart = shown(&points, &ValueAxis::new("ms", 10.0, None));
        assert!(chart.contains("points=\"66,130 339,18 612,74\""), "{chart}");
        let failed = "<a href=\"#batch-2000\"><circle class=\"failed\" r=\"4\" cx=\"339\" cy=\"18\" \
                      data-value=\"10\"><title>t2000: 10 ms, failed</title></circle></a>";
        assert!(chart.contains(failed), "{chart}");
        assert_eq!(chart.matches("<circle").count(), 3);
    }

    #[test]
    fn one_batch_and_none_can_be_shown() {
        let axis = ValueAxis::new("ms", 0.0, None);
        assert!(shown(&[], &axis).contains("No batch yet."));
        assert!(shown(&[point(1000, 0.0)], &axis).contains("cx=\"339\" cy=\"130\""));
    }

    #[test]
    fn a_long_history_stays_small() {
        let points: Vec<_> = (0..100_000)
            .map(|at| point(at * 5, (at % 113) as f64))
            .collect();
        let chart = shown(&points, &ValueAxis::new("ms", 113.0, None));
        assert!(chart.len() < 25_000, "{}", chart.len());
    }
}
