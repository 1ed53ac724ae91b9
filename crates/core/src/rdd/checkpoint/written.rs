//! What is written of a marked RDD, and read instead of it.

use std::any::Any;
use std::sync::{Arc, OnceLock, Weak};

use headwater_store::{Durability, Entry, Location};
use parking_lot::Mutex;

use super::cut::Cut;
use super::directory::Marked;
use crate::chunk::{Push, Sink, Stop};
use crate::context::Context;
use crate::error::{Error, TaskError};
use crate::files::{Reading, write_frames};
use crate::rdd::actions::Count;
use crate::rdd::{AnyNode, Node, Rdd, read};
use crate::record::{Record, Wire};
use crate::scheduler::TaskContext;
use crate::shuffle::Placement;
use crate::site::Site;

/// The file beside the parts that says how keys are placed.
const PARTITIONER: &str = "_partitioner";

/// A checkpoint without its record type: what planning and jobs need.
pub(crate) trait AnyCheckpoint: Send + Sync {
    /// Whether it is written.
    fn is_done(&self) -> bool;

    /// Writes it, unless it is written or being written.
    fn write(&self, ctx: &Context) -> Result<(), Error>;

    /// The directory that it was written to.
    fn file(&self) -> Option<String>;

    fn as_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync>;
}

/// How an RDD is checkpointed, and how far that is.
pub(crate) struct Checkpoint<T> {
    site: Site,
    node: Weak<dyn Node<T>>,
    how: How<T>,
    /// Taken by the job that writes.
    marked: Mutex<Option<Marked>>,
    done: OnceLock<Done>,
    cut: Mutex<Option<Weak<Cut<T>>>>,
}

/// Where partitions go. The functions are there so that only marking has to ask for serde.
pub(super) enum How<T> {
    Files {
        dir: Location,
        write: WriteFile<T>,
        push: PushFile<T>,
    },
    Storage,
}

