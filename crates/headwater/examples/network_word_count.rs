//! Counts the words of lines that a TCP server sends, every second.
//!
//! In one terminal start a server to type into, in another one this program:
//!
//! ```text
//! nc -lk 9999
//! cargo run --release --example network_word_count localhost 9999
//! ```

use std::process::ExitCode;

use headwater::prelude::*;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const USAGE: &str = "usage: network_word_count HOST PORT [--conf KEY=VALUE ...]\n\
                     for example: network_word_count localhost 9999";

fn main() -> ExitCode {
    // Warnings, such as a lost connection, go to standard error; batches to standard output.
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_max_level(tracing_subscriber::filter::LevelFilter::WARN)
        .init();
    let conf = Conf::new()
        .with_default("master", "local[2]")
        .app_name("NetworkWordCount");
    let (conf, arguments) = conf.with_env().with_args(std::env::args().skip(1));
    let [host, port] = arguments.as_slice() else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let Ok(port) = port.parse() else {
        eprintln!("error: `{port}` is no port; a port is a number from 0 to 65535\n{USAGE}");
        return ExitCode::from(2);
    };
    match run(conf, host, port) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(conf: Conf, host: &str, port: u16) -> Result<(), StreamError> {
    let ssc = StreamingContext::from_conf(conf, seconds(1))?;
    let lines = ssc.socket_text_stream(host, port);
    let words = lines.flat_map(|line| line.into_split(' '));
    let counts = words.map(|word| (word, 1)).reduce_by_key(|a, b| a + b);
    counts.print();
    ssc.start()?;
    ssc.await_termination()
}
