//! Output operations: what makes a stream run.

use std::fmt::Display;
use std::sync::Arc;

use headwater_core::Site;

use super::AnyStream;
use crate::error::PlanError;
use crate::time::Time;

/// The place of an output operation in the order of registration; it never changes.
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
}

/// What an output operation does for one batch.
pub(crate) type OutputJob = Box<dyn Fn() -> Result<(), String> + Send>;

type MakeJob = dyn Fn(Time) -> Result<Option<OutputJob>, PlanError> + Send + Sync;

/// An output operation of the graph.
#[derive(Clone)]
pub(crate) struct Output {
    pub(crate) id: OutputId,
    pub(crate) site: Site,
    pub(crate) stream: Arc<dyn AnyStream>,
    pub(crate) make: Arc<MakeJob>,
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
