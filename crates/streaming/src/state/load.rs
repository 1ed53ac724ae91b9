//! State that is there before the first batch.

use std::sync::Arc;

use headwater_core::rdd::{Advance, StepError, StepInput};

use super::store::{Holds, Initial, Store};
use crate::time::Time;

/// The step before the first batch: puts initial states in their place.
pub(crate) struct LoadStep<P> {
    pub(crate) store: Arc<Store<P>>,
    /// The time before the first batch.
    pub(crate) time: Time,
    /// Initial states are as young as the first batch.
    pub(crate) stamp: Time,
    pub(crate) holds: Holds,
}

impl<P: Initial> Advance<P::Record> for LoadStep<P> {
    fn is_done(&self, partition: usize) -> bool {
        self.store.is_at(partition, self.time)
    }

    fn advance(
        &self,
        partition: usize,
        input: &mut StepInput<'_, P::Record>,
    ) -> Result<(), StepError> {
        let decide = |_: &P| {
            let mut records = Vec::new();
            input.read(0, |chunk| records.append(chunk))?;
            Ok((P::load(records, self.stamp, self.holds), ()))
        };
        self.store.advance(partition, self.time, decide, |()| {})
    }
}
