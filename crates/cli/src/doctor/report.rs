//! What was found, and how it is told.

use std::fmt;

use serde::Serialize;

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Status {
    Ok,
    Warn,
    Fail,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Check {
    pub(super) name: String,
    pub(super) status: Status,
    /// What was measured.
    pub(super) found: String,
    /// What to change, where that would help.
    pub(super) advice: Option<String>,
}

impl Check {
    pub(super) fn ok(name: &str, found: impl Into<String>) -> Self {
        Check {
            name: name.to_owned(),
            status: Status::Ok,
            found: found.into(),
            advice: None,
        }
    }

    pub(super) fn warn(name: &str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Check {
            status: Status::Warn,
            advice: Some(advice.into()),
            ..Check::ok(name, found)
        }
    }

    pub(super) fn fail(name: &str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Check {
            status: Status::Fail,
            ..Check::warn(name, found, advice)
        }
    }
}

/// Everything that was looked at.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) is_well: bool,
    checks: Vec<Check>,
}

impl Report {
    pub(super) fn new(checks: Vec<Check>) -> Self {
        Report {
            is_well: checks.iter().all(|check| check.status != Status::Fail),
            checks,
        }
    }

    fn count(&self, status: Status) -> usize {
        let checks = self.checks.iter();
        checks.filter(|check| check.status == status).count()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths = self.checks.iter().map(|check| check.name.chars().count());
        let width = widths.max().unwrap_or(0);
        for check in &self.checks {
            let status = match check.status {
                Status::Ok => "ok  ",
                Status::Warn => "warn",
                Status::Fail => "fail",
            };
            writeln!(f, "{status}  {:width$}  {}", check.name, check.found)?;
            if let Some(advice) = &check.advice {
                writeln!(f, "{:indent$}-> {advice}", "", indent = width + 8)?;
            }
        }
        let [ok, warn, fail] = [Status::Ok, Status::Warn, Status::Fail].map(|s| self.count(s));
        write!(f, "\n{ok} ok, {warn} to look at, {fail} failed")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_says_what_was_found_and_what_to_change() {
        let report = Report::new(vec![
            Check::ok("clock", "steady"),
            Check::fail("this directory", "full", "make room"),
            Check::warn("port", "taken", "set ui.port"),
        ]);
        assert!(!report.is_well);
        let expected = "\
ok    clock           steady
fail  this directory  full
                      -> make room
warn  port            taken
                      -> set ui.port

1 ok, 1 to look at, 1 failed";
        assert_eq!(report.to_string(), expected);
        assert!(Report::new(vec![Check::warn("a", "b", "c")]).is_well);
    }
}
