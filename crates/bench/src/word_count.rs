//! `word-count`: lines in memory are cut into words, and the words are counted.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use compact_str::CompactString;
use headwater::text::Text;
use headwater::{Context, Rdd};

use crate::SLOTS;
use crate::error::BenchError;
use crate::measure::{MB, Runs};
use crate::options::Options;
use crate::table::Row;
use crate::text::Recipe;
use crate::word_loops;

/// How many words the texts have: one whose table leaves the second-level cache, one whose
/// table stays there.
pub(crate) const WORDS: [usize; 2] = [50_000, 5_000];

/// What all others are compared to: the two-thread loop that makes a key for every word.
const REFERENCE: &str = "loop";

/// Runs the benchmark on both texts.
pub(crate) fn run(options: &Options) -> Result<Vec<Row>, BenchError> {
    let mut rows = Vec::new();
    for words in WORDS {
        let ctx = Context::local(SLOTS)?;
        let input = Input::new(&ctx, Recipe::new(words, options.bytes));
        rows.extend(rows_of(words, &input, measure(&input, options.runs)?));
        ctx.stop();
    }
    Ok(rows)
}

/// Runs only the engine, on the text with more words, for its memory.
pub(crate) fn run_engine(options: &Options) -> Result<(), BenchError> {
    let ctx = Context::local(SLOTS)?;
    let input = Input::new(&ctx, Recipe::new(WORDS[0], options.bytes));
    for _ in 0..options.runs {
        engine(&input.rdd)?;
    }
    ctx.stop();
    Ok(())
}

struct Input {
    bytes: u64,
    lines: usize,
    rdd: Rdd<Text>,
    /// The same lines for the loops: slices of the same blocks.
    copy: Vec<Text>,
}

impl Input {
    fn new(ctx: &Context, recipe: Recipe) -> Input {
        let mut lines = Vec::new();
        let mut bytes = 0;
        for block in recipe.blocks() {
            bytes += block.len() as u64;
            block.lines_into(&mut lines);
        }
        let rdd = ctx.parallelize(lines.clone(), SLOTS);
        Input {
            bytes,
            lines: lines.len(),
            rdd,
            copy: lines,
        }
    }
}

/// Runs once, timed, and says what was found; looking at the result is not timed.
type Variant = fn(&Input, &Check, &mut Runs) -> Result<Summary, BenchError>;

const VARIANTS: [(&str, Variant); 7] = [
    ("engine", |input, check, runs| {
        Ok(check.summary(runs.time(|| engine(&input.rdd))?))
    }),
    ("engine-emit", |input, check, runs| {
        Ok(check.summary(runs.time(|| engine_emit(&input.rdd))?))
    }),
    ("engine-split", |input, check, runs| {
        Ok(check.summary(runs.time(|| engine_split(&input.rdd))?))
    }),
    (REFERENCE, |input, check, runs| {
        let count = || word_loops::two_threads::<CompactString>(&input.copy);
        Ok(check.summary(runs.time(count)?))
    }),
    ("loop-text", |input, check, runs| {
        Ok(check.summary(runs.time(|| word_loops::two_threads::<Text>(&input.copy))?))
    }),
    ("loop-borrowed", |input, check, runs| {
        Ok(check.summary(runs.time(|| word_loops::two_threads_borrowed(&input.copy))?))
    }),
    ("loop-one-thread", |input, check, runs| {
        Ok(check.summary(runs.time(|| Ok(word_loops::one_thread(&input.copy)))?))
    }),
];

fn engine(lines: &Rdd<Text>) -> Result<Vec<(Text, i64)>, BenchError> {
    let words = lines.flat_map(Text::into_words);
    Ok(words
        .map(|word| (word, 1_i64))
        .reduce_by_key(|a, b| a + b)
        .collect()?)
}

fn engine_emit(lines: &Rdd<Text>) -> Result<Vec<(Text, i64)>, BenchError> {
    let words = lines.flat_map_into(|line, out| out.extend(line.words()));
    Ok(words
        .map(|word| (word, 1_i64))
        .reduce_by_key(|a, b| a + b)
        .collect()?)
}

