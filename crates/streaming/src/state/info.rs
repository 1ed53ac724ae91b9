//! State as a user interface shows it.

use headwater_core::{Site, catch_panic};

use super::StateSize;
use super::steps::AnySteps;
use crate::graph::{NodeId, NodeInfo};

/// The state of a stream after a batch, and what happened to it.
///
/// What happened is counted since the batch that was told before, as far as that is known without
/// a look at each key: where a function gives whole partitions
/// (`update_state_by_key` with rows), or a window is reduced anew, keys that were there count as
/// updated; a key that a window's filter drops counts as removed, wherever it was.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StateInfo {
    /// The stream that keeps it.
    pub stream: NodeId,
    /// The name of the stream, if it has one.
    pub name: Option<String>,
    /// The operator and its line.
    pub site: Site,
    /// How many keys have a state.
    pub keys: u64,
    /// How much memory they take: see [`StateSize::bytes`].
    pub bytes: u64,
    /// How many keys got another state.
    pub updated: u64,
    /// How many keys are new.
    pub added: u64,
    /// How many keys were removed by the functions of the stream.
    pub removed: u64,
    /// How many keys were removed because they were idle for too long.
    pub timed_out: u64,
}

impl StateInfo {
    /// The state as it is, with what has happened since this was asked last.
    pub(crate) fn take(stream: &NodeInfo, steps: &dyn AnySteps) -> Self {
        let (site, store) = (steps.site(), steps.store());
        let touched = store.take_touched();
        // What keys and states own is measured by how they are written, which is the user's code.
        let size = catch_panic(site, || store.size()).unwrap_or_else(|panic| {
            tracing::error!("the size of the state of {site} is not known: {panic}");
            StateSize::default()
        });
        StateInfo {
            stream: stream.id,
            name: stream.name().map(str::to_owned),
            site,
            keys: size.keys,
            bytes: size.bytes,
            updated: touched.updated,
            added: touched.added,
            removed: touched.removed.saturating_sub(touched.timed_out),
            timed_out: touched.timed_out,
        }
    }
}
