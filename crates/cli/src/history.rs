//! `headwater history`: the pages of programs that have ended.

use clap::Args;
use headwater_core::Conf;
use headwater_ui::HistoryServer;

use crate::answer::Answer;
use crate::error::CliError;

/// Which logs to show, and where.
#[derive(Debug, Args)]
pub(crate) struct History {
    /// The directory, or the URL of an object store, that programs were given as event_log.dir
    directory: String,
    /// The port; if it is taken the next ones are tried, and 0 takes any that is free. Without it
    /// HEADWATER_UI__HISTORY__PORT says it, or it is 18080
    #[arg(long)]
    port: Option<u16>,
    /// The address to listen at; beyond this machine an access token is asked for. Without it
    /// HEADWATER_UI__BIND says it, or it is 127.0.0.1
    #[arg(long)]
    bind: Option<String>,
}

/// Shows the logs until the process is ended.
pub(crate) fn run(history: &History) -> Result<Answer, CliError> {
    let mut conf = Conf::new().with_env();
    if let Some(port) = history.port {
        conf = conf.set("ui.history.port", port);
    }
    if let Some(bind) = &history.bind {
        conf = conf.set("ui.bind", bind);
    }
    let server = HistoryServer::serve(&history.directory, &conf)?;
    eprintln!(
        "headwater: the programs in {} are shown at {}; Ctrl-C ends this",
        history.directory,
        server.url()
    );
    loop {
        std::thread::park();
    }
}
