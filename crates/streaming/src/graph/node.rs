//! One stream of the graph: who it is, and its RDDs of the batches that are remembered.

use std::any::type_name;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use headwater_core::rdd::Stages;
use headwater_core::{Rdd, Record, Scope, Site, StorageLevel, catch_panic};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use super::Graph;
use crate::error::PlanError;
use crate::state::AnyStore;
use crate::time::Time;

/// The place of a stream in the order of construction; the same in every process that runs
/// the same program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NodeId(pub(crate) usize);

impl NodeId {
    /// The number: 0 for the first stream that was built. It is the id of the
    /// [`Scope`] of the stream's RDDs too.
    #[must_use]
    pub fn index(self) -> usize {
        self.0
    }
}

/// What every stream has, whatever its records are.
pub(crate) struct NodeInfo {
    pub(crate) id: NodeId,
    pub(crate) site: Site,
    pub(crate) slide: Duration,
    pub(crate) record_type: &'static str,
    /// How much longer than its own RDDs this stream needs those of its parents.
    pub(crate) looks_back: Duration,
    name: OnceLock<String>,
    remember: Mutex<Duration>,
    level: Mutex<StorageLevel>,
    /// How often the state is to be saved, and the call that said so.
    checkpoint: Mutex<Option<(Site, Duration)>>,
    /// The state that the stream shows, and the stream's number among those that do.
    shows: OnceLock<(Arc<dyn AnyStore>, usize)>,
}

/// A stream without its record type.
pub(crate) trait AnyStream: Send + Sync {
    fn info(&self) -> &NodeInfo;

    fn parents(&self) -> &[Arc<dyn AnyStream>];

    /// Drops the RDDs of batches that nothing remembers any more.
    fn forget(&self, now: Time, unpersist: bool);

    /// The stages of the RDD of a batch, if the stream was made distributable.
    fn stages(&self, time: Time) -> Result<Option<Stages>, PlanError>;

    /// Makes the RDD of a batch, which every later reader gets; `false` at times that are
    /// none of this stream's.
    fn plan(&self, time: Time) -> Result<bool, PlanError>;

    /// Gives `persist` to the stream that should keep its RDDs, which need not be this one.
    fn set_level(&self, level: StorageLevel);
}

impl NodeInfo {
    pub(crate) fn name(&self) -> Option<&str> {
        self.name.get().map(String::as_str)
    }

    pub(crate) fn set_name(&self, name: String) -> Result<(), String> {
        self.name.set(name)
    }

    /// What those who look at jobs are told of the RDDs of a batch.
    pub(crate) fn scope(&self, time: Time) -> Scope {
        let name = self.name().unwrap_or(self.site.operator());
        Scope::new(self.id.index() as u64, name).at_millis(time.as_millis())
    }

    /// Whether this is the stream of a queue, whose batches are gone with the process.
    pub(crate) fn reads_queue(&self) -> bool {
        self.site.operator().starts_with("queue_stream")
    }

    /// What `checkpoint` said last, with its line.
    pub(crate) fn checkpoint(&self) -> Option<(Site, Duration)> {
        *self.checkpoint.lock()
    }

    pub(crate) fn set_checkpoint(&self, site: Site, interval: Duration) {
        *self.checkpoint.lock() = Some((site, interval));
    }

    /// Says that the stream shows state, which is there anyway and need not be kept again.
    pub(crate) fn set_shows(&self, store: Arc<dyn AnyStore>, reader: usize) {
        // A stream is given its state once, where it is built.
        let _ = self.shows.set((store, reader));
    }

    /// Whether the stream shows this state.
    fn is_shown(&self, store: &Arc<dyn AnyStore>) -> bool {
        let shows = self.shows.get();
        shows.is_some_and(|(shown, _)| std::ptr::addr_eq(Arc::as_ptr(shown), Arc::as_ptr(store)))
    }

