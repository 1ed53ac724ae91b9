//! Counts words that a TCP server sends, in this batch and since the beginning, and appends the
//! counts to a file. It can be killed at any moment: started again, it goes on from its
//! checkpoint directory, and the file has each batch once.
//!
//! In one terminal start a server to type into, in another one this program:
//!
//! ```text
//! nc -lk 9999
//! cargo run --release --example recoverable_network_word_count \
//!     localhost 9999 /tmp/words.checkpoint /tmp/words.txt
//! ```
//!
//! Kill it with `kill -9`, start it again, and type the same words: the counts go on.
//!
//! `nc` does not know what has arrived. What it had sent, and the program had not stored when it
//! was killed, is lost. With `--acknowledged` nothing is, if the server sends again what was
//! not acknowledged, as `serve_lines` does:
//!
//! ```text
//! cargo run --release --example serve_lines 9999 README.md
//! cargo run --release --example recoverable_network_word_count -- --acknowledged \
//!     localhost 9999 /tmp/lines.checkpoint /tmp/lines.txt --conf streaming.receiver.max_rate=20
//! ```
//!
//! Read `word_count.rs` first: it is the streaming program.

mod batch_file;
#[path = "../program/mod.rs"]
mod program;
mod word_count;

use std::process::ExitCode;

use batch_file::BatchFile;
use headwater::prelude::*;
use program::Failure;

const USAGE: &str = "recoverable_network_word_count [--acknowledged] HOST PORT CHECKPOINT_DIRECTORY \
                     OUTPUT_FILE [--conf KEY=VALUE ...]\n\
                     for example: recoverable_network_word_count localhost 9999 \
                     /tmp/words.checkpoint /tmp/words.txt";

fn main() -> ExitCode {
    program::run("RecoverableNetworkWordCount", USAGE, run)
}

fn run(conf: Conf, arguments: &[String]) -> Result<(), Failure> {
    let (options, arguments): (Vec<_>, Vec<_>) = arguments
        .iter()
        .cloned()
        .partition(|argument| argument.starts_with("--"));
    let is_acknowledged = match options.as_slice() {
        [] => false,
        [option] if option == "--acknowledged" => true,
        _ => return Err(Failure::usage(format!("no such options: {options:?}"))),
    };
    let [host, port, checkpoint, output] = program::expect(&arguments)?;
    let port = program::port(port)?;
    let output = BatchFile::new(output);
    // Called at each start: the directory holds data, not code.
    let setup = || {
        let ssc = StreamingContext::from_conf(conf, seconds(1))?;
        let lines = if is_acknowledged {
            ssc.acknowledged_text_stream(host, port)
        } else {
            ssc.socket_text_stream(host, port)
        };
        let counted = word_count::count(&lines).named("totals");
        word_count::write(ssc.context(), &counted, output);
        Ok::<_, Failure>(ssc)
    };
    let ssc = StreamingContext::get_or_create(checkpoint, setup)?;
    program::run_stream(&ssc)
}
