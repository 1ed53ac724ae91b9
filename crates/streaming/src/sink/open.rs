//! The bookkeeping that every sink of batches needs: what is open, and what is staged.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::dstream::BatchId;

/// The open batches of a [`TransactionalSink`](super::TransactionalSink), for those who
/// write one: for each a value `B` of the sink's own, and what is staged for each
/// partition, a `P`.
///
/// It keeps the parts of the contract that are the same everywhere: a write counts as a
/// whole, the last one of a partition counts alone, and a write that comes when its run of
/// the batch is over is refused. What no longer counts is dropped, without a lock held; let
/// `Drop` of `P` free what it stands for.
///
/// ```
/// use headwater_streaming::{BatchId, OpenBatches, OutputNumber, time::Time};
/// let batch = BatchId { time: Time::from_millis(1000), output: OutputNumber::new(0) };
/// let open = OpenBatches::new();
/// open.open(batch, ());
/// let late = open.run_of(batch)?;
/// open.keep(&late, 0, vec!['a', 'b'])?;
///
/// open.open(batch, ()); // begun again
/// let run = open.run_of(batch)?;
/// open.keep(&run, 1, vec!['c'])?;
/// open.keep(&run, 0, vec!['a'])?;
/// open.keep(&run, 0, vec!['b'])?;
/// assert!(open.keep(&late, 2, vec!['d']).is_err());
/// let (_, staged) = open.close(batch)?;
/// assert_eq!(staged, [vec!['b'], vec!['c']]);
/// assert!(open.run_of(batch).is_err());
/// # Ok::<(), String>(())
/// ```
#[derive(Debug)]
pub struct OpenBatches<P, B = ()> {
    open: Mutex<HashMap<BatchId, OpenBatch<P, B>>>,
    runs: AtomicU64,
}

#[derive(Debug)]
struct OpenBatch<P, B> {
    run: u64,
    value: Arc<B>,
    partitions: BTreeMap<usize, P>,
}

/// One run of a batch, from its beginning to its end: [`OpenBatches::run_of`].
#[derive(Debug)]
pub struct OpenRun<B> {
    batch: BatchId,
    run: u64,
    /// What the batch was opened with.
    pub value: Arc<B>,
}

impl<P, B> Default for OpenBatches<P, B> {
    fn default() -> Self {
        OpenBatches {
            open: Mutex::default(),
            runs: AtomicU64::new(0),
        }
    }
}

impl<P, B> OpenBatches<P, B> {
    /// None are open.
    #[must_use]
    pub fn new() -> Self {
        OpenBatches::default()
    }

    /// Opens a batch; what was staged for it is dropped.
    pub fn open(&self, batch: BatchId, value: B) {
        let opened = OpenBatch {
            run: self.runs.fetch_add(1, Ordering::Relaxed),
            value: Arc::new(value),
            partitions: BTreeMap::new(),
        };
        let before = self.open.lock().insert(batch, opened);
        drop(before);
    }

    /// The run of a batch that is open: for the beginning of a write.
    ///
    /// # Errors
    /// When the batch is not open.
    pub fn run_of(&self, batch: BatchId) -> Result<OpenRun<B>, String> {
        let open = self.open.lock();
        let opened = open.get(&batch).ok_or_else(|| not_open(batch))?;
        Ok(OpenRun {
            batch,
            run: opened.run,
            value: opened.value.clone(),
        })
    }

    /// Keeps what is staged for a partition, instead of what was: for the end of a write.
    ///
    /// # Errors
    /// When the run is over.
    pub fn keep(&self, run: &OpenRun<B>, partition: usize, staged: P) -> Result<(), String> {
        let mut open = self.open.lock();
        let opened = open
            .get_mut(&run.batch)
            .filter(|batch| batch.run == run.run);
        let before = match opened {
            Some(batch) => Ok(batch.partitions.insert(partition, staged)),
            None => Err(staged),
        };
        drop(open);
        before.map(drop).map_err(|_| not_open(run.batch))
    }

    /// Closes a batch and gives what is staged, in order of the partitions.
    ///
    /// # Errors
    /// When the batch is not open.
    pub fn close(&self, batch: BatchId) -> Result<(Arc<B>, Vec<P>), String> {
        let closed = self.open.lock().remove(&batch);
        let closed = closed.ok_or_else(|| not_open(batch))?;
        Ok((closed.value, closed.partitions.into_values().collect()))
    }
}

fn not_open(batch: BatchId) -> String {
    format!("batch {batch} is not open: it was committed, aborted or never begun")
}
