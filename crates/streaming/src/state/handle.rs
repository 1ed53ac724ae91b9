//! State from outside: how large it is, its snapshots, and a log of its changes.

use std::fmt;
use std::sync::Arc;

use headwater_core::{Site, Wire, estimate_bytes};
use serde::{Deserialize, Serialize};

use super::steps::AnySteps;
use crate::error::StreamError;
use crate::graph::{Graph, NodeId, StreamingState};
use crate::time::Time;

/// How much state there is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StateSize {
    /// How many keys have a state.
    pub keys: u64,
    /// How much memory they take, in bytes. What keys and states own elsewhere, such as the
    /// text of a string, is estimated from a sample of them.
    pub bytes: u64,
}

impl StateSize {
    /// The size of entries in a structure of `own_bytes`, which counts them without what they
    /// own elsewhere.
    pub(super) fn of<E: Wire>(entries: &[E], own_bytes: usize) -> Self {
        let elsewhere = estimate_bytes(entries).saturating_sub(size_of_val(entries) as u64);
        StateSize {
            keys: entries.len() as u64,
            bytes: own_bytes as u64 + elsewhere,
        }
    }

    pub(super) fn plus(self, other: StateSize) -> StateSize {
        StateSize {
            keys: self.keys + other.keys,
            bytes: self.bytes + other.bytes,
        }
    }
}

/// The state of a partition of a stream as some batch left it, as bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateSnapshot {
    /// The partition.
    pub partition: usize,
    /// How many partitions the state has.
    pub partitions: usize,
    /// The batch; `None` before the first one.
    pub time: Option<Time>,
    /// The state.
    pub bytes: Vec<u8>,
}

/// What a batch changed in a partition of a stream's state, as bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateChange {
    /// The stream.
    pub node: NodeId,
    /// The partition.
    pub partition: usize,
    /// The batch.
    pub time: Time,
    /// The change.
    pub bytes: Vec<u8>,
}

/// Takes the changes of state as they happen.
///
/// # Contract
/// - [`StateLog::append`] is called on task threads, several partitions at a time, before a
///   change takes effect. When it fails the change does not happen, must not be found in the
///   log, and the task fails, to be tried again.
/// - Changes of a partition come in the order of the batches.
pub trait StateLog: Send + Sync + 'static {
    /// Takes a change.
    ///
    /// # Errors
    /// A text that says what failed and what to do about it.
    fn append(&self, change: &StateChange) -> Result<(), String>;
}

/// The state of a stream; see [`StreamingContext::state_stores`](crate::StreamingContext::state_stores).
///
/// ```
/// use headwater_streaming::testing::TestStream;
/// use headwater_streaming::time::seconds;
///
/// let test = TestStream::new(seconds(1));
/// let pairs = test.input(vec![vec![(1, 5), (2, 6)], vec![(1, 7)]]);
/// let sums = pairs.update_state_by_key(|new, sum| Some(sum.unwrap_or(0) + new.iter().sum::<i32>()));
/// let out = test.collect(&sums);
/// test.run(2);
/// let store = &test.context().state_stores()[0];
/// assert_eq!(store.size().keys, 2);
/// # drop(out);
/// ```
#[derive(Clone)]
pub struct StateStore {
    graph: Arc<Graph>,
    node: NodeId,
    name: Option<String>,
    steps: Arc<dyn AnySteps>,
}

impl StateStore {
    pub(crate) fn new(
        graph: &Arc<Graph>,
        node: NodeId,
        name: Option<String>,
        steps: Arc<dyn AnySteps>,
    ) -> Self {
        StateStore {
            graph: graph.clone(),
            node,
            name,
            steps,
        }
    }

    /// The stream.
    #[must_use]
    pub fn node(&self) -> NodeId {
        self.node
    }

    /// The name of the stream, if it has one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The operator that keeps the state, and its line.
    #[must_use]
    pub fn site(&self) -> Site {
        self.steps.site()
    }

    /// How many partitions the state has.
    #[must_use]
    pub fn partitions(&self) -> usize {
        self.steps.store().partitions()
    }

    /// How much state there is.
    #[must_use]
    pub fn size(&self) -> StateSize {
        self.steps.store().size()
    }

    /// The state of a partition as the last batch that changed it left it. Batches go on
    /// while it is written.
    ///
    /// # Errors
    /// [`StreamError::State`] when there is no such partition or its records refuse to be
    /// written.
    pub fn snapshot(&self, partition: usize) -> Result<StateSnapshot, StreamError> {
        let snapshot = self.steps.store().snapshot(partition);
        let (time, bytes) =
            snapshot.map_err(|message| self.error("written", partition, &message))?;
        Ok(StateSnapshot {
            partition,
            partitions: self.partitions(),
            time,
            bytes,
        })
    }

    /// Puts a snapshot in the place of a partition's state, before the start: time then goes
    /// on after the snapshot's batch.
    ///
    /// All partitions must be brought to the same batch, by [`StateStore::replay`] if their
    /// snapshots are of different ones, and the stream be started before the next batch time;
    /// `start` says what does not fit.
    ///
    /// # Errors
    /// [`StreamError::State`] after the start, and when the snapshot does not fit.
    pub fn restore(&self, snapshot: &StateSnapshot) -> Result<(), StreamError> {
        self.check_before_start()?;
        let StateSnapshot {
            partition,
            partitions,
            time,
            bytes,
        } = snapshot;
        if *partitions != self.partitions() {
            let message = format!(
                "the snapshot is of {partitions} partitions, and the state has {}; give the \
                 operator as many",
                self.partitions()
            );
            return Err(self.error("restored", *partition, &message));
        }
        let Some(time) = *time else { return Ok(()) };
        let restored = self.steps.store().restore(*partition, time, bytes);
        restored.map_err(|message| self.error("restored", *partition, &message))
    }

    /// Applies a logged change to a restored state, before the start. One that it contains
    /// already is passed over.
    ///
    /// # Errors
    /// As [`StateStore::restore`].
    pub fn replay(&self, change: &StateChange) -> Result<(), StreamError> {
        self.check_before_start()?;
        let StateChange {
            partition,
            time,
            bytes,
            ..
        } = change;
        let replayed = self.steps.store().replay(*partition, *time, bytes);
        replayed.map_err(|message| self.error("replayed", *partition, &message))
    }

    /// Hands every change from now on to a log, before it takes effect.
    ///
    /// # Errors
    /// [`StreamError::State`] when the state has a log already.
    pub fn log_changes(&self, log: Arc<dyn StateLog>) -> Result<(), StreamError> {
        if self.steps.store().set_log(self.node, log) {
            return Ok(());
        }
        let message = format!("the state of {} has a log already", self.site());
        Err(StreamError::State(message))
    }

    fn check_before_start(&self) -> Result<(), StreamError> {
        if self.graph.state() == StreamingState::Initialized {
            return Ok(());
        }
        let message = format!(
            "the state of {} can only be restored before start()",
            self.site()
        );
        Err(StreamError::State(message))
    }

    fn error(&self, what: &str, partition: usize, message: &str) -> StreamError {
        StreamError::State(format!(
            "the state of {} cannot be {what}, partition {partition}: {message}",
            self.site()
        ))
    }
}

impl fmt::Debug for StateStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StateStore")
            .field("node", &self.node)
            .field("site", &self.site())
            .field("size", &self.size())
            .finish_non_exhaustive()
    }
}