pub(super) type WriteFile<T> = fn(&FileOf<'_, T>, &TaskContext, usize) -> Result<Entry, Stop>;
pub(super) type PushFile<T> = fn(&Entry, &Reading<'_>, &mut dyn Sink<T>) -> Push;

/// What is left of a lineage.
pub(super) struct Done {
    pub(super) partitions: usize,
    pub(super) placement: Option<Placement>,
    /// The file of each partition; none where storage has them.
    files: Vec<Entry>,
}

impl<T: Record> Checkpoint<T> {
    pub(super) fn new(site: Site, node: &Arc<dyn Node<T>>, how: How<T>, marked: Marked) -> Self {
        Checkpoint {
            site,
            node: Arc::downgrade(node),
            how,
            marked: Mutex::new(Some(marked)),
            done: OnceLock::new(),
            cut: Mutex::new(None),
        }
    }

    pub(super) fn of(checkpoint: &Arc<dyn AnyCheckpoint>) -> Option<Arc<Self>> {
        checkpoint.clone().as_any().downcast().ok()
    }

    /// The checkpoint, if it is written.
    pub(crate) fn finished(checkpoint: &Arc<dyn AnyCheckpoint>) -> Option<Arc<Self>> {
        match checkpoint.is_done() {
            true => Self::of(checkpoint),
            false => None,
        }
    }

    pub(super) fn done(&self) -> Option<&Done> {
        self.done.get()
    }

    /// The node that lets go of the lineage: one for all handles that hold it.
    pub(super) fn cut(self: &Arc<Self>, marked: &Arc<dyn Node<T>>) -> Arc<Cut<T>> {
        let mut cut = self.cut.lock();
        let there = cut.as_ref().and_then(Weak::upgrade);
        there.unwrap_or_else(|| {
            let made = Arc::new(Cut::new(marked, self.clone()));
            *cut = Some(Arc::downgrade(&made));
            made
        })
    }

    /// Pushes the records of a partition that was written.
    pub(crate) fn read(
        &self,
        task: &TaskContext,
        partition: usize,
        sink: &mut dyn Sink<T>,
    ) -> Push {
        let reading = Reading {
            task,
            site: self.site,
            found: &[],
            skips: None,
        };
        let file = self.done.get().and_then(|done| done.files.get(partition));
        match (&self.how, file) {
            (How::Files { push, .. }, Some(file)) => push(file, &reading, sink),
            _ => Err(lost(self.site, partition).into()),
        }
    }

    /// Writes every partition; `None` if storage could not keep all of them.
    fn written(&self, ctx: &Context, node: Arc<dyn Node<T>>) -> Result<Option<Done>, Error> {
        let rdd = Rdd::from_node(ctx, node.clone());
        let files = match &self.how {
            How::Files { dir, write, .. } => {
                let written = self.write_files(&rdd, dir, *write);
                if written.is_err()
                    && let Err(error) = dir.delete_all()
                {
                    tracing::warn!(%error, "an unfinished checkpoint cannot be removed");
                }
                written?
            }
            How::Storage => {
                let is_all_kept = || node.info().is_all_kept(|| node.partitions());
                if !is_all_kept() {
                    // Reading a partition keeps it.
                    rdd.run_sinks(self.site, None, Count::default)?;
                }
                if !is_all_kept() && node.partitions() > 0 {
                    tracing::warn!(rdd = rdd.id(), "storage could not keep all of an RDD");
                    return Ok(None);
                }
                Vec::new()
            }
        };
        Ok(Some(Done {
            partitions: node.partitions(),
            placement: node.placement(),
            files,
        }))
    }

    fn write_files(
        &self,
        rdd: &Rdd<T>,
        dir: &Location,
        write: WriteFile<T>,
    ) -> Result<Vec<Entry>, Error> {
        let site = self.site;
        if let Some(placement) = rdd.node.placement() {
            let text = placement.describe();
            let file = dir.join(PARTITIONER);
            let put = file.put(text.as_bytes(), Durability::Synced);
            put.map_err(|source| Error::Store { site, source })?;
        }
        let (node, dir) = (rdd.node.clone(), dir.clone());
        rdd.run(site, None, move |task, partition| {
            let dir = &dir;
            write(
                &FileOf {
                    dir,
                    node: &node,
                    site,
                },
                task,
                partition,
            )
        })
    }
}

impl<T: Record> AnyCheckpoint for Checkpoint<T> {
    fn is_done(&self) -> bool {
        self.done.get().is_some()
    }

    fn write(&self, ctx: &Context) -> Result<(), Error> {
        let Some(node) = self.node.upgrade() else {
            return Ok(());
        };
        let Some(marked) = self.marked.lock().take() else {
            return Ok(());
        };
        match self.written(ctx, node) {
            Ok(Some(done)) => {
                // Nobody else writes while the mark is taken.
                let _ = self.done.set(done);
                let cut = self.cut.lock().as_ref().and_then(Weak::upgrade);
                if let Some(cut) = cut {
                    cut.let_go();
                    let node: Arc<dyn AnyNode> = cut;
                    node.info().keep_for(Arc::downgrade(&node));
                }
                Ok(())
            }
            not_yet => {
                *self.marked.lock() = Some(marked);
                not_yet.map(drop)
            }
        }
    }

    fn file(&self) -> Option<String> {
        match &self.how {
            How::Files { dir, .. } if self.is_done() => Some(dir.to_string()),
            _ => None,
        }
    }

    fn as_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
}

fn lost(site: Site, partition: usize) -> TaskError {
    TaskError::Input {
        operator: site,
        message: format!(
            "partition {partition} is not in storage any more, and what it was made from was \
             let go; do not unpersist a local checkpoint, or use checkpoint(), which writes files"
        ),
    }
}

/// The file of a partition that is to be written.
pub(super) struct FileOf<'a, T> {
    dir: &'a Location,
    node: &'a Arc<dyn Node<T>>,
    site: Site,
}

pub(super) fn write_file<T: Wire>(
    of: &FileOf<'_, T>,
    task: &TaskContext,
    partition: usize,
) -> Result<Entry, Stop> {
    let file = of.dir.join(&format!("part-{partition:05}"));
    let refused = |source| TaskError::Store {
        operator: of.site,
        source,
    };
    // A later action reads nothing else any more, so it has to survive what the cache may not.
    let mut writer = file.create(Durability::Synced).map_err(refused)?;
    let failed = |error| refused(file.failed("write", error));
    write_frames(&mut writer, of.site, failed, |objects| {
        read(of.node, task, partition, objects)
    })?;
    writer.finish().map_err(refused)?;
    let entry = file.head().map_err(refused)?;
    task.count_bytes_written(entry.bytes);
    Ok(entry)
}
