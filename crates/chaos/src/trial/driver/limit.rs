//! A limit for the size of files: the disk that is full, where none can be filled.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use rustix::process::{Resource, Rlimit, setrlimit};
use signal_hook::consts::SIGXFSZ;

/// From now on no file of this process grows beyond so many bytes: the write fails.
pub(super) fn limit_files(bytes: u64) -> io::Result<()> {
    // Without somebody who takes the signal the process would end.
    signal_hook::flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false)))?;
    let limit = Rlimit {
        current: Some(bytes),
        maximum: None,
    };
    Ok(setrlimit(Resource::Fsize, limit)?)
}
