//! `shuffle`: pairs of numbers are grouped, joined and sorted.

use fastrand::Rng;
use headwater::{Context, Rdd};

use crate::SLOTS;
use crate::error::BenchError;
use crate::measure::Runs;
use crate::options::Options;
use crate::shuffle_loops;
use crate::table::Row;
use crate::word_count::compare_all;

/// A key and a value, 16 bytes.
pub(crate) type Pair = (u64, u64);

/// Each key is in about so many pairs.
const PAIRS_PER_KEY: usize = 10;

/// Runs the benchmark.
pub(crate) fn run(options: &Options) -> Result<Vec<Row>, BenchError> {
    let ctx = Context::local(SLOTS)?;
    let input = Input::new(&ctx, options.pairs);
    let mut rows = Vec::new();
    for (operation, engine, by_hand) in OPERATIONS {
        let (mut of_engine, mut of_loop) = (Runs::default(), Runs::default());
        for round in 0..=options.runs {
            if round <= 1 {
                // The first round has warmed up.
                (of_engine, of_loop) = (Runs::default(), Runs::default());
            }
            let found = of_engine.time(|| engine(&input))?;
            let expected = of_loop.time(|| by_hand(&input))?;
            check(operation, found, expected)?;
        }
        let reference = format!("shuffle/{operation}/loop");
        let of_engine = rows_of(
            &format!("shuffle/{operation}/engine"),
            options.pairs,
            &of_engine,
        );
        let of_loop = rows_of(&reference, options.pairs, &of_loop);
        rows.extend(compare_all([of_engine, of_loop].concat(), &reference));
    }
    ctx.stop();
    Ok(rows)
}

/// Runs only the engine, for its memory.
pub(crate) fn run_engine(options: &Options) -> Result<(), BenchError> {
    let ctx = Context::local(SLOTS)?;
    let input = Input::new(&ctx, options.pairs);
    for (_, engine, _) in OPERATIONS {
        engine(&input)?;
    }
    ctx.stop();
    Ok(())
}

struct Input {
    pairs: Vec<Pair>,
    /// Each key once, for the right side of the join.
    right: Vec<Pair>,
    rdd: Rdd<Pair>,
    right_rdd: Rdd<Pair>,
}

impl Input {
    fn new(ctx: &Context, count: usize) -> Input {
        let mut rng = Rng::with_seed(42);
        let keys = (count / PAIRS_PER_KEY).max(1) as u64;
        let pairs: Vec<Pair> = (0..count).map(|_| (rng.u64(..keys), rng.u64(..))).collect();
        let right: Vec<Pair> = (0..keys).map(|key| (key, rng.u64(..))).collect();
        let rdd = ctx.parallelize(pairs.clone(), SLOTS);
        let right_rdd = ctx.parallelize(right.clone(), SLOTS);
        Input {
            pairs,
            right,
            rdd,
            right_rdd,
        }
    }
}

/// Gives a sum over all that came out, so that everything has to be computed.
type Sum = fn(&Input) -> Result<u64, BenchError>;

const OPERATIONS: [(&str, Sum, Sum); 3] = [
    ("group-by-key", group, |input| {
        shuffle_loops::group(&input.pairs)
    }),
    ("join", join, |input| {
        shuffle_loops::join(&input.pairs, &input.right)
    }),
    ("sort-by-key", sort, |input| {
        let parts = shuffle_loops::sort(&input.pairs)?;
        Ok(parts
            .iter()
            .flatten()
            .copied()
            .map(sum_of_pair)
            .fold(0, u64::wrapping_add))
    }),
];

fn group(input: &Input) -> Result<u64, BenchError> {
    let groups = input
        .rdd
        .group_by_key()
        .map(|(key, values)| sum_of_group(key, &values));
    Ok(groups.fold(0, u64::wrapping_add)?)
}

fn join(input: &Input) -> Result<u64, BenchError> {
    Ok(input
        .rdd
        .join(&input.right_rdd)
        .map(joined_sum)
        .fold(0, u64::wrapping_add)?)
}

fn sort(input: &Input) -> Result<u64, BenchError> {
    Ok(input
        .rdd
        .sort_by_key(true)
        .map(sum_of_pair)
        .fold(0, u64::wrapping_add)?)
}

fn sum_of_pair((key, value): Pair) -> u64 {
    key ^ value
}

/// What a group adds to the sum: it depends on its key, its size and its values.
pub(crate) fn sum_of_group(key: u64, values: &[u64]) -> u64 {
    let size = values.len() as u64;
    values.iter().fold(key.wrapping_mul(size), |sum, value| {
        sum.wrapping_add(*value)
    })
}

/// What a joined pair adds to the sum.
pub(crate) fn joined_sum((key, (left, right)): (u64, (u64, u64))) -> u64 {
    key.wrapping_add(left ^ right)
}

fn check(operation: &str, found: u64, expected: u64) -> Result<(), BenchError> {
    if found == expected {
        return Ok(());
    }
    Err(BenchError::Disagreement {
        variant: format!("{operation} of the engine"),
        found: found.to_string(),
        reference: "the loop".to_owned(),
        expected: expected.to_string(),
    })
}

fn rows_of(name: &str, pairs: usize, runs: &Runs) -> Vec<Row> {
    let millions = pairs as f64 / 1e6;
    vec![
        Row::new(
            name,
            "mpairs_per_s",
            millions / runs.median_seconds(),
            "Mpairs/s",
        ),
        Row::new(
            name,
            "mpairs_per_cpu_s",
            millions / runs.mean_cpu_seconds(),
            "Mpairs/cpu_s",
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engine_and_loops_agree() {
        let ctx = Context::local(SLOTS).unwrap();
        let input = Input::new(&ctx, 10_000);
        for (operation, engine, by_hand) in OPERATIONS {
            let (found, expected) = (engine(&input).unwrap(), by_hand(&input).unwrap());
            check(operation, found, expected).unwrap();
        }
        assert!(
            check("join", 1, 2)
                .unwrap_err()
                .to_string()
                .contains("join of the engine")
        );
    }
}
