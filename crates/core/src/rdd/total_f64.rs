//! Floating-point numbers that can be keys.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use serde::{Deserialize, Serialize};

/// An `f64` with a total order, so that it can be a key or be sorted by.
///
/// The order is that of [`f64::total_cmp`]: numbers as usual, `-0.0` before `0.0`, NaN
/// after everything (or, with its sign bit set, before everything). Two are equal when
/// their bits are, so a NaN equals itself and `-0.0` does not equal `0.0`.
///
/// ```
/// use headwater_core::Context;
/// use headwater_core::rdd::TotalF64;
/// let ctx = Context::local(2).unwrap();
/// let readings = ctx.parallelize(vec![2.5, f64::NAN, -1.0], 2);
/// let sorted = readings.sort_by(|reading| TotalF64(*reading), true).collect().unwrap();
/// assert_eq!(sorted[..2], [-1.0, 2.5]);
/// assert!(sorted[2].is_nan());
/// ```
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TotalF64(
    /// The number.
    pub f64,
);

impl From<f64> for TotalF64 {
    fn from(number: f64) -> Self {
        TotalF64(number)
    }
}

impl From<f32> for TotalF64 {
    fn from(number: f32) -> Self {
        TotalF64(f64::from(number))
    }
}

impl From<TotalF64> for f64 {
    fn from(number: TotalF64) -> Self {
        number.0
    }
}

impl PartialEq for TotalF64 {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.0.to_bits() == other.0.to_bits()
    }
}

impl Eq for TotalF64 {}

impl PartialOrd for TotalF64 {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for TotalF64 {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl Hash for TotalF64 {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.to_bits().hash(state);
    }
}

impl fmt::Display for TotalF64 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::partition_hash;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn order_equality_and_hash_agree(a in prop::num::f64::ANY, b in prop::num::f64::ANY) {
            let (x, y) = (TotalF64(a), TotalF64(b));
            prop_assert_eq!(x == y, x.cmp(&y) == Ordering::Equal);
            prop_assert_eq!(x.cmp(&y), y.cmp(&x).reverse());
            prop_assert_eq!(partition_hash(&x) == partition_hash(&y), x == y);
            if !a.is_nan() && !b.is_nan() && a != b {
                prop_assert_eq!(x.partial_cmp(&y), a.partial_cmp(&b));
            }
        }

        #[test]
        fn bytes_are_those_of_the_number(a in prop::num::f64::ANY) {
            let bytes = postcard::to_stdvec(&TotalF64(a)).unwrap();
            prop_assert_eq!(&bytes, &postcard::to_stdvec(&a).unwrap());
            prop_assert_eq!(postcard::from_bytes::<TotalF64>(&bytes).unwrap(), TotalF64(a));
        }
    }

    #[test]
    fn corners_of_the_order() {
        let mut all = [
            f64::NAN,
            0.0,
            -0.0,
            f64::INFINITY,
            -f64::NAN,
            f64::NEG_INFINITY,
        ]
        .map(TotalF64::from);
        all.sort();
        assert!(all[0].0.is_nan() && all[5].0.is_nan());
        assert_eq!(all[2].0.to_bits(), (-0.0_f64).to_bits());
        assert_eq!(all[3].to_string(), "0");
        assert_eq!(f64::from(TotalF64::from(0.5_f32)), 0.5);
    }
}
