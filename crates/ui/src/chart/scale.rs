//! From values to places, and round numbers for axes.

use crate::pages::format::grouped;

/// A straight line from values to places.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scale {
    values: (f64, f64),
    places: (f64, f64),
}

impl Scale {
    pub(crate) fn new(values: (f64, f64), places: (f64, f64)) -> Self {
        Scale { values, places }
    }

    /// Where a value is. What lies outside is at the border, and all is in the middle if there
    /// is only one value.
    pub(crate) fn place(&self, value: f64) -> f64 {
        let (low, high) = self.values;
        let share = (value - low) / (high - low);
        let share = if share.is_finite() { share } else { 0.5 };
        let (from, to) = self.places;
        from + share.clamp(0.0, 1.0) * (to - from)
    }
}

/// A place as it is written: a tenth of a unit is finer than anyone sees.
pub(crate) fn written(place: f64) -> String {
    let text = format!("{place:.1}");
    match text.strip_suffix(".0") {
        Some(whole) => whole.to_owned(),
        None => text,
    }
}

/// Round numbers from zero to the first one that is not below `max`, in about so many steps of
/// 1, 2 or 5 times a power of ten.
pub(crate) fn ticks(max: f64, steps: usize) -> Vec<f64> {
    if !max.is_finite() || max <= 0.0 {
        return vec![0.0, 1.0];
    }
    let rough = max / steps.max(1) as f64;
    let power = 10_f64.powf(rough.log10().floor());
    let leads = [1.0, 2.0, 5.0];
    let lead = leads.into_iter().find(|lead| lead * power >= rough * 0.999);
    let step = lead.unwrap_or(10.0) * power;
    // What is a step but for rounding needs no further one.
    let count = (max / step - 1e-9).ceil().clamp(1.0, 1000.0) as usize;
    (0..=count).map(|tick| tick as f64 * step).collect()
}

/// A value with the decimals that a step of an axis needs, and its digits in groups.
pub(crate) fn label(value: f64, step: f64) -> String {
    let decimals = (-(step.log10() + 1e-9).floor()).clamp(0.0, 9.0) as usize;
    grouped(&format!("{value:.decimals$}"))
}

/// Steps between moments that people count in, in milliseconds.
const STEPS_MS: [i64; 26] = [
    1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 15_000, 30_000, 60_000, 120_000,
    300_000, 600_000, 900_000, 1_800_000, 3_600_000, 10_800_000, 21_600_000, 43_200_000,
    86_400_000,
];

/// Round moments between two others, about so many, and not closer than `step_min`.
pub(crate) fn moments(first: i64, last: i64, max: i64, step_min: i64) -> Vec<i64> {
    let span = last.saturating_sub(first);
    let day = 86_400_000;
    let mut steps = STEPS_MS.into_iter().filter(|step| *step >= step_min);
    let step = steps.find(|step| span / step < max);
    let step = step.unwrap_or_else(|| (span / max / day + 1) * day);
    let start = first.div_euclid(step) + i64::from(first.rem_euclid(step) > 0);
    let end = last.div_euclid(step);
    (start..=end).map(|moment| moment * step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_reach_the_greatest_value() {
        assert_eq!(ticks(0.0, 4), [0.0, 1.0]);
        assert_eq!(ticks(f64::NAN, 4), [0.0, 1.0]);
        assert_eq!(ticks(100.0, 5), [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]);
        assert_eq!(ticks(88.6, 4), [0.0, 50.0, 100.0]);
        for max in [1e-6, 0.37, 1.0, 7.0, 19.99, 12_345.6, 3e12] {
            let ticks = ticks(max, 4);
            assert!((2..=6).contains(&ticks.len()), "{max}: {ticks:?}");
            assert!(
                ticks[ticks.len() - 1] >= max * (1.0 - 1e-8),
                "{max}: {ticks:?}"
            );
        }
    }

    #[test]
    fn labels_have_the_decimals_of_their_step() {
        assert_eq!(label(0.25, 0.05), "0.25");
        assert_eq!(label(30.0, 10.0), "30");
        assert_eq!(label(30_000.0, 10_000.0), "30\u{202f}000");
        assert_eq!(label(0.5, 0.1), "0.5");
    }

    #[test]
    fn moments_are_round_and_few() {
        assert_eq!(moments(1_000, 4_000, 6, 1), [1_000, 2_000, 3_000, 4_000]);
        assert_eq!(moments(1_500, 32_500, 5, 1), [10_000, 20_000, 30_000]);
        assert_eq!(moments(5, 5, 6, 1), [5]);
        assert_eq!(moments(1_000, 2_000, 6, 1000), [1_000, 2_000]);
        let days = moments(0, 1_000 * 86_400_000, 6, 1);
        assert!((3..=6).contains(&days.len()), "{days:?}");
    }

    #[test]
    fn what_lies_outside_is_at_the_border() {
        let scale = Scale::new((0.0, 10.0), (100.0, 0.0));
        assert_eq!(
            [-1.0, 0.0, 5.0, 99.0].map(|v| scale.place(v)),
            [100.0, 100.0, 50.0, 0.0]
        );
        assert_eq!(Scale::new((3.0, 3.0), (0.0, 10.0)).place(3.0), 5.0);
        assert_eq!([written(12.0), written(12.34)], ["12", "12.3"]);
    }
}
