//! What a command answers.

use std::fmt::Display;

use serde::Serialize;

use crate::error::CliError;

/// Something is refused, would be lost, or needs to be changed.
const NOT_WELL: u8 = 1;

/// What a command found out or has done.
pub(crate) struct Answer {
    /// What is printed; nothing if it is empty.
    pub(crate) text: String,
    /// How the process ends.
    pub(crate) status: u8,
}

impl Answer {
    pub(crate) fn new(text: String) -> Self {
        Answer { text, status: 0 }
    }

    /// What was found, as text or JSON, and whether that is well.
    pub(crate) fn found(
        found: &(impl Display + Serialize),
        in_json: bool,
        is_well: bool,
    ) -> Result<Self, CliError> {
        let text = match in_json {
            true => serde_json::to_string_pretty(found)?,
            false => found.to_string(),
        };
        let status = if is_well { 0 } else { NOT_WELL };
        Ok(Answer { text, status })
    }
}
