//! What the stream makes of batches.

use headwater::prelude::*;
use headwater::testing::TestStream;
use new_program::word_counts;

fn counts(words: &[(&str, u64)]) -> Vec<(String, u64)> {
    let counts = words.iter();
    counts
        .map(|(word, count)| (word.to_string(), *count))
        .collect()
}

#[test]
fn words_are_counted_batch_by_batch() {
    let test = TestStream::new(seconds(1));
    let lines = test.input(vec![
        vec![Text::from("To be, or not"), Text::from("to be")],
        vec![],
        vec![Text::from("to sleep")],
    ]);
    let counted = test.collect(&word_counts(&lines));
    test.run(3);
    counted.assert_unordered([
        counts(&[("to", 2), ("be", 2), ("or", 1), ("not", 1)]),
        counts(&[]),
        counts(&[("to", 1), ("sleep", 1)]),
    ]);
}
