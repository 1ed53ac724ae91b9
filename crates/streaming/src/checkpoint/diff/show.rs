//! The comparison of a program with a checkpoint as a report for people.

use std::fmt;

use super::{CheckpointDiff, PartDiff, PartFate, PartKind};
use crate::checkpoint::report::{Report, bytes, plural, row};

impl fmt::Display for CheckpointDiff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut report = Report::default();
        report.line(0, &format!("the program on {}", self.directory));
        report.table(1, self.parts.iter().map(PartDiff::row).collect());
        report.text.push('\n');
        if self.goes_on() {
            report.line(0, "it goes on");
        } else {
            report.line(0, "it is refused:");
            self.refused.iter().for_each(|why| report.paragraph(1, why));
        }
        if !self.warnings.is_empty() {
            report.line(0, "as allowed:");
            self.warnings
                .iter()
                .for_each(|what| report.paragraph(1, what));
        }
        if let Some(allow) = &self.allow {
            report.line(0, "to confirm:");
            report.line(1, &format!("streaming.checkpoint.allow={allow}"));
        }
        f.write_str(&report.text)
    }
}

impl PartDiff {
    fn row(&self) -> Vec<String> {
        let kind = match self.kind {
            PartKind::State => "state",
            PartKind::Input => "input",
            PartKind::Output => "output",
        };
        let holds = match (self.bytes, self.records) {
            (0, _) => String::new(),
            (length, 0) => bytes(length),
            (length, records) => {
                format!(
                    "{}, {}",
                    plural(records, "record", "records"),
                    bytes(length)
                )
            }
        };
        row([
            kind,
            &self.part.label,
            &self.fate.to_string(),
            &holds,
            &self.part.site,
        ])
    }
}

/// In the words of a report.
impl fmt::Display for PartFate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PartFate::GoesOn => f.write_str("goes on"),
            PartFate::Renamed { from } => write!(f, "goes on from {from}"),
            PartFate::Migrates { from } => write!(f, "is migrated from {from}"),
            PartFate::Misfit { from } => write!(f, "does not fit {from}"),
            PartFate::New => f.write_str("is new"),
            PartFate::Dropped => f.write_str("is dropped, as allowed"),
            PartFate::Lost => f.write_str("would be lost"),
            PartFate::Gone => f.write_str("is gone"),
        }
    }
}
