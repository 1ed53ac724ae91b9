//! How near a server is to its bounds, and who was turned away: for its metrics.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Connections and refusals of one server since its start.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    /// How many connections there may be at the same time.
    limit: usize,
    open: AtomicU64,
    cut: AtomicU64,
    refused_changes: AtomicU64,
    refused_large: AtomicU64,
}

/// What is told of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) limit: usize,
    pub(crate) open: u64,
    /// Connections that broke, or were ended as nothing came or was read for too long.
    pub(crate) cut: u64,
    /// Requests to wait for changes while enough others did.
    pub(crate) refused_changes: u64,
    /// Requests whose answers were large while enough others were being read.
    pub(crate) refused_large: u64,
}

/// A connection, which counts as open until this is dropped.
pub(super) struct Open(Arc<Traffic>);

impl Traffic {
    /// Of a server with this many connections at most.
    pub(crate) fn new(limit: usize) -> Self {
        Traffic {
            limit,
            ..Traffic::default()
        }
    }

    pub(super) fn opened(self: &Arc<Self>) -> Open {
        self.open.fetch_add(1, Ordering::Relaxed);
        Open(self.clone())
    }

    pub(super) fn cut(&self) {
        self.cut.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn refused_changes(&self) {
        self.refused_changes.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn refused_large(&self) {
        self.refused_large.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn told(&self) -> Told {
        Told {
            limit: self.limit,
            open: self.open.load(Ordering::Relaxed),
            cut: self.cut.load(Ordering::Relaxed),
            refused_changes: self.refused_changes.load(Ordering::Relaxed),
            refused_large: self.refused_large.load(Ordering::Relaxed),
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}
