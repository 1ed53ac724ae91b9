//! `shuffle`: pairs of numbers are grouped, joined and sorted.
//!
//! Each operation has processes of its own: one in which the engine and the loop take turns on
//! pairs in memory, for their speed; and one for each of the two, which makes the pairs on the
//! way, so that the memory that it needs is the operation's alone.

use headwater::{Context, Rdd};

use crate::SLOTS;
use crate::children;
use crate::error::BenchError;
use crate::measure::{self, MB, Runs};
use crate::options::Options;
use crate::shuffle_loops::{self, Made};
use crate::table::Row;
use crate::word_count::compare_all;

/// A key and a value, 16 bytes.
pub(crate) type Pair = (u64, u64);

/// Each key is in about so many pairs.
const PAIRS_PER_KEY: usize = 10;

/// Runs the benchmark, or the part of it that this process is for.
pub(crate) fn run(options: &Options) -> Result<Vec<Row>, BenchError> {
    if let Some(part) = &options.part {
        return run_part(part, options);
    }
    let mut all = Vec::new();
    for operation in OPERATIONS {
        let mut rows = Vec::new();
        for part in operation.parts() {
            let options = Options {
                part: Some(part),
                ..options.clone()
            };
            rows.extend(children::figures("shuffle", &options)?);
        }
        let reference = operation.row_name(LOOP);
        let is_engine = |row: &Row| row.name != reference;
        let (of_engine, of_loop): (Vec<Row>, Vec<Row>) = rows.into_iter().partition(is_engine);
        all.extend(compare_all([of_engine, of_loop].concat(), &reference));
    }
    Ok(all)
}

/// Runs only the engine, for its memory.
pub(crate) fn run_engine(options: &Options) -> Result<(), BenchError> {
    let ctx = Context::local(SLOTS)?;
    let input = Input::made(&ctx, options.pairs);
    for operation in OPERATIONS {
        (operation.engine)(&input)?;
    }
    ctx.stop();
    Ok(())
}

const ENGINE: &str = "engine";
const LOOP: &str = "loop";

/// One operation: how the engine does it, and how the loop does it on pairs in memory and on
/// pairs that are made on the way. All give a sum over what came out, so that everything has
/// to be computed.
struct Operation {
    name: &'static str,
    engine: fn(&Input) -> Result<u64, BenchError>,
    on_slices: fn(&[Pair], &[Pair]) -> Result<u64, BenchError>,
    on_made: fn(&Made, &Made) -> Result<u64, BenchError>,
    /// Whether the right side is read.
    reads_right: bool,
}

const OPERATIONS: [Operation; 3] = [
    Operation {
        name: "group-by-key",
        engine: group,
        on_slices: |left, _| shuffle_loops::group(left),
        on_made: |left, _| shuffle_loops::group(left),
        reads_right: false,
    },
    Operation {
        name: "join",
        engine: join,
        on_slices: |left, right| shuffle_loops::join(left, right),
        on_made: |left, right| shuffle_loops::join(left, right),
        reads_right: true,
    },
    Operation {
        name: "sort-by-key",
        engine: sort,
        on_slices: |left, _| shuffle_loops::sort(left),
        on_made: |left, _| shuffle_loops::sort(left),
        reads_right: false,
    },
];

impl Operation {
    fn row_name(&self, variant: &str) -> String {
        format!("shuffle/{}/{variant}", self.name)
    }

    /// What has a process of its own: both for their speed, each for its memory.
    fn parts(&self) -> [String; 3] {
        let name = self.name;
        [
            name.to_owned(),
            format!("{name}/{ENGINE}"),
            format!("{name}/{LOOP}"),
        ]
    }

    /// The size of all pairs that move.
    fn data_bytes(&self, pairs: usize) -> usize {
        let right = if self.reads_right { keys_of(pairs) } else { 0 };
        (pairs + right) * size_of::<Pair>()
    }

    fn speed(&self, options: &Options) -> Result<Vec<Row>, BenchError> {
        let ctx = Context::local(SLOTS)?;
        let input = Input::kept(&ctx, options.pairs);
        let (left, right) = (made_left(options.pairs), made_right(options.pairs));
        let (left, right) = (left.to_vec(), right.to_vec());
        let (mut of_engine, mut of_loop) = (Runs::default(), Runs::default());
        for round in 0..=options.runs {
            if round <= 1 {
                // The first round has warmed up.
                (of_engine, of_loop) = (Runs::default(), Runs::default());
            }
            let found = of_engine.time(|| (self.engine)(&input))?;
            let expected = of_loop.time(|| (self.on_slices)(&left, &right))?;
            check(self.name, found, expected)?;
        }
        ctx.stop();
        let rows = [(ENGINE, of_engine), (LOOP, of_loop)]
            .map(|(variant, runs)| rows_of(&self.row_name(variant), options.pairs, &runs));
        Ok(rows.concat())
    }

