//! Counts words that a TCP server sends since the beginning: each word is printed with how
//! often it has come so far. As in Spark's program of this name, `hello` and `world` begin at 1.
//!
//! In one terminal start a server to type into, in another one this program:
//!
//! ```text
//! nc -lk 9999
//! cargo run --release --example stateful_network_word_count localhost 9999
//! ```
//!
//! The counts live as long as the process; `recoverable_network_word_count` keeps them.

mod program;

use std::process::ExitCode;

use headwater::prelude::*;
use program::Failure;

const USAGE: &str = "stateful_network_word_count HOST PORT [--conf KEY=VALUE ...]\n\
                     for example: stateful_network_word_count localhost 9999";

fn main() -> ExitCode {
    program::run("StatefulNetworkWordCount", USAGE, run)
}

fn run(conf: Conf, arguments: &[String]) -> Result<(), Failure> {
    let [host, port] = program::expect(arguments)?;
    let port = program::port(port)?;
    let ssc = StreamingContext::from_conf(conf, seconds(1))?;
    let lines = ssc.socket_text_stream(host, port);
    let words = lines.flat_map(|line| line.into_split(' '));

    let known = vec![(Text::from("hello"), 1), (Text::from("world"), 1)];
    let known = ssc.context().parallelize(known, 1);
    let count = |word: &Text, one: Option<u64>, so_far: &mut State<'_, u64>| {
        let sum = so_far.get().unwrap_or(&0) + one.unwrap_or(0);
        so_far.update(sum);
        (word.clone(), sum)
    };
    let spec = StateSpec::function(count).initial_state(&known);
    words.map(|word| (word, 1)).map_with_state(spec).print();
    program::run_stream(&ssc)
}
