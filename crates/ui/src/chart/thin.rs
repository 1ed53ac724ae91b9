//! Fewer points that look like all of them.

use super::Point;

/// What stands for points that are in order of time: all of them up to `max`, otherwise the
/// least and the greatest of each of `max / 2` lengths of time, and one that has failed if
/// neither of them has. So there are at most half more than `max`, give or take one length.
///
/// The lengths of time begin at fixed moments: as long as what is kept covers the same span, a
/// point that has been chosen stays chosen when the others move on.
pub(crate) fn thin(points: &[Point], max: usize) -> Vec<Point> {
    let (Some(first), Some(last)) = (points.first(), points.last()) else {
        return Vec::new();
    };
    if points.len() <= max {
        return points.to_vec();
    }
    let parts = i64::try_from(max / 2).unwrap_or(i64::MAX).max(1);
    let width = last.at.saturating_sub(first.at) / parts + 1;
    let parts = points.chunk_by(|a, b| a.at.div_euclid(width) == b.at.div_euclid(width));
    parts.flat_map(extremes).collect()
}

/// The least, the greatest and a failed one, in order of time.
fn extremes(part: &[Point]) -> impl Iterator<Item = Point> {
    let by_value = |a: &(usize, &Point), b: &(usize, &Point)| a.1.value.total_cmp(&b.1.value);
    let least = part.iter().enumerate().min_by(by_value);
    let greatest = part.iter().enumerate().max_by(by_value);
    let mut kept: Vec<_> = least.into_iter().chain(greatest).collect();
    if !kept.iter().any(|(_, point)| point.is_failed) {
        kept.extend(part.iter().enumerate().find(|(_, point)| point.is_failed));
    }
    kept.sort_by_key(|(place, _)| *place);
    kept.dedup_by_key(|(place, _)| *place);
    kept.into_iter().map(|(_, point)| *point)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn point(at: i64, value: f64, is_failed: bool) -> Point {
        Point {
            at,
            value,
            is_failed,
        }
    }

    proptest! {
        #[test]
        fn extremes_and_failures_are_seen(
            values in prop::collection::vec((0_u32..1000, prop::bool::weighted(0.01)), 0..1500),
            max in 2_usize..400,
        ) {
            let points: Vec<_> = (0_i64..).zip(&values)
                .map(|(at, (value, failed))| point(at * 1000, f64::from(*value), *failed))
                .collect();
            let thinned = thin(&points, max);
            prop_assert!(thinned.len() <= max + max / 2 + 3);
            prop_assert!(thinned.is_sorted_by_key(|point| point.at));
            prop_assert!(thinned.iter().all(|point| points.contains(point)));
            let greatest = |points: &[Point]| points.iter().map(|p| p.value).fold(0.0, f64::max);
            prop_assert_eq!(greatest(&thinned), greatest(&points));
            let fails = |points: &[Point]| points.iter().any(|point| point.is_failed);
            prop_assert_eq!(fails(&thinned), fails(&points));
        }
    }

    #[test]
    fn few_points_stay_and_chosen_ones_stay_chosen() {
        let few = [point(1, 1.0, false), point(2, 5.0, true)];
        assert_eq!(thin(&few, 2), few);
        assert!(thin(&[], 10).is_empty());
        let many: Vec<_> = (0..1000)
            .map(|at| point(at, (at % 37) as f64, false))
            .collect();
        let (now, later) = (thin(&many[..900], 60), thin(&many[90..990], 60));
        let inner = |points: &[Point]| -> Vec<i64> {
            points
                .iter()
                .map(|p| p.at)
                .filter(|at| (150..850).contains(at))
                .collect()
        };
        assert_eq!(inner(&now), inner(&later));
    }
}
