//! The contract test kit of sinks: a sink that keeps the contract passes, and each way to
//! break it is found.

#![allow(clippy::unwrap_used, reason = "a helper of tests fails with them")]

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

use headwater_core::PartitionIter;
use headwater_streaming::testing::sink::{Scenario, SinkPlace, scenarios};
use headwater_streaming::{BatchId, BatchRun, Begun, OpenBatches, OutputNumber, TransactionalSink};

/// What outlives a process.
#[derive(Default)]
struct Store {
    /// Rows that readers see.
    rows: Vec<u64>,
    /// The batches that are stored.
    batches: BTreeSet<BatchId>,
    /// Rows that wait in the store, and not in the process.
    staged: BTreeMap<BatchId, Vec<u64>>,
}

/// What is wrong with a sink.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Flaw {
    None,
    /// Rows are visible as soon as they are written.
    WritesAtOnce,
    /// Nobody notes which batches are stored.
    ForgetsIds,
    /// Only runs that say that they are not the first are looked up, also by the commit.
    TrustsTheRun,
    /// Each write of a partition is added.
    AddsWrites,
    /// What was staged stays when a batch is begun again, or by another process.
    KeepsStaged,
    /// An aborted batch goes on.
    IgnoresAbort,
    /// Batches of all outputs of a time are one.
    IgnoresOutput,
    /// An empty batch is none.
    SkipsEmptyBatches,
    /// Writes that nobody has opened a batch for are taken.
    TakesAnything,
}

struct Memory {
    store: Arc<Mutex<Store>>,
    open: OpenBatches<Vec<u64>>,
    flaw: Flaw,
}

impl Memory {
    fn key(&self, id: BatchId) -> BatchId {
        if self.flaw == Flaw::IgnoresOutput {
            let output = OutputNumber::new(0);
            return BatchId { output, ..id };
        }
        id
    }
}

impl TransactionalSink<u64> for Memory {
    fn recover(&self) -> Result<(), String> {
        Ok(())
    }

    fn begin(&self, run: &BatchRun) -> Result<Begun, String> {
        let id = self.key(run.id);
        let mut store = self.store.lock().unwrap();
        let is_looked_up = self.flaw != Flaw::TrustsTheRun || run.is_rerun;
        if is_looked_up && store.batches.contains(&id) {
            return Ok(Begun::Committed);
        }
        if self.flaw != Flaw::KeepsStaged {
            store.staged.remove(&id);
        }
        self.open.open(id, ());
        Ok(Begun::Open)
    }

    fn write(&self, id: BatchId, at: usize, records: PartitionIter<u64>) -> Result<(), String> {
        let id = self.key(id);
        let records = records.into_vec();
        let mut store = self.store.lock().unwrap();
        match self.flaw {
            Flaw::WritesAtOnce => store.rows.extend(records),
            Flaw::AddsWrites | Flaw::KeepsStaged => {
                drop(self.open.run_of(id)?);
                store.staged.entry(id).or_default().extend(records);
            }
            Flaw::TakesAnything if self.open.run_of(id).is_err() => store.rows.extend(records),
            _ => self.open.keep(&self.open.run_of(id)?, at, records)?,
        }
        Ok(())
    }

    fn commit(&self, id: BatchId) -> Result<(), String> {
        let id = self.key(id);
        let (_, partitions) = self.open.close(id)?;
        let mut store = self.store.lock().unwrap();
        let staged = store.staged.remove(&id).unwrap_or_default();
        let rows: Vec<u64> = partitions.into_iter().flatten().chain(staged).collect();
        let is_noted = match self.flaw {
            Flaw::ForgetsIds => false,
            Flaw::SkipsEmptyBatches => !rows.is_empty(),
            _ => true,
        };
        let is_double = is_noted && !store.batches.insert(id);
        if is_double && self.flaw != Flaw::TrustsTheRun {
            return Err(format!("batch {id} is stored already"));
        }
        store.rows.extend(rows);
        Ok(())
    }

    fn abort(&self, id: BatchId) -> Result<(), String> {
        if self.flaw != Flaw::IgnoresAbort {
            let id = self.key(id);
            self.store.lock().unwrap().staged.remove(&id);
            drop(self.open.close(id));
        }
        Ok(())
    }
}

/// The scenarios that a sink with a flaw does not pass.
fn failed(flaw: Flaw) -> Vec<&'static str> {
    let fails = |scenario: &Scenario<u64>| {
        let store = Arc::<Mutex<Store>>::default();
        let read = store.clone();
        let open = move || Memory {
            store: store.clone(),
            open: OpenBatches::new(),
            flaw,
        };
        let place = SinkPlace::new(open, move || read.lock().unwrap().rows.clone());
        let checked = AssertUnwindSafe(|| scenario.check(&|number| number, &place));
        catch_unwind(checked).is_err()
    };
    let all = scenarios::<u64>();
    all.iter()
        .filter(|scenario| fails(scenario))
        .map(|scenario| scenario.name)
        .collect()
}

#[test]
fn a_sink_that_keeps_the_contract_passes() {
    assert!(failed(Flaw::None).is_empty());
}

#[test]
fn every_flaw_is_found() {
    for (flaw, by) in [
        (Flaw::WritesAtOnce, "batches_are_seen_when_committed"),
        (Flaw::ForgetsIds, "crash_after_the_commit"),
        (Flaw::TrustsTheRun, "another_stream_is_refused"),
        (Flaw::AddsWrites, "the_last_write_of_a_partition_counts"),
        (Flaw::KeepsStaged, "crash_before_the_commit"),
        (Flaw::IgnoresAbort, "an_aborted_batch_leaves_nothing"),
        (Flaw::IgnoresOutput, "outputs_do_not_mix"),
        (Flaw::SkipsEmptyBatches, "an_empty_batch_is_stored"),
        (Flaw::TakesAnything, "what_is_not_open_is_refused"),
    ] {
        let failed = failed(flaw);
        assert!(failed.contains(&by), "{flaw:?} fails only {failed:?}");
    }
}
