//! What a checkpoint knows about the program that wrote it: enough to tell whether another
//! program can go on from it.

use serde::{Deserialize, Serialize};

use super::outputs::Outputs;
use crate::graph::{Output, StreamInfo};
use crate::state::Form;

/// The parts of a program that have a past: its states and its inputs, each in the order of
/// construction. Entries of the journal name them by their places here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Program {
    pub(crate) app_name: String,
    pub(crate) batch_ms: u64,
    pub(crate) states: Vec<Part>,
    pub(crate) inputs: Vec<Part>,
    pub(crate) outputs: Outputs,
}

/// A state, an input or an output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Part {
    /// What the user called it.
    pub(crate) name: Option<String>,
    pub(crate) operator: String,
    /// The type of its records, as the compiler writes it; of a state that of its keys and
    /// values.
    pub(crate) records: String,
    /// How a state is kept.
    pub(crate) form: Option<Form>,
    pub(crate) slide_ms: u64,
    /// The line that built it, for messages.
    pub(crate) site: String,
}

impl Part {
    pub(crate) fn of(stream: &StreamInfo) -> Self {
        Part {
            name: stream.name().map(str::to_owned),
            operator: stream.site.operator().to_owned(),
            records: stream.record_type.to_owned(),
            form: None,
            slide_ms: u64::try_from(stream.slide.as_millis()).unwrap_or(u64::MAX),
            site: stream.site.to_string(),
        }
    }

    pub(crate) fn of_output(output: &Output) -> Self {
        Part {
            name: output.name().map(str::to_owned),
            operator: output.site.operator().to_owned(),
            site: output.site.to_string(),
            ..Part::of(output.stream.info())
        }
    }

    /// The state of a stream.
    pub(crate) fn of_state(stream: &StreamInfo, form: Form) -> Self {
        Part {
            records: format!("({}, {})", form.key, form.value),
            form: Some(form),
            ..Part::of(stream)
        }
    }

    /// Whether what one holds can be read by the other.
    pub(crate) fn is_like(&self, other: &Part) -> bool {
        let is_same_form = match (&self.form, &other.form) {
            (Some(one), Some(other)) => one.is_read_as(other),
            _ => true,
        };
        self.operator == other.operator && self.records == other.records && is_same_form
    }
}

#[cfg(test)]
impl Program {
    /// A program of tests, with batches of a second.
    pub(crate) fn of_parts(states: &[&str], inputs: &[&str]) -> Self {
        let part = |name: &&str| Part {
            name: Some((*name).to_owned()),
            operator: "operator".to_owned(),
            records: "u8".to_owned(),
            form: None,
            slide_ms: 1000,
            site: String::new(),
        };
        Program {
            app_name: "test".to_owned(),
            batch_ms: 1000,
            states: states.iter().map(part).collect(),
            inputs: inputs.iter().map(part).collect(),
            outputs: Outputs::default(),
        }
    }
}
