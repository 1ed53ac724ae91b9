//! How many different records there are, from a sketch of them.
//!
//! This is HyperLogLog over 64-bit hashes, with the sparse form of HyperLogLog++ for few
//! records. The estimate is Ertl's ("New cardinality estimation algorithms for HyperLogLog
//! sketches", 2017), which needs no table of biases and is right for few records and many.

use std::collections::BTreeMap;
use std::hash::Hash;
use std::mem;

use serde::{Deserialize, Serialize};

use crate::hash::partition_hash;

/// How fine a sketch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Precision {
    /// There are `2^dense` registers.
    dense: u8,
    /// The bits of a place in the sparse form; 0 if there is none.
    sparse: u8,
}

const DENSE_MIN: u8 = 4;
const DENSE_MAX: u8 = 30;
const SPARSE_MAX: u8 = 32;

/// The relative error of one register's worth of records.
const ONE_REGISTER: f64 = 1.054;

impl Precision {
    /// The least precision whose estimates deviate by no more than this.
    pub(super) fn for_deviation(relative_sd: f64) -> Result<Self, String> {
        let least = ONE_REGISTER / f64::from(1_u32 << (DENSE_MAX / 2));
        if !(relative_sd.is_finite() && relative_sd >= least) {
            return Err(format!(
                "a relative standard deviation of {relative_sd} was asked for; it has to be at \
                 least {least:.7}, and is sensible up to 0.26"
            ));
        }
        let bits = (2.0 * (ONE_REGISTER / relative_sd).log2()).ceil();
        Ok(Precision {
            dense: bits.clamp(DENSE_MIN.into(), DENSE_MAX.into()) as u8,
            sparse: 0,
        })
    }

    pub(super) fn new(dense: u8, sparse: u8) -> Result<Self, String> {
        if !(DENSE_MIN..=DENSE_MAX).contains(&dense) {
            return Err(format!(
                "a precision of {dense} was asked for; it has to be between {DENSE_MIN} and \
                 {DENSE_MAX}"
            ));
        }
        if sparse != 0 && !(dense..=SPARSE_MAX).contains(&sparse) {
            return Err(format!(
                "a sparse precision of {sparse} was asked for; it has to be 0, for none, or \
                 between the precision, which is {dense}, and {SPARSE_MAX}"
            ));
        }
        Ok(Precision { dense, sparse })
    }
}

/// The sketch: for each place, which the first bits of a hash say, the longest run of zeros
/// in the other bits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Sketch {
    dense_bits: u8,
    sparse_bits: u8,
    runs: Runs,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Runs {
    /// The places that were met, in more detail than a register has.
    Sparse(BTreeMap<u32, u8>),
    /// A register for each place.
    Dense(Vec<u8>),
}

impl Sketch {
    pub(super) fn new(precision: Precision) -> Self {
        let runs = if precision.sparse == 0 {
            Runs::Dense(vec![0; 1 << precision.dense])
        } else {
            Runs::Sparse(BTreeMap::new())
        };
        Sketch {
            dense_bits: precision.dense,
            sparse_bits: precision.sparse,
            runs,
        }
    }

    pub(super) fn add<T: Hash>(&mut self, record: &T) {
        let hash = spread(partition_hash(record));
        match &mut self.runs {
            Runs::Dense(registers) => {
                let (place, run) = cut(hash, self.dense_bits);
                raise(registers, place, run);
            }
            Runs::Sparse(places) => {
                let (place, run) = cut(hash, self.sparse_bits);
                let longest = places.entry(place).or_default();
                *longest = run.max(*longest);
                self.make_dense_if_large();
            }
        }
    }

    /// Takes in the records of another sketch of the same precision.
    pub(super) fn merge(&mut self, other: &Sketch) {
        match &other.runs {
            Runs::Sparse(places) => {
                for (place, run) in places {
                    self.raise_sparse(*place, *run);
                }
            }
            Runs::Dense(theirs) => {
                let mut registers = self.take_registers();
                for (longest, run) in registers.iter_mut().zip(theirs) {
                    *longest = (*run).max(*longest);
                }
                self.runs = Runs::Dense(registers);
            }
        }
    }

