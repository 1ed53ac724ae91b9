//! What the system allows a process.

use super::report::Check;

const NAME: &str = "open files";

/// Sockets, blocks on disk, segments and outputs of a small stream.
const NEEDED: u64 = 256;
/// What leaves room for object stores, databases and many receivers.
const ENOUGH: u64 = 1024;

#[cfg(unix)]
pub(super) fn open_files() -> Check {
    use rustix::process::{Resource, getrlimit};
    judge(getrlimit(Resource::Nofile).current)
}

#[cfg(not(unix))]
pub(super) fn open_files() -> Check {
    Check::ok(NAME, "this system has no limit")
}

/// `None` is no limit.
#[cfg(any(unix, test))]
fn judge(limit: Option<u64>) -> Check {
    let Some(limit) = limit else {
        return Check::ok(NAME, "no limit");
    };
    let advice = format!(
        "raise it: ulimit -n {}, or LimitNOFILE= of the service",
        ENOUGH * 64
    );
    match limit {
        ..NEEDED => Check::fail(NAME, format!("{limit} at most"), advice),
        NEEDED..ENOUGH => Check::warn(NAME, format!("{limit} at most"), advice),
        _ => Check::ok(NAME, format!("{limit} at most")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::Status;
    use super::*;

    #[test]
    fn few_open_files_are_told() {
        let statuses = [Some(64), Some(512), Some(1024), None].map(|limit| judge(limit).status);
        assert_eq!(
            statuses,
            [Status::Fail, Status::Warn, Status::Ok, Status::Ok]
        );
        assert!(judge(Some(64)).advice.unwrap().contains("ulimit -n 65536"));
    }
}