    /// The most memory that this process has held, once one of the two has run in it.
    fn peak(&self, variant: &str, options: &Options) -> Result<Vec<Row>, BenchError> {
        let (left, right) = (made_left(options.pairs), made_right(options.pairs));
        if variant == ENGINE {
            let ctx = Context::local(SLOTS)?;
            (self.engine)(&Input::made(&ctx, options.pairs))?;
        } else {
            (self.on_made)(&left, &right)?;
        }
        let peak = measure::peak_rss_mb()?;
        let data = self.data_bytes(options.pairs) as f64 / MB;
        let name = self.row_name(variant);
        Ok(vec![
            Row::new(&name, "peak_rss_mb", peak, "MB"),
            Row::new(&name, "peak_to_data", peak / data, "times"),
        ])
    }
}

/// Runs what [`Operation::parts`] names.
fn run_part(part: &str, options: &Options) -> Result<Vec<Row>, BenchError> {
    let (name, variant) = match part.split_once('/') {
        Some((name, variant)) => (name, Some(variant)),
        None => (part, None),
    };
    let operation = OPERATIONS.iter().find(|operation| operation.name == name);
    match (operation, variant) {
        (Some(operation), None) => operation.speed(options),
        (Some(operation), Some(variant @ (ENGINE | LOOP))) => operation.peak(variant, options),
        _ => Err(BenchError::Unknown {
            name: part.to_owned(),
            known: OPERATIONS.map(|operation| operation.name).join(", "),
        }),
    }
}

struct Input {
    left: Rdd<Pair>,
    right: Rdd<Pair>,
}

impl Input {
    /// Pairs in memory, of which readers get copies.
    fn kept(ctx: &Context, pairs: usize) -> Input {
        Input {
            left: ctx.parallelize(made_left(pairs).to_vec(), SLOTS),
            right: ctx.parallelize(made_right(pairs).to_vec(), SLOTS),
        }
    }

    /// The same pairs, made whenever they are read.
    fn made(ctx: &Context, pairs: usize) -> Input {
        let rdd = |made: Made| {
            let numbers = ctx.range(0..made.count as i64, 1, SLOTS);
            numbers.map(move |number| (made.make)(number as u64, made.keys))
        };
        Input {
            left: rdd(made_left(pairs)),
            right: rdd(made_right(pairs)),
        }
    }
}

fn keys_of(pairs: usize) -> usize {
    (pairs / PAIRS_PER_KEY).max(1)
}

fn made_left(pairs: usize) -> Made {
    Made {
        count: pairs,
        keys: keys_of(pairs) as u64,
        make: |number, keys| (mixed(number) % keys, mixed(!number)),
    }
}

/// Each key once, for the right side of the join.
fn made_right(pairs: usize) -> Made {
    Made {
        count: keys_of(pairs),
        keys: keys_of(pairs) as u64,
        make: |number, _| (number, mixed(number)),
    }
}

/// Numbers without a pattern (the last step of SplitMix64).
fn mixed(number: u64) -> u64 {
    let mut z = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn group(input: &Input) -> Result<u64, BenchError> {
    let groups = input
        .left
        .group_by_key()
        .map(|(key, values)| sum_of_group(key, &values));
    Ok(groups.fold(0, u64::wrapping_add)?)
}

fn join(input: &Input) -> Result<u64, BenchError> {
    Ok(input
        .left
        .join(&input.right)
        .map(joined_sum)
        .fold(0, u64::wrapping_add)?)
}

fn sort(input: &Input) -> Result<u64, BenchError> {
    Ok(input
        .left
        .sort_by_key(true)
        .map(sum_of_pair)
        .fold(0, u64::wrapping_add)?)
}

/// What a sorted pair adds to the sum.
pub(crate) fn sum_of_pair((key, value): Pair) -> u64 {
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
    use clap::Parser as _;

    use super::*;
    use crate::options::Arguments;

    #[test]
    fn engine_and_loops_agree_on_pairs_in_memory_and_on_made_ones() {
        let ctx = Context::local(SLOTS).unwrap();
        let (left, right) = (made_left(10_000), made_right(10_000));
        for operation in OPERATIONS {
            let expected = (operation.on_made)(&left, &right).unwrap();
            let on_slices = (operation.on_slices)(&left.to_vec(), &right.to_vec()).unwrap();
            check(operation.name, on_slices, expected).unwrap();
            for input in [Input::kept(&ctx, 10_000), Input::made(&ctx, 10_000)] {
                check(
                    operation.name,
                    (operation.engine)(&input).unwrap(),
                    expected,
                )
                .unwrap();
            }
        }
        let error = check("join", 1, 2).unwrap_err().to_string();
        assert!(error.contains("join of the engine"));
    }

    #[test]
    fn parts_have_their_rows_and_an_unknown_one_is_refused() {
        let arguments = Arguments::try_parse_from(["bench", "--pairs=1000", "--runs=1"]).unwrap();
        let names = |part: &str| {
            let rows = run_part(part, &arguments.options)?;
            Ok::<_, BenchError>(rows.into_iter().map(|row| row.name).collect::<Vec<_>>())
        };
        let (engine, by_hand) = ("shuffle/join/engine", "shuffle/join/loop");
        assert_eq!(names("join").unwrap(), [engine, engine, by_hand, by_hand]);
        assert_eq!(names("join/engine").unwrap(), [engine, engine]);
        assert_eq!(names("join/loop").unwrap(), [by_hand, by_hand]);
        assert!(
            names("join/both")
                .unwrap_err()
                .to_string()
                .contains("group-by-key")
        );
    }
}
