//! Counts the words of lines that a TCP server sends: see the README.

use std::error::Error;

use headwater::prelude::*;
use headwater::ui::{self, logging};
use new_program::word_counts;

fn main() -> Result<(), Box<dyn Error>> {
    let conf = Conf::new()
        .app_name("new-program")
        .with_default("master", "local[2]");
    let (conf, arguments) = conf.with_env().with_args(std::env::args().skip(1));
    logging::init(&conf)?;
    let (host, port) = match arguments.as_slice() {
        [] => ("localhost", 9999),
        [host, port] => (host.as_str(), port.parse()?),
        _ => return Err("usage: new-program [HOST PORT] [--conf KEY=VALUE ...]".into()),
    };

    let ssc = StreamingContext::from_conf(conf, seconds(1))?;
    let lines = ssc.socket_text_stream(host, port);
    word_counts(&lines).print();

    // Pages at http://127.0.0.1:4040 and a line of progress, until the stream has ended.
    let _observed = ui::observe(&ssc)?;
    ssc.stop_on_signals()?;
    ssc.start()?;
    ssc.await_termination()?;
    Ok(())
}
