//! A line as small as a word, which shows how a number went.

use maud::{Markup, html};

const WIDTH: f64 = 160.0;
const HEIGHT: f64 = 28.0;
/// Left free around the line, so that it is not cut at the edges.
const EDGE: f64 = 2.0;
/// More points than this are not told apart.
const POINTS_MAX: usize = 160;

/// The line through `values`, from left to right; its height is from the smallest to the largest
/// of them. With fewer than two there is nothing to draw.
pub(super) fn spark_line(id: &str, values: &[u64], unit: &str) -> Markup {
    let (Some(min), Some(max)) = (values.iter().min(), values.iter().max()) else {
        return html! {};
    };
    if values.len() < 2 {
        return html! {};
    }
    html! {
        svg.spark id=(id) viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img"
            preserveAspectRatio="none" {
            title { "between " (min) " and " (max) " " (unit) " in " (values.len()) " batches" }
            polyline points=(points(values, *min, *max)) {}
        }
    }
}

fn points(values: &[u64], min: u64, max: u64) -> String {
    let kept = thinned(values);
    let right = (kept.len().max(2) - 1) as f64;
    let range = (max - min).max(1) as f64;
    let point = |(place, value): (usize, &u64)| {
        let x = EDGE + place as f64 / right * (WIDTH - 2.0 * EDGE);
        let y = HEIGHT - EDGE - (value - min) as f64 / range * (HEIGHT - 2.0 * EDGE);
        format!("{x:.1},{y:.1}")
    };
    let points: Vec<_> = kept.iter().enumerate().map(point).collect();
    points.join(" ")
}

/// At most as many values as can be seen: of each stretch the largest, so that peaks stay.
fn thinned(values: &[u64]) -> Vec<u64> {
    let stretch = values.len().div_ceil(POINTS_MAX).max(1);
    let largest = |stretch: &[u64]| stretch.iter().copied().max();
    values.chunks(stretch).filter_map(largest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_goes_from_the_smallest_to_the_largest() {
        let points = points(&[0, 10, 5], 0, 10);
        assert_eq!(points, "2.0,26.0 80.0,2.0 158.0,14.0");
    }

    #[test]
    fn long_lines_are_thinned_and_keep_their_peaks() {
        let mut values = vec![1; 1000];
        values[501] = 99;
        let kept = thinned(&values);
        assert!(kept.len() <= POINTS_MAX && kept.contains(&99), "{kept:?}");
        assert_eq!(spark_line("x", &[1], "keys").into_string(), "");
        assert_eq!(spark_line("x", &[], "keys").into_string(), "");
        assert!(
            spark_line("x", &[7, 7], "keys")
                .into_string()
                .contains("26.0")
        );
    }
}