fn engine_split(lines: &Rdd<Text>) -> Result<Vec<(Text, i64)>, BenchError> {
    let words = lines.flat_map(|line| line.into_split(' '));
    Ok(words
        .map(|word| (word, 1_i64))
        .reduce_by_key(|a, b| a + b)
        .collect()?)
}

/// Round robin, so that a noisy moment hits all variants alike. The first round warms up.
fn measure(input: &Input, rounds: usize) -> Result<Vec<(&'static str, Runs)>, BenchError> {
    let check = Check::default();
    let mut all = VARIANTS.map(|(name, _)| (name, Runs::default()));
    let mut expected: Option<Summary> = None;
    for round in 0..=rounds {
        for ((name, variant), (_, runs)) in VARIANTS.iter().zip(&mut all) {
            let mut warm_up = Runs::default();
            let runs = if round == 0 { &mut warm_up } else { runs };
            let summary = variant(input, &check, runs)?;
            let expected = expected.get_or_insert_with(|| summary.clone());
            if summary != *expected {
                return Err(BenchError::Disagreement {
                    variant: (*name).to_owned(),
                    found: format!("{summary:?}"),
                    reference: VARIANTS[0].0.to_owned(),
                    expected: format!("{expected:?}"),
                });
            }
        }
    }
    Ok(all.into())
}

/// What must be the same for all variants.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Summary {
    words: i64,
    distinct: usize,
    /// A sum over all words and their counts, so that order does not matter.
    fingerprint: u64,
}

#[derive(Default)]
struct Check {
    hasher: RandomState,
}

impl Check {
    fn summary<K: AsRef<str>>(&self, counts: impl IntoIterator<Item = (K, i64)>) -> Summary {
        let mut summary = Summary {
            words: 0,
            distinct: 0,
            fingerprint: 0,
        };
        for (word, times) in counts {
            summary.words += times;
            summary.distinct += 1;
            let hash = self.hasher.hash_one((word.as_ref(), times));
            summary.fingerprint = summary.fingerprint.wrapping_add(hash);
        }
        summary
    }
}

fn rows_of(words: usize, input: &Input, all: Vec<(&'static str, Runs)>) -> Vec<Row> {
    let megabytes = input.bytes as f64 / MB;
    let mut rows: Vec<Row> = Vec::new();
    for (variant, runs) in all {
        let name = format!("word-count/{words}/{variant}");
        let (wall, cpu) = (runs.median_seconds(), runs.mean_cpu_seconds());
        rows.push(Row::new(&name, "mb_per_s", megabytes / wall, "MB/s"));
        rows.push(Row::new(&name, "mb_per_cpu_s", megabytes / cpu, "MB/cpu_s"));
        rows.push(Row::new(
            &name,
            "records_per_cpu_s",
            input.lines as f64 / cpu,
            "lines/cpu_s",
        ));
    }
    compare_all(rows, &format!("word-count/{words}/{REFERENCE}"))
}

/// Compares each row to the row of a name with the same metric.
pub(crate) fn compare_all(rows: Vec<Row>, reference: &str) -> Vec<Row> {
    let references: Vec<Row> = rows
        .iter()
        .filter(|row| row.name == reference)
        .cloned()
        .collect();
    let compare = |row: Row| match references.iter().find(|other| other.metric == row.metric) {
        Some(other) if other.name != row.name => row.compared_to(other),
        _ => row,
    };
    rows.into_iter().map(compare).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_variants_agree_and_have_rows() {
        let ctx = Context::local(SLOTS).unwrap();
        let input = Input::new(&ctx, Recipe::new(500, 100_000));
        let rows = rows_of(500, &input, measure(&input, 1).unwrap());
        assert_eq!(rows.len(), 3 * VARIANTS.len());
        let reference = "word-count/500/loop";
        for row in rows {
            let compared = row.ratio.map(|(_, to)| to);
            assert_eq!(compared.is_none(), row.name == reference, "{}", row.name);
            assert!(compared.is_none_or(|to| to == reference));
        }
    }

    #[test]
    fn a_summary_does_not_depend_on_the_order() {
        let check = Check::default();
        let one = check.summary([("a", 1), ("b", 2)]);
        assert_eq!(one, check.summary([("b", 2), ("a", 1)]));
        assert_ne!(one, check.summary([("a", 2), ("b", 1)]));
        assert_eq!((one.words, one.distinct), (3, 2));
    }
}
