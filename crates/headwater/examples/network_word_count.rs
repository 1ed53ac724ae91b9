//! Counts the words of lines that a TCP server sends, every second.
//!
//! In one terminal start a server to type into, in another one this program:
//!
//! ```text
//! nc -lk 9999
//! cargo run --release --example network_word_count localhost 9999
//! ```
//!
//! Ctrl-C counts what has arrived, then ends.

mod program;

use std::process::ExitCode;

use headwater::prelude::*;
use program::Failure;

const USAGE: &str = "network_word_count HOST PORT [--conf KEY=VALUE ...]\n\
                     for example: network_word_count localhost 9999";

fn main() -> ExitCode {
    program::run("NetworkWordCount", USAGE, run)
}

fn run(conf: Conf, arguments: &[String]) -> Result<(), Failure> {
    let [host, port] = program::expect(arguments)?;
    let port = program::port(port)?;
    let ssc = StreamingContext::from_conf(conf, seconds(1))?;
    let lines = ssc.socket_text_stream(host, port);
    let words = lines.flat_map(|line| line.into_split(' '));
    let counts = words.map(|word| (word, 1)).reduce_by_key(|a, b| a + b);
    counts.print();
    program::run_stream(&ssc)
}
