//! `map_with_state`: a batch visits the keys that it has records of, and those that time out.

use std::sync::Arc;

use headwater_core::rdd::{Advance, Shown, StepError, StepInput};
use headwater_core::{Key, Record, Wire};
use parking_lot::Mutex;

use super::change::TableChange;
use super::entries::Entries;
use super::spec::{State, StateFunction, Value};
use super::store::Store;
use super::table::StateTable;
use crate::time::Time;

/// One batch of `map_with_state`.
pub(crate) struct TrackStep<K, V, S, M> {
    pub(crate) store: Arc<Store<StateTable<K, S>>>,
    pub(crate) time: Time,
    pub(crate) function: Arc<StateFunction<K, V, S, M>>,
    pub(crate) timeout: TimeOut,
    pub(crate) outputs: Outputs<M>,
}

/// Which keys are idle in a batch.
#[derive(Clone, Copy)]
pub(crate) enum TimeOut {
    /// None, ever.
    Never,
    /// None now, but what is touched has to be noted.
    NotNow,
    /// Those that were last touched before this time.
    Before(Time),
}

/// What the function gave in a batch, by partition, for as long as the RDD lives.
pub(crate) struct Outputs<M>(Arc<Vec<Mutex<Arc<Vec<M>>>>>);

impl<M> Clone for Outputs<M> {
    fn clone(&self) -> Self {
        Outputs(self.0.clone())
    }
}

impl<M: Record> Outputs<M> {
    pub(crate) fn new(partitions: usize) -> Self {
        let slots = std::iter::repeat_with(Mutex::default).take(partitions);
        Outputs(Arc::new(slots.collect()))
    }

    fn put(&self, partition: usize, records: Vec<M>) {
        if let Some(slot) = self.0.get(partition) {
            *slot.lock() = Arc::new(records);
        }
    }

    pub(crate) fn show(&self, partition: usize, to: &mut Shown<'_, M>) -> Result<(), StepError> {
        let records = self.0.get(partition).map(|slot| slot.lock().clone());
        to.show(&records.unwrap_or_default())
    }
}

impl<K: Key, V: Wire, S: Wire, M: Record> Advance<(K, V)> for TrackStep<K, V, S, M> {
    fn is_done(&self, partition: usize) -> bool {
        self.store.is_at(partition, self.time)
    }

    fn advance(
        &self,
        partition: usize,
        input: &mut StepInput<'_, (K, V)>,
    ) -> Result<(), StepError> {
        let decide = |table: &StateTable<K, S>| {
            let mut batch = Batch::new(self, table);
            input.read(0, |chunk| batch.records_of(chunk))?;
            batch.time_out();
            batch.finish()
        };
        let changed = |(records, timed_out)| {
            self.store.touched.add_timed_out(timed_out);
            self.outputs.put(partition, records);
        };
        self.store.advance(partition, self.time, decide, changed)
    }
}

/// The keys that a batch has touched so far, beside the table as the batch before left it.
struct Batch<'a, K, V, S, M> {
    step: &'a TrackStep<K, V, S, M>,
    table: &'a StateTable<K, S>,
    touched: Entries<K, Touched<'a, S>>,
    timed_out: Vec<u32>,
    records: Vec<M>,
    misuse: Option<String>,
    ahead: Vec<(u64, Option<u32>)>,
}

/// What a key had, and what it has now.
struct Touched<'a, S> {
    /// Where the key is in the table.
    place: Option<u32>,
    value: Value<'a, S>,
}

impl<'a, K: Key, V: Wire, S: Wire, M: Record> Batch<'a, K, V, S, M> {
    fn new(step: &'a TrackStep<K, V, S, M>, table: &'a StateTable<K, S>) -> Self {
        Batch {
            step,
            table,
            touched: Entries::hashed_like(table.entries()),
            timed_out: Vec::new(),
            records: Vec::new(),
            misuse: None,
            ahead: Vec::new(),
        }
    }

    /// Handles a chunk of records.
    ///
    /// The keys are looked up in a loop of their own: a table of a million keys is larger than
    /// the caches, and the processor then waits for many look-ups at once.
    fn records_of(&mut self, chunk: &mut Vec<(K, V)>) {
        let mut ahead = std::mem::take(&mut self.ahead);
        let entries = self.table.entries();
        ahead.clear();
        ahead.extend(chunk.iter().map(|(key, _)| (entries.hash(key), None)));
        for ((hash, place), (key, _)) in ahead.iter_mut().zip(chunk.iter()) {
            *place = entries.find(*hash, key);
        }
        for ((key, value), (hash, place)) in chunk.drain(..).zip(&ahead) {
            // After a mistake nothing counts, and what follows from it would hide it.
            if self.misuse.is_none() {
                self.record(key, value, *hash, *place);
            }
        }
        self.ahead = ahead;
    }

    fn record(&mut self, key: K, value: V, hash: u64, place: Option<u32>) {
        let at = self.touched.find(hash, &key).unwrap_or_else(|| {
            let old = place.and_then(|place| self.table.entries().get(place));
            let value = old.map_or(Value::None, |(_, state)| Value::Old(state));
            self.touched.add(hash, key, Touched { place, value })
        });
        let Some((key, touched)) = self.touched.get_mut(at) else {
            return;
        };
        let now = std::mem::replace(&mut touched.value, Value::None);
        let mut state = State::new(now);
        let step = self.step;
        let record = (step.function)(step.time, key, Some(value), &mut state);
        self.records.extend(record);
        match state.into_value() {
            Ok(value) => touched.value = value,
            Err(misuse) => self.misuse = Some(misuse),
        }
    }

    /// Calls the function for idle keys; one that has records in this batch is not idle.
    fn time_out(&mut self) {
        let TimeOut::Before(limit) = self.step.timeout else {
            return;
        };
        if self.misuse.is_some() {
            return;
        }
        let entries = self.table.entries();
        for place in self.table.stamped_before(limit) {
            let Some((key, old)) = entries.get(place) else {
                continue;
            };
            if self.touched.find(entries.hash(key), key).is_some() {
                continue;
            }
            let mut state = State::timing_out(old);
            let record = (self.step.function)(self.step.time, key, None, &mut state);
            self.records.extend(record);
            if let Err(misuse) = state.into_value() {
                self.misuse = Some(misuse);
                return;
            }
            self.timed_out.push(place);
        }
    }

    /// What changes, the records of the batch, and how many keys timed out.
    fn finish(self) -> Result<(TableChange<K, S>, (Vec<M>, usize)), StepError> {
        if let Some(misuse) = self.misuse {
            return Err(misuse.into());
        }
        let notes_age = !matches!(self.step.timeout, TimeOut::Never);
        let (mut put, mut stamped, mut added) = (Vec::new(), Vec::new(), Vec::new());
        let (timed_out, mut removed) = (self.timed_out.len(), self.timed_out);
        for (key, Touched { place, value }) in self.touched.into_vec() {
            match (place, value) {
                (Some(place), Value::New(state)) => put.push((place, state)),
                (None, Value::New(state)) => added.push((key, state)),
                (Some(place), Value::Old(_)) if notes_age => stamped.push(place),
                (Some(place), Value::None) => removed.push(place),
                (_, Value::Old(_)) | (None, Value::None) => {}
            }
        }
        let change = TableChange::Some {
            stamp: self.step.time,
            put,
            stamped,
            removed,
            added,
        };
        Ok((change, (self.records, timed_out)))
    }
}