    /// Whether this is the stream of a state, or one that shows the state.
    pub(crate) fn is_of_state(&self, stream: &NodeInfo, store: &Arc<dyn AnyStore>) -> bool {
        self.id == stream.id || self.is_shown(store)
    }

    /// How long the readers of a state remember it, if this is one of them.
    pub(crate) fn remembers(&self, store: &Arc<dyn AnyStore>) -> Duration {
        if self.is_shown(store) {
            self.remembered()
        } else {
            Duration::ZERO
        }
    }

    /// Where the RDDs are kept.
    pub(crate) fn level(&self) -> StorageLevel {
        *self.level.lock()
    }

    pub(crate) fn remembered(&self) -> Duration {
        *self.remember.lock()
    }
}

/// Makes a stream, and those that it is made from, remember for at least `how_long`.
pub(crate) fn remember(stream: &dyn AnyStream, how_long: Duration) {
    let info = stream.info();
    let total = {
        let mut remembered = info.remember.lock();
        *remembered = how_long.max(info.slide).max(*remembered);
        *remembered
    };
    for parent in stream.parents() {
        remember(&**parent, total.saturating_add(info.looks_back));
    }
}

type Compute<T> = dyn Fn(Time) -> Result<Rdd<T>, PlanError> + Send + Sync;

/// Turns an RDD of the stream into one that is kept at a level; needs bytes, so only
/// streams whose records have them carry one.
type Persist<T> = fn(&Rdd<T>, StorageLevel) -> Rdd<T>;

/// The stages of an RDD; needs bytes as well.
type ToStages<T> = fn(&Rdd<T>) -> Stages;

/// A stream of RDDs of `T`.
pub(crate) struct Stream<T> {
    info: NodeInfo,
    parents: Vec<Arc<dyn AnyStream>>,
    graph: Arc<Graph>,
    compute: Box<Compute<T>>,
    persist: OnceLock<Persist<T>>,
    to_stages: OnceLock<ToStages<T>>,
    /// For a window: the stream whose batches it unites.
    unites: OnceLock<Arc<Stream<T>>>,
    generated: Mutex<BTreeMap<Time, Rdd<T>>>,
}

/// How a stream is built; see [`Graph::add`].
pub(crate) struct Plan {
    pub(crate) site: Site,
    pub(crate) slide: Duration,
    pub(crate) looks_back: Duration,
    pub(crate) parents: Vec<Arc<dyn AnyStream>>,
}

impl<T: Record> Stream<T> {
    pub(crate) fn new(
        graph: &Arc<Graph>,
        id: NodeId,
        plan: Plan,
        compute: impl Fn(Time) -> Result<Rdd<T>, PlanError> + Send + Sync + 'static,
    ) -> Self {
        Stream {
            info: NodeInfo {
                id,
                site: plan.site,
                slide: plan.slide,
                record_type: type_name::<T>(),
                looks_back: plan.looks_back,
                name: OnceLock::new(),
                remember: Mutex::new(plan.slide),
                level: Mutex::new(StorageLevel::NONE),
                checkpoint: Mutex::default(),
                shows: OnceLock::new(),
            },
            parents: plan.parents,
            graph: graph.clone(),
            compute: Box::new(compute),
            persist: OnceLock::new(),
            to_stages: OnceLock::new(),
            unites: OnceLock::new(),
            generated: Mutex::default(),
        }
    }

    pub(crate) fn graph(&self) -> &Arc<Graph> {
        &self.graph
    }

    /// Says that this is a window over another stream.
    pub(crate) fn set_unites(&self, parent: Arc<Stream<T>>) {
        // A window is given its parent once, where it is built.
        let _ = self.unites.set(parent);
    }

    /// The stream that keeps what this one is to keep: a window's batches are kept where they
    /// are made, once each instead of once for each window.
    pub(crate) fn keeper(self: &Arc<Self>) -> Arc<Self> {
        let mut keeper = self;
        while let Some(parent) = keeper.unites.get() {
            keeper = parent;
        }
        keeper.clone()
    }

