//! The Rust toolchain, which builds programs.

use std::process::Command;

use super::report::Check;

const NAME: &str = "rust";

/// What the library says that it needs.
const NEEDED: &str = env!("CARGO_PKG_RUST_VERSION");

pub(super) fn check() -> Check {
    let output = Command::new("rustc").arg("--version").output();
    let told = output.ok().filter(|output| output.status.success());
    judge(told.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()))
}

fn judge(told: Option<String>) -> Check {
    let Some(told) = told else {
        let advice =
            format!("only to build programs: install Rust {NEEDED} or newer, as with rustup");
        return Check::warn(NAME, "there is no rustc in the PATH", advice);
    };
    let word = told
        .strip_prefix("rustc ")
        .and_then(|rest| rest.split(' ').next());
    match (word.and_then(version), version(NEEDED)) {
        (Some(found), Some(needed)) if found >= needed => Check::ok(NAME, told),
        _ => {
            let found = format!("{told}; programs need {NEEDED}");
            Check::fail(NAME, found, "update it: rustup update")
        }
    }
}

/// Major and minor number.
fn version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split(['.', '-']).map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

#[cfg(test)]
mod tests {
    use super::super::report::Status;
    use super::*;

    #[test]
    fn versions_are_compared_by_their_numbers() {
        let status = |told: &str| judge(Some(told.to_owned())).status;
        assert_eq!(status("rustc 1.95.0 (59807616e 2026-04-14)"), Status::Ok);
        assert_eq!(status("rustc 1.100.0-nightly (abc 2026-08-01)"), Status::Ok);
        assert_eq!(status("rustc 2.0.0"), Status::Ok);
        assert_eq!(status("rustc 1.9.0 (old)"), Status::Fail);
        assert_eq!(status("what?"), Status::Fail);
        assert_eq!(judge(None).status, Status::Warn);
    }
}
