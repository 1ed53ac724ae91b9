//! Output operations: what makes a stream run.

use std::fmt::{self, Display};
use std::sync::Arc;

use headwater_core::{Scope, Site};

use super::{AnyStream, Graph};
use crate::error::PlanError;
use crate::time::Time;

/// The place of an output operation in the order of registration: what events and the functions
/// that register outputs call it. A changed program may give an output another place; what it
/// has stored is known by its [`OutputNumber`].
///
/// The RDDs that the output's function makes carry a [`Scope`] of the batch. Its id is 2^32 and
/// the place together, so that it is none of a stream's; its name is that of the sink, or of the
/// operator.
///
/// The default is that of the first output.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    serde::Serialize,
    serde::Deserialize,
)]
pub struct OutputId(pub(crate) usize);

impl OutputId {
    /// The number: 0 for the output that was registered first.
    #[must_use]
    pub fn index(self) -> usize {
        self.0
    }

    /// The id of the scope of its RDDs; the ids below are those of streams.
    fn scope_id(self) -> u64 {
        (1 << 32) + self.0 as u64
    }
}

/// What tells an output from all others that the stream has ever had, also where the program was
/// changed: sinks know by it what they have stored.
///
/// Without a checkpoint directory it is the place of the output, from 0. A program that goes on
/// from a checkpoint finds its outputs there: `write_to` by the [name of its
/// sink](crate::TransactionalSink::name), other outputs and sinks without a name by the
/// [name of the stream](crate::DStream::named), together with the operator; those without a name
/// by operator, record type and order among those that are alike, as long as both programs have
/// as many of them. Where several sinks have one name, the names of their streams tell them apart,
/// then record types and order. The others get numbers that were never given before.
///
/// ```
/// use headwater_streaming::OutputNumber;
/// assert_eq!(OutputNumber::new(3).get(), 3);
/// assert_eq!(OutputNumber::default().to_string(), "0");
/// ```
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    serde::Serialize,
    serde::Deserialize,
)]
pub struct OutputNumber(u64);

impl OutputNumber {
    /// The output with a number, for tests of sinks.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        OutputNumber(number)
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// That of an output in a program without a past.
    pub(super) fn first(id: OutputId) -> Self {
        OutputNumber(u64::try_from(id.0).unwrap_or(u64::MAX))
    }
}

/// As digits.
impl fmt::Display for OutputNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What an output operation does for one batch.
pub(crate) type OutputJob = Box<dyn Fn() -> Result<(), String> + Send>;

type MakeJob = dyn Fn(Time, OutputNumber) -> Result<Option<OutputJob>, PlanError> + Send + Sync;

/// An output operation of the graph.
#[derive(Clone)]
pub(crate) struct Output {
    pub(crate) id: OutputId,
    pub(crate) number: OutputNumber,
    /// That of the sink, if it has one.
    pub(super) name: Option<String>,
    pub(crate) site: Site,
    pub(crate) stream: Arc<dyn AnyStream>,
    pub(super) make: Arc<MakeJob>,
}

impl Output {
    /// What the output is called: as its sink is, or as its stream.
    pub(crate) fn name(&self) -> Option<&str> {
        self.name.as_deref().or_else(|| self.stream.info().name())
    }

    /// What the output does for a batch, unless the time is none of its stream's.
    pub(crate) fn job(&self, time: Time) -> Result<Option<OutputJob>, PlanError> {
        let Some(job) = (self.make)(time, self.number)? else {
            return Ok(None);
        };
        let scope = self.scope(time);
        Ok(Some(Box::new(move || scope.clone().within(&job))))
    }

    /// What those who look at jobs are told of the RDDs that the output makes. The name of its
    /// stream would make them look like the stream's own.
    fn scope(&self, time: Time) -> Scope {
        let name = self.name.as_deref().unwrap_or(self.site.operator());
        Scope::new(self.id.scope_id(), name).at_millis(time.as_millis())
    }
}

impl Graph {
    /// Names an output. One that came too late is no part of the graph.
    pub(crate) fn name_output(&self, id: OutputId, name: Option<String>) {
        if let Some(output) = self.outputs.lock().get_mut(id.0) {
            output.name = name;
        }
    }

    /// Gives the outputs the numbers that sinks know them by.
    pub(crate) fn number_outputs(&self, numbers: &[OutputNumber]) {
        for (output, number) in self.outputs.lock().iter_mut().zip(numbers) {
            output.number = *number;
        }
    }
}

/// What an output closure may return: nothing, or a result.
///
/// ```
/// use headwater_streaming::OutputResult;
/// assert!(().into_outcome().is_ok());
/// assert_eq!(Err::<(), _>("the disk is full").into_outcome().unwrap_err(), "the disk is full");
/// ```
pub trait OutputResult {
    /// The result, with the error as text.
    ///
    /// # Errors
    /// What the closure returned.
    fn into_outcome(self) -> Result<(), String>;
}

impl OutputResult for () {
    fn into_outcome(self) -> Result<(), String> {
        Ok(())
    }
}

impl<E: Display> OutputResult for Result<(), E> {
    fn into_outcome(self) -> Result<(), String> {
        self.map_err(|error| error.to_string())
    }
}
