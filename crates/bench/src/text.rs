//! Text as natural language has it, as far as counting words goes.
//!
//! How often a word occurs is inversely proportional to its rank (Zipf's law with exponent
//! 1), and frequent words are short, so that words in the text have about five letters. The
//! same seed always gives the same text.

use std::collections::HashSet;
use std::io::{self, Write};

use fastrand::Rng;
use headwater::text::TextBlock;

/// About how many bytes a read of a socket gives; blocks have whole lines.
const BLOCK_BYTES: usize = 256 * 1024;

/// Lines have 5 to 19 words, 12 in the mean.
const WORDS_PER_LINE: std::ops::RangeInclusive<usize> = 5..=19;

/// How many of the most frequent words are drawn as short ones.
const SHORT_RANKS: usize = 100;

/// How many of a hundred short words have one letter, two letters, and so on.
const SHORT_LENGTHS: [u32; 5] = [2, 26, 34, 28, 10];

/// The same for all other words.
const LENGTHS: [u32; 13] = [0, 0, 5, 12, 15, 17, 16, 13, 9, 6, 4, 2, 1];

/// What text to make.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recipe {
    /// How many distinct words there are to choose from.
    pub(crate) words: usize,
    /// How long the text is; the last line is finished.
    pub(crate) bytes: u64,
    /// What the choices depend on.
    pub(crate) seed: u64,
}

impl Recipe {
    /// The text of the benchmarks with that many words.
    pub(crate) fn new(words: usize, bytes: u64) -> Recipe {
        Recipe {
            words,
            bytes,
            seed: 42,
        }
    }

    /// The text in blocks, as a receiver makes them.
    pub(crate) fn blocks(self) -> Vec<TextBlock> {
        self.chunks().map(TextBlock::from).collect()
    }

    /// Writes the text.
    pub(crate) fn write_to(self, out: &mut impl Write) -> io::Result<()> {
        self.chunks()
            .try_for_each(|chunk| out.write_all(chunk.as_bytes()))
    }

    /// The text in pieces of whole lines, each with its line end.
    pub(crate) fn chunks(self) -> impl Iterator<Item = String> {
        let mut maker = LineMaker::new(self.words, self.seed);
        let mut rest = self.bytes;
        std::iter::from_fn(move || {
            if rest == 0 {
                return None;
            }
            let enough = usize::try_from(rest)
                .unwrap_or(BLOCK_BYTES)
                .min(BLOCK_BYTES);
            let mut chunk = String::with_capacity(BLOCK_BYTES + 512);
            while chunk.len() < enough {
                maker.append_line(&mut chunk);
            }
            rest = rest.saturating_sub(chunk.len() as u64);
            Some(chunk)
        })
    }
}

/// Makes line after line.
struct LineMaker {
    rng: Rng,
    /// By rank, the most frequent first.
    words: Vec<String>,
    /// For each rank the chance that a word has this rank or a smaller one.
    chances: Vec<f64>,
}

impl LineMaker {
    fn new(words: usize, seed: u64) -> LineMaker {
        let mut rng = Rng::with_seed(seed);
        let words = vocabulary(words.max(1), &mut rng);
        let total: f64 = (1..=words.len()).map(|rank| 1.0 / rank as f64).sum();
        let chances = (1..=words.len()).scan(0.0, |sum, rank| {
            *sum += 1.0 / rank as f64 / total;
            Some(*sum)
        });
        LineMaker {
            chances: chances.collect(),
            words,
            rng,
        }
    }

    fn append_line(&mut self, text: &mut String) {
        for at in 0..self.rng.usize(WORDS_PER_LINE) {
            if at > 0 {
                text.push(' ');
            }
            let chance = self.rng.f64();
            let rank = self.chances.partition_point(|&up_to| up_to <= chance);
            // Rounding may leave the last sum a little under one.
            let rank = rank.min(self.words.len() - 1);
            text.push_str(self.words.get(rank).map_or("", String::as_str));
        }
        text.push('\n');
    }
}

/// Distinct words of small letters, the most frequent first.
fn vocabulary(count: usize, rng: &mut Rng) -> Vec<String> {
    let mut known = HashSet::new();
    let mut words = Vec::with_capacity(count);
    while words.len() < count {
        let lengths = if words.len() < SHORT_RANKS {
            &SHORT_LENGTHS[..]
        } else {
            &LENGTHS[..]
        };
        let word: String = (0..length(lengths, rng)).map(|_| rng.lowercase()).collect();
        if known.insert(word.clone()) {
            words.push(word);
        }
    }
    words
}

fn length(weights: &[u32], rng: &mut Rng) -> usize {
    let mut pick = rng.u32(..weights.iter().sum::<u32>());
    for (at, &weight) in weights.iter().enumerate() {
        if pick < weight {
            return at + 1;
        }
        pick -= weight;
    }
    weights.len()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn text(recipe: Recipe) -> String {
        recipe.chunks().collect()
    }

    #[test]
    fn a_seed_determines_the_text() {
        let recipe = Recipe::new(1_000, 600_000);
        assert_eq!(text(recipe), text(recipe));
        assert_ne!(text(recipe), text(Recipe { seed: 43, ..recipe }));
    }

    #[test]
    fn blocks_and_files_hold_the_same_text() {
        let recipe = Recipe::new(1_000, 600_000);
        let blocks: String = recipe
            .blocks()
            .iter()
            .map(|block| block.as_str().to_owned())
            .collect();
        let mut file = Vec::new();
        recipe.write_to(&mut file).unwrap();
        assert_eq!(blocks, text(recipe));
        assert_eq!(file, text(recipe).into_bytes());
        assert_eq!(recipe.blocks().len(), 3);
    }

    #[test]
    fn the_text_ends_with_the_line_that_makes_it_long_enough() {
        for bytes in [0, 1, 1_000, 300_000] {
            let text = text(Recipe::new(100, bytes));
            assert!(
                text.len() as u64 >= bytes && (text.len() as u64) < bytes + 300,
                "{bytes}"
            );
            assert!(text.is_empty() || text.ends_with('\n'));
        }
    }

    #[test]
    fn lines_and_words_have_natural_lengths() {
        for words in [5_000, 50_000] {
            let text = text(Recipe::new(words, 2_000_000));
            let per_line = text.len() as f64 / text.lines().count() as f64;
            assert!((60.0..=75.0).contains(&per_line), "{per_line} bytes a line");
            let letters = text.split_whitespace().map(str::len).sum::<usize>() as f64;
            let per_word = letters / text.split_whitespace().count() as f64;
            assert!((4.2..=5.6).contains(&per_word), "{per_word} letters a word");
        }
    }

    #[test]
    fn frequencies_follow_the_ranks() {
        let text = text(Recipe::new(5_000, 2_000_000));
        let mut counts = HashMap::new();
        text.split_whitespace()
            .for_each(|word| *counts.entry(word).or_insert(0_u32) += 1);
        let mut counts: Vec<_> = counts.into_values().collect();
        counts.sort_unstable_by(|a, b| b.cmp(a));
        for rank in [2, 5, 10, 50] {
            let share = f64::from(counts[rank - 1]) * rank as f64 / f64::from(counts[0]);
            assert!((0.9..=1.1).contains(&share), "rank {rank}: {share}");
        }
        assert!(counts.len() > 4_900 && counts.len() <= 5_000);
    }

    #[test]
    fn one_word_is_enough() {
        let text = text(Recipe::new(1, 500));
        assert_eq!(text.split_whitespace().collect::<HashSet<_>>().len(), 1);
    }
}
