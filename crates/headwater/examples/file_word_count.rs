//! Counts the words of the text files that come into a directory: Spark's `HdfsWordCount`.
//!
//! Start the program, then move files into the directory; written elsewhere and moved in, so
//! that each comes whole:
//!
//! ```text
//! mkdir -p /tmp/words
//! cargo run --release --example file_word_count /tmp/words
//! cp README.md /tmp/README.new && mv /tmp/README.new /tmp/words/
//! ```
//!
//! The directory can be a pattern, such as `/tmp/words/*`, or the URL of an object store.

mod program;

use std::process::ExitCode;

use headwater::prelude::*;
use program::Failure;

const USAGE: &str = "file_word_count DIRECTORY [--conf KEY=VALUE ...]\n\
                     for example: file_word_count /tmp/words";

fn main() -> ExitCode {
    program::run("FileWordCount", USAGE, run)
}

fn run(conf: Conf, arguments: &[String]) -> Result<(), Failure> {
    let [directory] = program::expect(arguments)?;
    let ssc = StreamingContext::from_conf(conf, seconds(2))?;
    let lines = ssc.text_file_stream(directory);
    let words = lines.flat_map(|line| line.into_split(' '));
    let counts = words.map(|word| (word, 1)).reduce_by_key(|a, b| a + b);
    counts.print();
    program::run_stream(&ssc)
}
