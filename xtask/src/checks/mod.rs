//! The checks, one per file, in the order in which they run.

pub(crate) mod arrows;
mod bans;
mod channels;
mod docs;
mod licences;
mod markers;
mod names;
mod sizes;
mod spdx;

use crate::finding::Finding;
use crate::metadata::Metadata;
use crate::workspace::Workspace;

/// What the checks look at.
#[derive(Default)]
pub(crate) struct Subject {
    pub(crate) workspace: Workspace,
    pub(crate) metadata: Metadata,
}

/// What a check says.
#[derive(Default)]
pub(crate) struct Outcome {
    /// Lines for the reader that are no objection.
    pub(crate) report: Vec<String>,
    /// Objections.
    pub(crate) findings: Vec<Finding>,
}

impl From<Vec<Finding>> for Outcome {
    fn from(findings: Vec<Finding>) -> Self {
        Self {
            report: Vec::new(),
            findings,
        }
    }
}

/// A check and how `help` describes it.
pub(crate) struct Check {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) run: fn(&Subject) -> Outcome,
}

/// Every check.
pub(crate) const ALL: &[Check] = &[
    Check {
        name: "arrows",
        about: "crates depend downwards only",
        run: arrows::check,
    },
    Check {
        name: "sizes",
        about: "files and functions stay short",
        run: sizes::check,
    },
    Check {
        name: "names",
        about: "modules are named by what they hold",
        run: names::check,
    },
    Check {
        name: "bans",
        about: "no unfinished, sleeping or printing code",
        run: bans::check,
    },
    Check {
        name: "channels",
        about: "every channel has a bound",
        run: channels::check,
    },
    Check {
        name: "docs",
        about: "every public operation has an example",
        run: docs::check,
    },
    Check {
        name: "licences",
        about: "dependencies are free and explained",
        run: licences::check,
    },
    Check {
        name: "markers",
        about: "no paths of somebody's machine",
        run: markers::check,
    },
];
