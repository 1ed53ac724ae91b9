//! The axis of the values, which a timeline and the histogram beside it share.

use maud::{Markup, html};

use super::scale::{Scale, label, ticks, written};
use super::{BOTTOM, LEFT, TOP};
use crate::pages::format::grouped;

/// The steps that the values are divided into, about.
const STEPS: usize = 4;
/// A bound that is more times as high as all values would press them to the ground.
const BOUND_TIMES: f64 = 2.0;

/// From zero, at the bottom, to a round number.
#[derive(Debug, Clone)]
pub(crate) struct ValueAxis {
    pub(crate) unit: &'static str,
    ticks: Vec<f64>,
    /// Values up to this are stable; it may lie above all that is shown.
    stable: Option<f64>,
}

impl ValueAxis {
    /// An axis for values up to `max`. Where the stream is stable up to a bound, the bound is
    /// drawn if it is not far above the values, and only told otherwise.
    pub(crate) fn new(unit: &'static str, max: f64, stable: Option<f64>) -> Self {
        let near = stable.filter(|stable| *stable <= max * BOUND_TIMES);
        ValueAxis {
            unit,
            ticks: ticks(max.max(near.unwrap_or_default()), STEPS),
            stable,
        }
    }

    /// The same axis with no bound.
    pub(crate) fn without_bound(&self) -> Self {
        ValueAxis {
            stable: None,
            ..self.clone()
        }
    }

    pub(crate) fn top(&self) -> f64 {
        self.ticks.last().copied().unwrap_or(1.0)
    }

    pub(crate) fn scale(&self) -> Scale {
        Scale::new((0.0, self.top()), (BOTTOM, TOP))
    }

    /// The lines of the axis up to the place `right`, with their labels.
    pub(crate) fn lines(&self, right: f64) -> Markup {
        let scale = self.scale();
        let step = self.ticks.get(1).copied().unwrap_or(1.0);
        html! {
            g.grid {
                @for tick in &self.ticks {
                    @let y = written(scale.place(*tick));
                    line x1=(LEFT) x2=(right) y1=(y) y2=(y) {}
                    text x=(LEFT - 6.0) y=(y) dy="4" text-anchor="end" { (label(*tick, step)) }
                }
            }
        }
    }

    /// The bound, if it has a place on the axis, up to the place `right`.
    pub(crate) fn bound(&self, right: f64) -> Markup {
        let y = self
            .drawn()
            .map(|stable| written(self.scale().place(stable)));
        html! {
            @if let Some(y) = &y {
                g.bound { line x1=(LEFT) x2=(right) y1=(y) y2=(y) {} }
            }
        }
    }

    /// What the bound is, up to the place `right`: above the values, so that it stands in the way
    /// of none.
    pub(crate) fn bound_told(&self, right: f64) -> Markup {
        html! {
            @if let Some(stable) = self.stable {
                g.bound {
                    text x=(right) y=(TOP - 8.0) text-anchor="end" {
                        @if self.drawn().is_none() { "\u{2191} " }
                        "stable up to " (told(stable)) " " (self.unit)
                    }
                }
            }
        }
    }

    fn drawn(&self) -> Option<f64> {
        self.stable.filter(|stable| *stable <= self.top())
    }
}

/// A value with three digits that count at most after the point.
pub(crate) fn short(value: f64) -> String {
    let decimals = match value.abs() {
        100.0.. => 0,
        10.0.. => 1,
        1.0.. => 2,
        _ => 3,
    };
    let text = format!("{value:.decimals$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// The same for a reader: its digits in groups.
pub(crate) fn told(value: f64) -> String {
    grouped(&short(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_that_is_near_is_drawn_and_one_that_is_far_is_told() {
        let near = ValueAxis::new("ms", 60.0, Some(100.0));
        assert_eq!(near.top(), 100.0);
        let text = |markup: Markup| markup.into_string();
        assert!(text(near.bound(300.0)).contains("y1=\"18\""));
        assert!(text(near.bound_told(300.0)).contains(">stable up to 100 ms<"));
        let far = ValueAxis::new("ms", 60.0, Some(1000.0));
        assert_eq!(far.top(), 60.0);
        assert_eq!(text(far.bound(300.0)), "", "no place on the axis is right");
        assert!(text(far.bound_told(300.0)).contains(">\u{2191} stable up to 1\u{202f}000 ms<"));
        let none = far.without_bound();
        assert_eq!(text(none.bound(300.0)) + &text(none.bound_told(300.0)), "");
    }

    #[test]
    fn values_are_short() {
        assert_eq!(
            [0.0, 0.1239, 1.0, 12.34, 1200.4].map(short),
            ["0", "0.124", "1", "12.3", "1200"]
        );
        assert_eq!(told(1200.4), "1\u{202f}200");
    }
}