    fn raise_sparse(&mut self, place: u32, run: u8) {
        match &mut self.runs {
            Runs::Sparse(places) => {
                let longest = places.entry(place).or_default();
                *longest = run.max(*longest);
                self.make_dense_if_large();
            }
            Runs::Dense(registers) => {
                let (place, run) = coarser(place, run, self.sparse_bits - self.dense_bits);
                raise(registers, place, run);
            }
        }
    }

    /// An entry of the sparse form takes several bytes, a register one.
    fn make_dense_if_large(&mut self) {
        if let Runs::Sparse(places) = &self.runs
            && places.len() > (1 << self.dense_bits) / 8
        {
            self.runs = Runs::Dense(self.take_registers());
        }
    }

    /// Takes the registers out, which the caller puts back.
    fn take_registers(&mut self) -> Vec<u8> {
        let places = match mem::replace(&mut self.runs, Runs::Dense(Vec::new())) {
            Runs::Dense(registers) => return registers,
            Runs::Sparse(places) => places,
        };
        let mut registers = vec![0; 1 << self.dense_bits];
        for (place, run) in places {
            let (place, run) = coarser(place, run, self.sparse_bits - self.dense_bits);
            raise(&mut registers, place, run);
        }
        registers
    }

    /// The estimate of how many different records were added.
    pub(super) fn estimate(&self) -> u64 {
        let estimate = match &self.runs {
            // So few that they hardly share places: by the share of places that were not met.
            Runs::Sparse(places) => {
                let all = 2.0_f64.powi(self.sparse_bits.into());
                all * (all / (all - places.len() as f64)).ln()
            }
            Runs::Dense(registers) => estimate_of(registers, 64 - self.dense_bits),
        };
        estimate.round() as u64
    }
}

