//! A program as it is shown: its model, and whoever waits for it to change.

use parking_lot::{RwLock, RwLockReadGuard};
use std::sync::Arc;
use tokio::sync::watch;

use crate::metrics::Folded;
use crate::model::{Limits, Model};
use crate::record::Record;
use crate::relay::Follow;

/// The model of a program, shared by the listener that changes it and the pages that show it.
#[derive(Debug)]
pub(crate) struct Site {
    model: RwLock<Model>,
    /// Sums over everything that has happened, for metrics.
    folded: Folded,
    /// How often the model has changed.
    version: watch::Sender<u64>,
}

impl Site {
    pub(crate) fn new(limits: Limits) -> Arc<Self> {
        Site::of(Model::new(limits))
    }

    /// A program whose history is known.
    pub(crate) fn of(model: Model) -> Arc<Self> {
        Arc::new(Site {
            model: RwLock::new(model),
            folded: Folded::default(),
            version: watch::Sender::new(0),
        })
    }

    pub(crate) fn apply(&self, record: &Record) {
        self.folded.apply(record);
        self.model.write().apply(record);
        self.version.send_modify(|version| *version += 1);
    }

    pub(crate) fn model(&self) -> RwLockReadGuard<'_, Model> {
        self.model.read()
    }

    pub(crate) fn folded(&self) -> &Folded {
        &self.folded
    }

    /// Wakes up whenever the model has changed.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }
}

/// Takes what happens into the model.
pub(crate) struct Follower(pub(crate) Arc<Site>);

impl Follow for Follower {
    fn follow(&mut self, record: &Arc<Record>) {
        self.0.apply(record);
    }
}
