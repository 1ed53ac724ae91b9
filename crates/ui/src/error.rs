//! What can go wrong with the pages. None of it harms a stream.

use std::io;
use std::net::{IpAddr, SocketAddr};

use headwater_core::conf::ConfError;

use crate::log::LogError;

/// Why a program is not shown.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UiError {
    /// A setting of the pages is wrong.
    #[error(transparent)]
    Conf(#[from] ConfError),
    /// No port could be had.
    #[error(
        "the web UI found no free port at {address} from {first} to {last}: {source}; set ui.port \
         to another one, to 0 for any, or ui.enabled=false"
    )]
    Bind {
        /// Where it should listen.
        address: IpAddr,
        /// The port that was tried first.
        first: u16,
        /// The port that was tried last.
        last: u16,
        /// What the system said of the last one.
        source: io::Error,
    },
    /// The system does not let the program listen there, at whatever port is free.
    #[error(
        "the web UI cannot listen at {address}: {source}; set ui.bind to an address of this \
         machine, such as 127.0.0.1, or 0.0.0.0 for all of them, and ui.port to a port that the \
         program may use"
    )]
    Listen {
        /// Where it should listen.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The event logs that are to be shown cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The server's thread could not be started.
    #[error("the web UI cannot start its server: {0}")]
    Start(#[source] io::Error),
}
