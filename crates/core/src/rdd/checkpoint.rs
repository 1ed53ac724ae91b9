//! Checkpoints: an RDD on disk or in an object store, without what it was made from.
//!
//! An RDD that is marked stays as it is until a job has read it. Then a second job writes its
//! partitions ([`written`]), and from there on they are read from what was written. The RDD
//! that marking gives ([`cut`]) holds the marked node until the checkpoint is there, and then
//! lets it go.

mod cut;
mod directory;
mod written;

use std::collections::HashSet;
use std::sync::Arc;

pub(crate) use directory::Checkpoints;
pub(crate) use written::{AnyCheckpoint, Checkpoint};
use written::{How, write_file};

use super::{AnyNode, Dependency, Rdd, needs, refuse};
use crate::context::{Context, ContextInner};
use crate::error::Error;
use crate::files::push_objects;
use crate::record::{Record, Wire};
use crate::site::Site;
use crate::storage::StorageLevel;

impl<T: Wire> Rdd<T> {
    /// Marks the RDD to be written to the checkpoint directory: Spark's `checkpoint`.
    ///
    /// The next action that reads it computes as always, and then a second job writes its
    /// partitions to `DIR/rdd-ID/part-00000` and so on, with DIR from
    /// [`Context::checkpoint_dir`]. The second job computes the RDD again, unless it is
    /// persisted. Afterwards the partitions are read from there, and earlier stages are not
    /// run again. If writing fails the action fails, and the next one tries again.
    ///
    /// It is this RDD that is checkpointed, not only the returned handle. But go on with the
    /// returned one: it lets go of what the RDD was made from, which this one cannot. A
    /// program that makes each RDD from the one before should checkpoint now and then, so
    /// that the lineage stays short:
    ///
    /// ```
    /// # let dir = tempfile::tempdir().unwrap();
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// ctx.set_checkpoint_dir(dir.path()).unwrap();
    /// let mut numbers = ctx.range(0..4, 1, 2);
    /// for step in 1..=300 {
    ///     numbers = numbers.map(|n| n + 1);
    ///     if step % 100 == 0 {
    ///         numbers = numbers.checkpoint();
    ///         numbers.count().unwrap();
    ///         assert!(numbers.is_checkpointed());
    ///     }
    /// }
    /// assert_eq!(numbers.collect().unwrap(), [300, 301, 302, 303]);
    /// ```
    ///
    /// Without a checkpoint directory this is a mistake, which the action of the returned
    /// RDD reports. An RDD that is marked already, also by [`Rdd::local_checkpoint`], stays
    /// as it is.
    #[track_caller]
    #[must_use = "the returned RDD lets go of the lineage, and reports a missing directory"]
    pub fn checkpoint(&self) -> Rdd<T> {
        let site = Site::here("checkpoint");
        let Some(dir) = self.ctx.inner.checkpoints.dir() else {
            let message = "the checkpoint directory is not set; call \
                           Context::set_checkpoint_dir first";
            return refuse(&self.ctx, site, message);
        };
        let dir = dir.join(&format!("rdd-{}", self.id()));
        self.marked(site, || How::Files {
            dir,
            write: write_file::<T>,
            push: push_objects::<T>,
        })
    }

    /// Cuts the lineage using storage instead of files: Spark's `localCheckpoint`.
    ///
    /// As [`Rdd::checkpoint`], but the partitions are persisted, at a level that includes
    /// disk: the level that was assigned with disk added, or
    /// [`StorageLevel::MEMORY_AND_DISK`]. This is faster and needs no directory; but what is
    /// kept is lost with the context, by [`Rdd::unpersist`], or when its file is damaged,
    /// and can then not be computed again: an action that needs it fails.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let squares = ctx.range(0..4, 1, 2).map(|n| n * n).local_checkpoint();
    /// assert_eq!(squares.sum().unwrap(), 14);
    /// assert!(squares.is_checkpointed() && squares.checkpoint_file().is_none());
    /// assert_eq!(squares.collect().unwrap(), [0, 1, 4, 9]);
    /// ```
    #[track_caller]
    #[must_use = "the returned RDD lets go of the lineage"]
    pub fn local_checkpoint(&self) -> Rdd<T> {
        let site = Site::here("local_checkpoint");
        let level = match self.storage_level() {
            StorageLevel::NONE => StorageLevel::MEMORY_AND_DISK,
            level => level.with_disk(),
        };
        if self.storage_level() != level {
            self.unpersist();
        }
        let persisted = self.persist(level);
        persisted.marked(site, || How::Storage)
    }
}

impl<T: Record> Rdd<T> {
    /// Whether the RDD is read from a checkpoint, of either kind: Spark's `isCheckpointed`.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(1).unwrap();
    /// let numbers = ctx.range(0..4, 1, 2).local_checkpoint();
    /// assert!(!numbers.is_checkpointed());
    /// numbers.count().unwrap();
    /// assert!(numbers.is_checkpointed());
    /// ```
    #[must_use]
    pub fn is_checkpointed(&self) -> bool {
        self.node.info().is_checkpointed()
    }

    /// The directory that [`Rdd::checkpoint`] wrote, once it has: Spark's
    /// `getCheckpointFile`.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(1).unwrap();
    /// ctx.set_checkpoint_dir("memory://docs/file").unwrap();
    /// let numbers = ctx.range(0..4, 1, 2).checkpoint();
    /// assert_eq!(numbers.checkpoint_file(), None);
    /// numbers.count().unwrap();
    /// let file = numbers.checkpoint_file().unwrap();
    /// assert_eq!(ctx.object_file::<i64>(&file).collect().unwrap(), [0, 1, 2, 3]);
    /// ```
    #[must_use]
    pub fn checkpoint_file(&self) -> Option<String> {
        self.node.info().checkpoint()?.file()
    }

    /// Marks the RDD if it is not, and gives the one without lineage.
    fn marked(&self, site: Site, how: impl FnOnce() -> How<T>) -> Rdd<T> {
        let info = self.node.info();
        let checkpoint = info.mark(|| {
            let marked = self.ctx.inner.checkpoints.mark();
            Arc::new(Checkpoint::new(site, &self.node, how(), marked))
        });
        match Checkpoint::<T>::of(checkpoint) {
            Some(checkpoint) => Rdd::from_node(&self.ctx, checkpoint.cut(&self.node)),
            None => self.clone(),
        }
    }
}

/// Writes the checkpoints of the marked RDDs of a lineage that a job has read, those that are
/// nearest to its end: the ones behind them are not needed any more.
pub(crate) fn write_marked(
    inner: &Arc<ContextInner>,
    last: &Arc<dyn AnyNode>,
) -> Result<(), Error> {
    if !inner.checkpoints.are_marked() {
        return Ok(());
    }
    let ctx = Context {
        inner: inner.clone(),
    };
    let mut seen = HashSet::new();
    let mut waiting = vec![last.clone()];
    while let Some(node) = waiting.pop() {
        if !seen.insert(node.info().id) {
            continue;
        }
        if let Some(checkpoint) = node.info().checkpoint() {
            checkpoint.write(&ctx)?;
            continue;
        }
        waiting.extend(
            needs(&*node)
                .into_iter()
                .map(|dependency| match dependency {
                    Dependency::Narrow(node) => node,
                    Dependency::Shuffle(stage) => stage.map_side(),
                }),
        );
    }
    Ok(())
}
