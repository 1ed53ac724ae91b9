//! Word counts written by hand: what the engine's is compared to.
//!
//! All of them read the same lines as the engine does, and cut them at spaces.

use std::hash::Hash;
use std::thread;

use compact_str::CompactString;
use hashbrown::HashMap;
use headwater::text::Text;

use crate::error::BenchError;

/// Words and how often they occur.
pub(crate) type Counts<K> = HashMap<K, i64, foldhash::fast::RandomState>;

/// One thread counts all lines: an inline string as key, made for every word.
pub(crate) fn one_thread(lines: &[Text]) -> Counts<CompactString> {
    count_owned(lines)
}

/// Two threads count half of the lines each, with a key made for every word.
pub(crate) fn two_threads<K: WordKey>(lines: &[Text]) -> Result<Counts<K>, BenchError> {
    in_halves(lines, count_owned)
}

/// Two threads that make a key only for a word that is new to them.
pub(crate) fn two_threads_borrowed(lines: &[Text]) -> Result<Counts<CompactString>, BenchError> {
    in_halves(lines, count_borrowed)
}

/// What the loops can count.
pub(crate) trait WordKey: Eq + Hash + Send + for<'a> From<&'a str> {}

impl<K: Eq + Hash + Send + for<'a> From<&'a str>> WordKey for K {}

fn count_owned<K: WordKey>(lines: &[Text]) -> Counts<K> {
    let mut counts = Counts::default();
    for line in lines {
        for word in line.split(' ') {
            *counts.entry(K::from(word)).or_insert(0) += 1;
        }
    }
    counts
}

fn count_borrowed(lines: &[Text]) -> Counts<CompactString> {
    let mut counts = Counts::default();
    for line in lines {
        let line = line.as_str();
        let mut start = 0;
        for end in memchr::memchr_iter(b' ', line.as_bytes()) {
            count_word(&mut counts, line.get(start..end));
            start = end + 1;
        }
        count_word(&mut counts, line.get(start..));
    }
    counts
}

/// Looks a new word up twice, but then it makes no key for all others.
#[inline]
fn count_word(counts: &mut Counts<CompactString>, word: Option<&str>) {
    // A space is never in the middle of a character, so that there always is a word.
    let Some(word) = word else { return };
    match counts.get_mut(word) {
        Some(times) => *times += 1,
        None => drop(counts.insert(CompactString::from(word), 1)),
    }
}

fn in_halves<K: WordKey>(
    lines: &[Text],
    count: impl Fn(&[Text]) -> Counts<K> + Sync,
) -> Result<Counts<K>, BenchError> {
    let (first, second) = lines.split_at(lines.len() / 2);
    let (mut counts, others) = both(|| count(first), || count(second))?;
    for (word, times) in others {
        *counts.entry(word).or_insert(0) += times;
    }
    Ok(counts)
}

/// Runs two things at a time.
pub(crate) fn both<R: Send>(
    first: impl FnOnce() -> R + Send,
    second: impl FnOnce() -> R + Send,
) -> Result<(R, R), BenchError> {
    thread::scope(|scope| {
        let first = scope.spawn(first);
        let second = scope.spawn(second);
        let (first, second) = (first.join(), second.join());
        Ok((
            first.map_err(|_| BenchError::Thread)?,
            second.map_err(|_| BenchError::Thread)?,
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_loops_count_alike() {
        let lines: Vec<Text> = ["to be or not", "to be", "the", "the question"]
            .map(Text::from)
            .into();
        let expected: Counts<CompactString> = [
            ("to", 2),
            ("be", 2),
            ("or", 1),
            ("not", 1),
            ("the", 2),
            ("question", 1),
        ]
        .map(|(word, times)| (word.into(), times))
        .into_iter()
        .collect();
        assert_eq!(one_thread(&lines), expected);
        assert_eq!(two_threads::<CompactString>(&lines).unwrap(), expected);
        assert_eq!(two_threads_borrowed(&lines).unwrap(), expected);
        let texts = two_threads::<Text>(&lines).unwrap();
        assert!(texts.len() == 6 && texts.get(&Text::from("be")) == Some(&2));
    }
}
