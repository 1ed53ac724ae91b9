//! What a running task knows: who it is, whether it is still wanted, what it counted.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::chunk::Push;
use crate::error::TaskError;
use crate::storage::PartitionCache;

use super::profile::{Operators, Profile};

/// The counts of one task.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TaskMetrics {
    /// Records that the task's sources gave.
    pub records_read: u64,
    /// Bytes that were read from files or storage on disk.
    pub bytes_read: u64,
    /// Records that came out of shuffles.
    pub shuffle_records_read: u64,
    /// Records that were handed to a shuffle, after combining.
    pub shuffle_records_written: u64,
    /// Bytes that were written to files or storage on disk.
    pub bytes_written: u64,
    /// Files, or parts of them that a task reads, of which something was skipped as damaged or
    /// missing, where the settings allow that.
    pub files_skipped: u64,
    /// Time from the task's start on its slot to its end.
    pub run_time: Duration,
}

/// Handed to every operator of a task.
pub(crate) struct TaskContext {
    pub(crate) attempt: u32,
    pub(crate) chunk_records: usize,
    pub(crate) cache: Arc<PartitionCache>,
    /// There if somebody wants to know what each operator does.
    pub(crate) profile: Option<Profile>,
    cancelled: Arc<AtomicBool>,
    records_read: Cell<u64>,
    bytes_read: Cell<u64>,
    shuffle_records_read: Cell<u64>,
    shuffle_records_written: Cell<u64>,
    bytes_written: Cell<u64>,
    files_skipped: Cell<u64>,
}

impl TaskContext {
    pub(crate) fn new(
        attempt: u32,
        chunk_records: usize,
        cache: Arc<PartitionCache>,
        cancelled: Arc<AtomicBool>,
    ) -> Self {
        TaskContext {
            attempt,
            chunk_records,
            cache,
            profile: None,
            cancelled,
            records_read: Cell::new(0),
            bytes_read: Cell::new(0),
            shuffle_records_read: Cell::new(0),
            shuffle_records_written: Cell::new(0),
            bytes_written: Cell::new(0),
            files_skipped: Cell::new(0),
        }
    }

    /// The same task, with its operators measured if that is wanted.
    pub(super) fn measured(self, is_wanted: bool) -> Self {
        TaskContext {
            profile: is_wanted.then(Profile::default),
            ..self
        }
    }

    /// What was measured of its operators, once it has ended.
    pub(super) fn operators(&self) -> Operators {
        let profile = self.profile.as_ref();
        profile.map(Profile::take).unwrap_or_default()
    }

    /// Sources ask this before each chunk, so that a cancelled task ends soon.
    #[inline]
    pub(crate) fn check_cancelled(&self) -> Push {
        if self.is_cancelled() {
            return Err(TaskError::Cancelled.into());
        }
        Ok(())
    }

    #[inline]
    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    pub(crate) fn count_read(&self, records: usize) {
        self.records_read
            .set(self.records_read.get() + records as u64);
    }

    pub(crate) fn count_bytes_read(&self, bytes: u64) {
        self.bytes_read.set(self.bytes_read.get() + bytes);
    }

    pub(crate) fn count_shuffle_read(&self, records: usize) {
        self.shuffle_records_read
            .set(self.shuffle_records_read.get() + records as u64);
    }

    pub(crate) fn count_shuffle_written(&self, records: usize) {
        self.shuffle_records_written
            .set(self.shuffle_records_written.get() + records as u64);
    }

    pub(crate) fn count_bytes_written(&self, bytes: u64) {
        self.bytes_written.set(self.bytes_written.get() + bytes);
    }

    pub(crate) fn count_file_skipped(&self) {
        self.files_skipped.set(self.files_skipped.get() + 1);
    }

    pub(crate) fn metrics(&self, run_time: Duration) -> TaskMetrics {
        TaskMetrics {
            records_read: self.records_read.get(),
            bytes_read: self.bytes_read.get(),
            shuffle_records_read: self.shuffle_records_read.get(),
            shuffle_records_written: self.shuffle_records_written.get(),
            bytes_written: self.bytes_written.get(),
            files_skipped: self.files_skipped.get(),
            run_time,
        }
    }
}

impl TaskMetrics {
    /// Adds the counts and times of another task.
    pub(crate) fn add(&mut self, other: &TaskMetrics) {
        self.records_read += other.records_read;
        self.bytes_read += other.bytes_read;
        self.shuffle_records_read += other.shuffle_records_read;
        self.shuffle_records_written += other.shuffle_records_written;
        self.bytes_written += other.bytes_written;
        self.files_skipped += other.files_skipped;
        self.run_time += other.run_time;
    }
}
