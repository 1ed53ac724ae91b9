//! What the small programs share: the command line, log messages and the exit status.

#![allow(dead_code, reason = "each program uses a part of it")]

use std::fmt::Display;
use std::process::ExitCode;

use headwater::prelude::*;
use headwater::ui::{self, logging};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Why a program ends with a failure.
pub(crate) enum Failure {
    /// The arguments are wrong: what about them. Nothing to say if some are missing.
    Usage(Option<String>),
    /// Something else.
    Other(Box<dyn std::error::Error>),
}

impl<E: std::error::Error + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        Failure::Other(Box::new(error))
    }
}

impl Failure {
    pub(crate) fn usage(message: impl Display) -> Self {
        Failure::Usage(Some(message.to_string()))
    }
}

/// Runs a program with its configuration and the arguments that do not belong to that.
pub(crate) fn run(
    app_name: &str,
    usage: &str,
    program: impl FnOnce(Conf, &[String]) -> Result<(), Failure>,
) -> ExitCode {
    let conf = Conf::new()
        .with_default("master", "local[2]")
        .app_name(app_name);
    let (conf, arguments) = conf.with_env().with_args(std::env::args().skip(1));
    let (conf, arguments) = with_progress(conf, arguments);
    // Warnings, such as a lost connection, go to standard error; batches to standard output.
    let logged = logging::init(&conf).map_err(Failure::from);
    match logged.and_then(|()| program(conf, &arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Usage(message)) => {
            if let Some(message) = message {
                eprintln!("error: {message}");
            }
            eprintln!("usage: {usage}");
            ExitCode::from(2)
        }
        Err(Failure::Other(error)) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Takes `--progress` out of the arguments: tell how the stream goes, also where nobody sits.
fn with_progress(conf: Conf, mut arguments: Vec<String>) -> (Conf, Vec<String>) {
    let before = arguments.len();
    arguments.retain(|argument| argument != "--progress");
    match arguments.len() < before {
        true => (conf.set("ui.progress", true), arguments),
        false => (conf, arguments),
    }
}

/// The arguments, if there are as many as wanted.
pub(crate) fn expect<const N: usize>(arguments: &[String]) -> Result<&[String; N], Failure> {
    arguments.try_into().map_err(|_| Failure::Usage(None))
}

/// An argument that is a port.
pub(crate) fn port(text: &str) -> Result<u16, Failure> {
    text.parse().map_err(|_| {
        Failure::usage(format!(
            "`{text}` is no port; a port is a number from 0 to 65535"
        ))
    })
}

/// Runs a stream until a signal ends it, or it fails.
pub(crate) fn run_stream(ssc: &StreamingContext) -> Result<(), Failure> {
    // Pages, and what else the configuration asks for, until the stream has ended.
    let _observed = ui::observe(ssc)?;
    ssc.stop_on_signals()?;
    ssc.start()?;
    Ok(ssc.await_termination()?)
}