/// Spreads the fixed hash once more: what is placed by that hash shares its first bits.
fn spread(hash: u64) -> u64 {
    let hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

/// The place that the first bits say, and where the first one is among the other bits.
fn cut(hash: u64, bits: u8) -> (u32, u8) {
    let place = (hash >> (64 - bits)) as u32;
    let rest = hash << bits;
    let run = rest.leading_zeros().min(64 - u32::from(bits)) + 1;
    (place, run as u8)
}

/// The same, as if the place had been cut off with `fewer` bits less.
fn coarser(place: u32, run: u8, fewer: u8) -> (u32, u8) {
    let moved = u64::from(place) & ((1 << fewer) - 1);
    let run = if moved == 0 {
        fewer + run
    } else {
        fewer - moved.ilog2() as u8
    };
    ((u64::from(place) >> fewer) as u32, run)
}

fn raise(registers: &mut [u8], place: u32, run: u8) {
    if let Some(longest) = registers.get_mut(place as usize) {
        *longest = run.max(*longest);
    }
}

/// Ertl's improved estimate, of registers that hold up to `longest + 1`.
fn estimate_of(registers: &[u8], longest: u8) -> f64 {
    let mut counts = [0_u64; 66];
    for register in registers {
        if let Some(count) = counts.get_mut(usize::from(*register)) {
            *count += 1;
        }
    }
    let all = registers.len() as f64;
    let share = |run: usize| counts.get(run).copied().unwrap_or(0) as f64 / all;
    let mut sum = all * above(1.0 - share(usize::from(longest) + 1));
    for run in (1..=usize::from(longest)).rev() {
        sum = 0.5 * (sum + all * share(run));
    }
    sum += all * below(share(0));
    all * all / (2.0 * std::f64::consts::LN_2 * sum)
}

/// What the registers that hold nothing add: the sum of `x^(2^k) * 2^(k-1)`.
fn below(share: f64) -> f64 {
    if share >= 1.0 {
        return f64::INFINITY;
    }
    let (mut x, mut y, mut sum) = (share, 1.0, share);
    loop {
        x *= x;
        let before = sum;
        sum += x * y;
        y += y;
        if sum <= before {
            return sum;
        }
    }
}

/// What the registers that are full add.
fn above(share: f64) -> f64 {
    if share <= 0.0 || share >= 1.0 {
        return 0.0;
    }
    let (mut x, mut y, mut sum) = (share, 1.0, 1.0 - share);
    loop {
        x = x.sqrt();
        let before = sum;
        y *= 0.5;
        sum -= (1.0 - x).powi(2) * y;
        if sum >= before {
            return sum / 3.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sketch(precision: Precision, records: std::ops::Range<u64>) -> Sketch {
        let mut sketch = Sketch::new(precision);
        records.for_each(|record| sketch.add(&record));
        sketch
    }

    #[test]
    fn estimates_deviate_as_asked_for() {
        for relative_sd in [0.2, 0.05, 0.01] {
            let precision = Precision::for_deviation(relative_sd).unwrap();
            for size in [0, 1, 10, 100, 1_000, 10_000, 100_000] {
                // The mean over some tries, whose deviation is less by the root of their number.
                let tries = 16;
                let errors = (0..tries).map(|at: u64| {
                    let start = at << 32;
                    let estimate = sketch(precision, start..start + size).estimate();
                    (estimate as f64 - size as f64) / (size as f64).max(1.0)
                });
                let errors: Vec<f64> = errors.collect();
                let mean = errors.iter().sum::<f64>() / errors.len() as f64;
                let square = errors.iter().map(|e| e * e).sum::<f64>() / errors.len() as f64;
                assert!(mean.abs() < relative_sd, "{relative_sd} {size}: {errors:?}");
                assert!(
                    square.sqrt() < 1.5 * relative_sd,
                    "{relative_sd} {size}: {errors:?}"
                );
            }
        }
    }

    #[test]
    fn how_a_sketch_came_about_does_not_matter() {
        for precision in [
            Precision::new(9, 0),
            Precision::new(9, 20),
            Precision::new(4, 32),
        ] {
            let precision = precision.unwrap();
            for (a, b) in [
                (0..3, 2..6),
                (0..3, 0..5_000),
                (0..4_000, 2..6),
                (0..900, 500..9_000),
            ] {
                let whole = sketch(precision, a.start.min(b.start)..a.end.max(b.end));
                let mut merged = sketch(precision, a);
                merged.merge(&sketch(precision, b));
                assert_eq!(merged, whole);
            }
        }
    }

    #[test]
    fn the_sparse_form_is_exact_for_few_and_becomes_the_dense_one() {
        let precision = Precision::new(12, 25).unwrap();
        assert_eq!(sketch(precision, 0..300).estimate(), 300);
        let large = sketch(precision, 0..50_000);
        assert_eq!(
            large.runs,
            sketch(Precision::new(12, 0).unwrap(), 0..50_000).runs
        );
    }

    #[test]
    fn runs_end_where_the_hash_does() {
        assert_eq!(cut(0, 4), (0, 61));
        assert_eq!(cut(u64::MAX, 4), (15, 1));
        assert_eq!(cut(1, 32), (0, 32));
        for hash in [
            0,
            1,
            1 << 40,
            1 << 33,
            0x00f0_0000_0000_0000,
            u64::MAX,
            1 << 59,
        ] {
            let (place, run) = cut(hash, 25);
            assert_eq!(coarser(place, run, 25 - 6), cut(hash, 6), "{hash:x}");
            assert_eq!(coarser(place, run, 0), (place, run));
        }
    }

    #[test]
    fn what_cannot_be_had_is_refused_with_the_range() {
        assert_eq!(Precision::for_deviation(0.05).unwrap().dense, 9);
        assert_eq!(Precision::for_deviation(7.0).unwrap().dense, 4);
        for relative_sd in [0.0, -1.0, 0.00001, f64::NAN, f64::INFINITY] {
            let error = Precision::for_deviation(relative_sd).unwrap_err();
            assert!(error.contains("at least 0.0000322"), "{error}");
        }
        assert!(
            Precision::new(3, 0)
                .unwrap_err()
                .contains("between 4 and 30")
        );
        assert!(
            Precision::new(10, 9)
                .unwrap_err()
                .contains("which is 10, and 32")
        );
        assert!(Precision::new(10, 33).is_err() && Precision::new(10, 10).is_ok());
    }

    #[test]
    fn estimates_never_change() {
        let estimate =
            |precision: Result<Precision, _>, size| sketch(precision.unwrap(), 0..size).estimate();
        assert_eq!(
            estimate(Precision::for_deviation(0.05), 10_000),
            ESTIMATES[0]
        );
        assert_eq!(estimate(Precision::new(14, 25), 10_000), ESTIMATES[1]);
    }

    const ESTIMATES: [u64; 2] = [9575, 9942];
}
