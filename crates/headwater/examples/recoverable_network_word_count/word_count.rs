//! The streaming program: from lines to counts in a file.

use headwater::prelude::*;
use headwater::{Error, MapWithState};

use crate::batch_file::BatchFile;

/// Words that are not shown.
const EXCLUDED: [&str; 3] = ["a", "b", "c"];

/// A word, how often it came in a batch, and how often since the beginning.
pub(crate) type Counted = (Text, u64, u64);

/// Counts words, in each batch and since the beginning.
pub(crate) fn count(lines: &DStream<Text>) -> MapWithState<Text, u64, Counted> {
    let words = lines.flat_map(Text::into_words).map(|word| (word, 1_u64));
    let counts = words.reduce_by_key(|a, b| a + b);
    counts.map_with_state(StateSpec::function(
        |word: &Text, new: Option<u64>, total: &mut State<'_, u64>| {
            let new = new.unwrap_or(0);
            let sum = total.get().unwrap_or(&0) + new;
            total.update(sum);
            (word.clone(), new, sum)
        },
    ))
}

/// Prints the counts of each batch that has words, and appends them to a file, once.
pub(crate) fn write(ctx: &Context, counted: &DStream<Counted>, file: BatchFile) {
    let excluded = ctx.broadcast(EXCLUDED);
    // What this process has dropped. It is for the eye: unlike state, an accumulator begins
    // at zero in each process, and counts again what runs again.
    let dropped = ctx.long_accumulator("dropped words");
    counted.foreach_rdd_with_run(move |rdd, run| {
        let (excluded, count) = (excluded.clone(), dropped.clone());
        let shown = rdd.filter(move |(word, new, _)| {
            let is_shown = !excluded.iter().any(|excluded| word == *excluded);
            if !is_shown {
                count.add(i64::try_from(*new).unwrap_or(i64::MAX));
            }
            is_shown
        });
        let mut words = shown.collect()?;
        if words.is_empty() {
            return Ok(());
        }
        words.sort();
        let new = list(words.iter().map(|(word, new, _)| (word, new)));
        let total = list(words.iter().map(|(word, _, total)| (word, total)));
        let counts = format!("{new} in all {total}");
        println!("Counts at time {} ms {counts}", run.id.time.as_millis());
        println!("Dropped {} word(s) since the start", dropped.sum());
        file.append(run, &counts).map_err(WriteError::File)
    });
}

fn list<'a>(counts: impl Iterator<Item = (&'a Text, &'a u64)>) -> String {
    let counts: Vec<_> = counts
        .map(|(word, count)| format!("({word}, {count})"))
        .collect();
    format!("[{}]", counts.join(", "))
}

/// Why a batch could not be written.
enum WriteError {
    Engine(Error),
    File(std::io::Error),
}

impl std::fmt::Display for WriteError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            WriteError::Engine(error) => error.fmt(f),
            WriteError::File(error) => write!(f, "cannot append to the output file: {error}"),
        }
    }
}

impl From<Error> for WriteError {
    fn from(error: Error) -> Self {
        WriteError::Engine(error)
    }
}
