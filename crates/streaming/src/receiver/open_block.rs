//! The block that is being gathered.

use std::sync::Arc;

use super::StoreError;
use super::block_log::{BlockLog, Part};
use crate::time::Time;

/// It is written to the log in parts of about this size.
const LOG_PART_BYTES: u64 = 256 * 1024;

pub(super) struct OpenBlock<T> {
    pub(super) records: Vec<T>,
    pub(super) bytes: u64,
    /// How many records the block before had: this one will have about as many.
    likely_len: usize,
    /// When it is to be closed.
    pub(super) until: Time,
    /// How many of its records are in the log, and how many of its bytes.
    logged: usize,
    logged_bytes: u64,
    parts: Vec<Part>,
}

impl<T> OpenBlock<T> {
    pub(super) fn new() -> Self {
        OpenBlock {
            records: Vec::new(),
            bytes: 0,
            likely_len: 0,
            until: Time::ZERO,
            logged: 0,
            logged_bytes: 0,
            parts: Vec::new(),
        }
    }

    /// Whether it is time to write a part to the log.
    pub(super) fn has_part(&self) -> bool {
        self.bytes - self.logged_bytes >= LOG_PART_BYTES
    }

    /// Writes what is gathered and not written yet to the log.
    pub(super) fn log_to(&mut self, log: &BlockLog<T>, number: u64) -> Result<(), StoreError> {
        let new = self.records.get(self.logged..).unwrap_or_default();
        if !new.is_empty() {
            let part = log.append(number, new, None)?;
            self.parts.push(part);
            (self.logged, self.logged_bytes) = (self.records.len(), self.bytes);
        }
        Ok(())
    }

    /// How many of its records are not in the log.
    pub(super) fn unlogged(&self) -> usize {
        self.records.len() - self.logged
    }

    /// Adds records, and takes them out of where they were.
    pub(super) fn append(&mut self, records: &mut Vec<T>) {
        if self.records.is_empty() {
            if records.len() >= self.likely_len {
                std::mem::swap(&mut self.records, records);
                return;
            }
            // Growing step by step would copy the records, and touch twice the memory.
            self.records.reserve(self.likely_len);
        }
        self.records.append(records);
    }

    /// Takes out what is there: the records, their bytes, and what the log has of them.
    pub(super) fn take(&mut self) -> (Arc<Vec<T>>, u64, Vec<Part>) {
        (self.logged, self.logged_bytes) = (0, 0);
        self.likely_len = self.records.len();
        let records = Arc::new(std::mem::take(&mut self.records));
        let bytes = std::mem::take(&mut self.bytes);
        (records, bytes, std::mem::take(&mut self.parts))
    }
}
