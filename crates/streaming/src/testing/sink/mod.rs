//! Checks that a sink keeps the contract of [`TransactionalSink`](crate::TransactionalSink).
//!
//! [`check_sink`] runs a sink through every scenario; [`scenarios`] lists them one by one,
//! for a test for each. A sink is described by a [`SinkPlace`]: how to open it, as a
//! process does at its start, and how to read what a reader of the store sees.
//!
//! A crash is played by dropping the sink in the middle and opening it again. What dies
//! with the process only, and not with the value, is tested by [`survives_kills`].
//!
//! ```
//! use headwater_core::PartitionIter;
//! use headwater_streaming::testing::sink::{SinkPlace, check_sink};
//! use headwater_streaming::{BatchId, BatchRun, Begun, TransactionalSink};
//! use std::collections::{BTreeMap, HashMap};
//! use std::sync::{Arc, Mutex};
//!
//! /// What outlives a process: the batches.
//! type Store = Arc<Mutex<BTreeMap<BatchId, Vec<u64>>>>;
//!
//! #[derive(Default)]
//! struct StoreSink {
//!     store: Store,
//!     staged: Mutex<HashMap<BatchId, BTreeMap<usize, Vec<u64>>>>,
//! }
//!
//! impl TransactionalSink<u64> for StoreSink {
//!     fn recover(&self) -> Result<(), String> {
//!         Ok(())
//!     }
//!     fn begin(&self, run: &BatchRun) -> Result<Begun, String> {
//!         if self.store.lock().unwrap().contains_key(&run.id) {
//!             return Ok(Begun::Committed);
//!         }
//!         self.staged.lock().unwrap().insert(run.id, BTreeMap::new());
//!         Ok(Begun::Open)
//!     }
//!     fn write(&self, id: BatchId, at: usize, of: PartitionIter<u64>) -> Result<(), String> {
//!         let mut staged = self.staged.lock().unwrap();
//!         staged.get_mut(&id).ok_or("not open")?.insert(at, of.into_vec());
//!         Ok(())
//!     }
//!     fn commit(&self, id: BatchId) -> Result<(), String> {
//!         let batch = self.staged.lock().unwrap().remove(&id).ok_or("not open")?;
//!         self.store.lock().unwrap().insert(id, batch.into_values().flatten().collect());
//!         Ok(())
//!     }
//!     fn abort(&self, id: BatchId) -> Result<(), String> {
//!         self.staged.lock().unwrap().remove(&id);
//!         Ok(())
//!     }
//! }
//!
//! check_sink(|number| number, |_scenario| {
//!     let store = Store::default();
//!     let read = store.clone();
//!     SinkPlace::new(
//!         move || StoreSink { store: store.clone(), ..StoreSink::default() },
//!         move || read.lock().unwrap().values().flatten().copied().collect(),
//!     )
//! });
//! ```

mod crashes;
mod kills;
mod place;
mod runs;
mod streams;

use std::fmt::Debug;

use headwater_core::Record;

pub use kills::survives_kills;
pub use place::SinkPlace;
use place::Stage;

/// One way to use or to break a sink.
///
/// ```
/// use headwater_streaming::testing::sink::scenarios;
/// let names: Vec<&str> = scenarios::<u64>().iter().map(|scenario| scenario.name).collect();
/// assert!(names.contains(&"crash_before_the_commit"));
/// ```
pub struct Scenario<T> {
    /// What happens, as one could name a test.
    pub name: &'static str,
    play: fn(&Stage<'_, T>),
}

impl<T: Record + Ord + Debug> Scenario<T> {
    /// Plays the scenario with a sink at a place where nothing was before. Records are made
    /// from numbers, different ones from different numbers.
    ///
    /// # Panics
    /// When the sink breaks the contract, with the rows that were expected and those found.
    pub fn check(&self, record: &dyn Fn(u64) -> T, place: &SinkPlace<T>) {
        (self.play)(&Stage::new(self.name, record, place));
    }
}

/// Every scenario.
#[must_use]
pub fn scenarios<T: Record + Ord + Debug>() -> Vec<Scenario<T>> {
    let scenario = |name, play| Scenario { name, play };
    vec![
        scenario("batches_are_seen_when_committed", runs::commits),
        scenario("an_empty_batch_is_stored", runs::empty_batch),
        scenario(
            "the_last_write_of_a_partition_counts",
            runs::retried_partition,
        ),
        scenario("an_aborted_batch_leaves_nothing", runs::abort),
        scenario("begin_drops_what_was_staged", runs::begun_again),
        scenario("open_batches_do_not_mix", runs::several_open),
        scenario("outputs_do_not_mix", runs::several_outputs),
        scenario("what_is_not_open_is_refused", runs::not_open),
        scenario("a_batch_is_larger_than_any_buffer", runs::large),
        scenario("crash_before_the_commit", crashes::before_commit),
        scenario("crash_after_the_commit", crashes::after_commit),
        scenario("recovery_keeps_what_is_committed", crashes::recovery),
        scenario("lost_answer_to_a_commit", streams::lost_answer),
        scenario(
            "a_commit_of_which_nothing_is_known",
            streams::unknown_commit,
        ),
        scenario("a_stream_whose_commit_fails", streams::failed_commit),
        scenario("a_stream_that_is_run_again", streams::run_again),
        scenario("another_stream_is_refused", streams::another_stream),
    ]
}

/// Plays every scenario, each at a place of its own, for which `place` gets its name.
///
/// See [the module](self) for an example.
///
/// # Panics
/// As [`Scenario::check`].
pub fn check_sink<T: Record + Ord + Debug>(
    record: impl Fn(u64) -> T,
    mut place: impl FnMut(&str) -> SinkPlace<T>,
) {
    for scenario in scenarios() {
        scenario.check(&record, &place(scenario.name));
    }
}