    pub(crate) fn allow_persist(&self, persist: Persist<T>) {
        // Every caller gives the same function for the same record type.
        let _ = self.persist.set(persist);
    }

    pub(crate) fn allow_stages(&self, to_stages: ToStages<T>) {
        // As above.
        let _ = self.to_stages.set(to_stages);
    }

    /// The RDD of a batch: `None` at times that are none of this stream's.
    ///
    /// Computed once while it is remembered, so that all readers share it.
    pub(crate) fn rdd(&self, time: Time) -> Result<Option<Rdd<T>>, PlanError> {
        if !self.graph.is_time_of(time, self.info.slide) {
            return Ok(None);
        }
        // Readers wait for the one that computes: a source may be asked only once a batch.
        let _one_at_a_time = self.graph.generating.lock();
        if let Some(rdd) = self.generated.lock().get(&time) {
            return Ok(Some(rdd.clone()));
        }
        let site = self.info.site;
        let scope = self.info.scope(time);
        let compute = || scope.within(|| site.cover(|| (self.compute)(time)));
        let computed = catch_panic(site, compute);
        let rdd = computed.map_err(|panic| PlanError::from_panic(site, &panic))??;
        let level = *self.info.level.lock();
        let rdd = match self.persist.get() {
            Some(persist) if level != StorageLevel::NONE => persist(&rdd, level),
            _ => rdd,
        };
        self.generated.lock().insert(time, rdd.clone());
        Ok(Some(rdd))
    }

    /// As [`Stream::rdd`], for a reader whose slide is this stream's.
    pub(crate) fn rdd_or_fail(&self, time: Time, reader: Site) -> Result<Rdd<T>, PlanError> {
        self.rdd(time)?.ok_or_else(|| {
            let message = format!("{} has no batch at {time}", self.info.site);
            PlanError::new(reader, message)
        })
    }
}

impl<T: Record> AnyStream for Stream<T> {
    fn info(&self) -> &NodeInfo {
        &self.info
    }

    fn parents(&self) -> &[Arc<dyn AnyStream>] {
        &self.parents
    }

    fn forget(&self, now: Time, unpersist: bool) {
        let remembered = self.info.remembered();
        let last_kept = now - remembered;
        if let Some((state, reader)) = self.info.shows.get() {
            // What counts is the last step: the next one may come after several batches, and the
            // version before it is remembered until then.
            let zero = self.graph.zero_time().unwrap_or(now);
            let last_step = now.floor_from(self.info.slide, zero);
            state.forget(*reader, last_step - remembered + self.info.slide);
        }
        let (old, kept_ids) = {
            let mut generated = self.generated.lock();
            let kept = generated.split_off(&(last_kept + Duration::from_millis(1)));
            let ids: Vec<_> = kept.values().map(Rdd::id).collect();
            (std::mem::replace(&mut *generated, kept), ids)
        };
        if unpersist && *self.info.level.lock() != StorageLevel::NONE {
            // Batches may share an RDD, as those of a constant stream do.
            let unused = old.values().filter(|rdd| !kept_ids.contains(&rdd.id()));
            unused.for_each(Rdd::unpersist);
        }
    }

    fn stages(&self, time: Time) -> Result<Option<Stages>, PlanError> {
        let Some(to_stages) = self.to_stages.get() else {
            let message = "the stream is not distributable; call distributable() on it";
            return Err(PlanError::new(self.info.site, message));
        };
        Ok(self.rdd(time)?.map(|rdd| to_stages(&rdd)))
    }

    fn plan(&self, time: Time) -> Result<bool, PlanError> {
        Ok(self.rdd(time)?.is_some())
    }

    fn set_level(&self, level: StorageLevel) {
        if self.info.shows.get().is_none() {
            *self.info.level.lock() = level;
        }
    }
}
