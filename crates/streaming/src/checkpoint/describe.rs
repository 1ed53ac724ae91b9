//! What a program says about itself, for comparing it with a checkpoint.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::matching::label;
use super::program::{Part, Program};
use crate::error::StreamError;

/// What a checkpoint has to know about a program: its states and its inputs, with their names,
/// operators, record types and lines. [`StreamingContext::describe`] makes one.
///
/// It can be written as JSON, so that a program can be compared with a checkpoint elsewhere:
/// by [`CheckpointSummary::diff`] or by `headwater checkpoint diff`.
///
/// ```
/// use headwater_streaming::checkpoint::ProgramDescription;
/// use headwater_streaming::{StreamingContext, time::seconds};
/// # let ctx = headwater_core::Context::local(2).unwrap();
/// let ssc = StreamingContext::new(&ctx, seconds(1)).unwrap();
/// let clicks = ssc.stream_by_time(|_| vec![("clicks".to_owned(), 1)]);
/// let sum = |new: Vec<i64>, old: Option<i64>| Some(old.unwrap_or(0) + new.iter().sum::<i64>());
/// clicks.update_state_by_key(sum).named("totals").print();
/// let description = ssc.describe();
/// assert_eq!(description.states()[0].label, "totals");
/// let again = ProgramDescription::from_json(&description.to_json()).unwrap();
/// assert_eq!(again, description);
/// ```
///
/// [`StreamingContext::describe`]: crate::StreamingContext::describe
/// [`CheckpointSummary::diff`]: super::CheckpointSummary::diff
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProgramDescription(pub(super) Program);

/// What the parts of a program are that have a past.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PartKind {
    /// What an operator keeps from batch to batch.
    State,
    /// Where records come from.
    Input,
    /// Where batches go: it keeps nothing but its number.
    Output,
}

/// A state, an input or an output of a program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PartDescription {
    /// What reports and `streaming.checkpoint.allow` call it: its name, or its operator and its
    /// place.
    pub label: String,
    /// What the program calls it, if it does.
    pub name: Option<String>,
    /// The operator that made it.
    pub operator: String,
    /// The type of its records, as the compiler writes it.
    pub records: String,
    /// How far its batches are apart, in milliseconds.
    pub slide_ms: u64,
    /// The operator and the line that called it.
    pub site: String,
}

impl ProgramDescription {
    pub(crate) fn of(program: Program) -> Self {
        ProgramDescription(program)
    }

    /// The name of the application.
    #[must_use]
    pub fn app_name(&self) -> &str {
        &self.0.app_name
    }

    /// How far its batches are apart.
    #[must_use]
    pub fn batch_duration(&self) -> Duration {
        Duration::from_millis(self.0.batch_ms)
    }

    /// Its states, in the order of construction.
    #[must_use]
    pub fn states(&self) -> Vec<PartDescription> {
        describe_all(&self.0.states)
    }

    /// Its inputs, in the order of construction.
    #[must_use]
    pub fn inputs(&self) -> Vec<PartDescription> {
        describe_all(&self.0.inputs)
    }

    /// Its outputs, in the order of registration.
    ///
    /// ```
    /// # use headwater_streaming::{StreamingContext, time::seconds};
    /// # let ctx = headwater_core::Context::local(2).unwrap();
    /// let ssc = StreamingContext::new(&ctx, seconds(1)).unwrap();
    /// ssc.stream_by_time(|_| vec![1]).print();
    /// assert_eq!(ssc.describe().outputs()[0].operator, "print");
    /// ```
    #[must_use]
    pub fn outputs(&self) -> Vec<PartDescription> {
        describe_all(self.0.outputs.parts())
    }

    /// The description as JSON, for [`ProgramDescription::from_json`].
    #[must_use]
    #[expect(clippy::expect_used, reason = "no map with odd keys is in it")]
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a description can be written")
    }

    /// A description that was written as JSON.
    ///
    /// # Errors
    /// [`StreamError::State`] when the text is none.
    pub fn from_json(text: &str) -> Result<Self, StreamError> {
        serde_json::from_str(text).map_err(|error| {
            StreamError::State(format!(
                "this is no description of a program, as StreamingContext::write_description \
                 writes it: {error}"
            ))
        })
    }
}

/// The descriptions of parts, with their labels among all of them.
pub(super) fn describe_all(parts: &[Part]) -> Vec<PartDescription> {
    let describe = |(place, part): (usize, &Part)| PartDescription {
        label: label(parts, place),
        name: part.name.clone(),
        operator: part.operator.clone(),
        records: part.records.clone(),
        slide_ms: part.slide_ms,
        site: part.site.clone(),
    };
    parts.iter().enumerate().map(describe).collect()
}
