//! The stream, apart from where its lines come from and where its counts go, so that a test can
//! give it batches of its own.

use headwater::prelude::*;

/// How often each word is in a batch, without regard to case and punctuation.
pub fn word_counts(lines: &DStream<Text>) -> DStream<(String, u64)> {
    let words = lines.flat_map(|line| words_of(&line));
    words.map(|word| (word, 1)).reduce_by_key(|a, b| a + b)
}

fn words_of(line: &str) -> Vec<String> {
    let words = line.split(|c: char| !c.is_alphanumeric());
    let words = words.filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect()
}
