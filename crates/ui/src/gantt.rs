//! Bars over time in lanes: when jobs and tasks ran.

use jiff::tz::TimeZone;
use maud::{Markup, html};

use crate::chart::{Unit, label, ticks as round};
use crate::pages::format::{self, pixels};
use crate::record::{At, Took};

const WIDTH: f64 = 1000.0;
const LANE_HEIGHT: f64 = 20.0;
const BAR_HEIGHT: f64 = 14.0;
const AXIS_HEIGHT: f64 = 24.0;
/// About as wide as a character of a lane's name is.
const CHARACTER: f64 = 7.0;
/// Bars of next to no time are still seen.
const BAR_WIDTH_MIN: f64 = 2.0;
const TICKS: usize = 5;
/// Ticks of shorter spans of time need milliseconds.
const COARSE: Took = Took(20_000_000);

/// A drawing of what ran when.
pub(crate) struct Gantt<'a> {
    pub(crate) id: &'static str,
    /// What it shows, for those who do not see it.
    pub(crate) label: &'static str,
    /// The names of the lanes, from top to bottom.
    pub(crate) lanes: Vec<String>,
    pub(crate) bars: Vec<Bar>,
    pub(crate) zone: &'a TimeZone,
}

/// Something that took some time.
#[derive(Debug, Clone)]
pub(crate) struct Bar {
    pub(crate) lane: usize,
    pub(crate) from: At,
    pub(crate) to: At,
    /// What it looks like: `running`, `done` or `failed`.
    pub(crate) class: &'static str,
    /// Shown when the pointer is over it.
    pub(crate) tip: String,
    pub(crate) href: String,
}

/// Puts bars that overlap into different lanes, as few as can be, and says how many.
pub(crate) fn pack(bars: &mut [Bar]) -> usize {
    bars.sort_by_key(|bar| bar.from);
    let mut ends: Vec<At> = Vec::new();
    for bar in bars {
        let free = ends.iter().position(|end| *end <= bar.from);
        bar.lane = free.unwrap_or(ends.len());
        match ends.get_mut(bar.lane) {
            Some(end) => *end = bar.to,
            None => ends.push(bar.to),
        }
    }
    ends.len()
}

impl Gantt<'_> {
    pub(crate) fn draw(&self) -> Markup {
        let from = self.bars.iter().map(|bar| bar.from).min();
        let to = self.bars.iter().map(|bar| bar.to).max();
        let (Some(from), Some(to)) = (from, to) else {
            return html! {};
        };
        let names = self.lanes.iter().map(|name| name.chars().count());
        let left = names.max().unwrap_or_default() as f64 * CHARACTER + 8.0;
        let span = to.since(from).0.max(1) as f64;
        let x = |at: At| left + at.since(from).0 as f64 / span * (WIDTH - left - 8.0);
        let bottom = self.lanes.len() as f64 * LANE_HEIGHT;
        let view_box = format!("0 0 {WIDTH} {}", bottom + AXIS_HEIGHT);
        let top = |lane: usize| lane as f64 * LANE_HEIGHT + (LANE_HEIGHT - BAR_HEIGHT) / 2.0;
        html! {
            svg.gantt id=(self.id) viewBox=(view_box) role="img" aria-label=(self.label) {
                (self.axis(from, to, &x, bottom))
                @for (lane, name) in self.lanes.iter().enumerate() {
                    text x="0" y=(pixels(top(lane) + BAR_HEIGHT - 2.0)) { (name) }
                }
                @for bar in &self.bars {
                    a href=(bar.href) {
                        rect.bar.(bar.class) x=(pixels(x(bar.from))) y=(pixels(top(bar.lane)))
                            width=(pixels((x(bar.to) - x(bar.from)).max(BAR_WIDTH_MIN)))
                            height=(pixels(BAR_HEIGHT)) rx="2" {
                            title { (bar.tip) }
                        }
                    }
                }
            }
        }
    }

    /// Ticks are so long after the begin, which is told by the clock.
    fn axis(&self, from: At, to: At, x: &impl Fn(At) -> f64, bottom: f64) -> Markup {
        let span = to.since(from);
        html! {
            g.axis {
                @for (after, label) in ticks(span) {
                    @let at = At(from.0.saturating_add_unsigned(after.0));
                    @let is_at_end = after.0.saturating_mul(10) > span.0.saturating_mul(9);
                    line x1=(pixels(x(at))) x2=(pixels(x(at))) y1="0" y2=(pixels(bottom + 4.0)) {}
                    text x=(pixels(x(at))) y=(pixels(bottom + 18.0))
                        text-anchor=(if is_at_end { "end" } else { "middle" }) {
                        "+" (label)
                    }
                }
                line x1=(pixels(x(from))) x2=(pixels(x(from))) y1="0" y2=(pixels(bottom + 4.0)) {}
                text x=(pixels(x(from))) y=(pixels(bottom + 18.0)) text-anchor="start" {
                    (format::clock(from, self.zone, span < COARSE))
                }
            }
        }
    }
}

/// Round lengths of time within a span, with what is written of them.
fn ticks(span: Took) -> Vec<(Took, String)> {
    let unit = Unit::of(span);
    let values = round(unit.value(span), TICKS);
    let step = values.get(1).copied().unwrap_or(1.0);
    let ticks = values.iter().skip(1).map(|value| {
        let text = format!("{} {}", label(*value, step), unit.name);
        (unit.took(*value), text)
    });
    ticks.filter(|(after, _)| *after <= span).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(from: i64, to: i64) -> Bar {
        Bar {
            lane: 0,
            from: At(from),
            to: At(to),
            class: "done",
            tip: "<b>".to_owned(),
            href: String::new(),
        }
    }

    #[test]
    fn bars_that_overlap_get_lanes_of_their_own() {
        let mut bars = [bar(5, 9), bar(0, 6), bar(6, 8), bar(9, 10)];
        assert_eq!(pack(&mut bars), 2);
        let lanes: Vec<_> = bars.iter().map(|bar| (bar.from.0, bar.lane)).collect();
        assert_eq!(lanes, [(0, 0), (5, 1), (6, 0), (9, 0)]);
        assert_eq!(pack(&mut []), 0);
    }

    #[test]
    fn bars_are_drawn_from_their_begin_to_their_end() {
        let gantt = Gantt {
            id: "g",
            label: "jobs",
            lanes: vec![String::new()],
            bars: vec![bar(0, 1_000_000), bar(1_000_000, 4_000_000)],
            zone: &TimeZone::UTC,
        };
        let svg = gantt.draw().into_string();
        assert!(svg.contains(r#"x="254.0" y="3.0" width="738.0""#), "{svg}");
        assert!(
            svg.contains("00:00:00.000") && svg.contains("&lt;b&gt;"),
            "{svg}"
        );
        assert!(svg.contains(">+4 sec<"), "{svg}");
    }

    #[test]
    fn ticks_are_round_and_can_be_told_apart() {
        let labels = |micros| -> Vec<String> {
            let ticks = ticks(Took(micros)).into_iter();
            ticks.map(|(_, label)| label).collect()
        };
        assert_eq!(labels(870), ["200 us", "400 us", "600 us", "800 us"]);
        assert_eq!(labels(2_300), ["0.5 ms", "1.0 ms", "1.5 ms", "2.0 ms"]);
        assert_eq!(
            labels(600_000_000),
            ["2 min", "4 min", "6 min", "8 min", "10 min"]
        );
        assert!(labels(0).is_empty());
    }
}
