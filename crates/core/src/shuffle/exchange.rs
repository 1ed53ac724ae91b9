//! The node at which stages are cut: map tasks fill buckets, later tasks empty them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use parking_lot::Mutex;

use super::bucket::Bucket;
use super::partitioner::Placement;
use crate::chunk::{Push, Sink, Stop};
use crate::error::{Error, TaskError};
use crate::rdd::{AnyNode, Dependency, Node, NodeInfo};
use crate::record::Wire;
use crate::scheduler::{JobRunner, TaskContext};
use crate::site::Site;

/// What a map task does with its partition: reads it and sorts it into buckets.
pub(crate) trait MapSide<R>: Send + Sync {
    /// The node that the map tasks read.
    fn parent(&self) -> Arc<dyn AnyNode>;

    /// Runs before planning, once the parent is prepared.
    fn prepare(&self, _runner: &JobRunner) -> Result<(), Error> {
        Ok(())
    }

    /// How many buckets each map task fills.
    fn partitions(&self) -> usize;

    /// One bucket for each partition.
    fn write(&self, task: &TaskContext, map_partition: usize) -> Result<Vec<Bucket<R>>, Stop>;

    /// How the records are placed afterwards, if by key.
    fn placement(&self) -> Option<Placement>;
}

/// A shuffle without its record type: what the scheduler sees.
pub(crate) trait ShuffleStage: Send + Sync {
    fn shuffle_id(&self) -> u64;

    fn site(&self) -> Site;

    fn map_side(&self) -> Arc<dyn AnyNode>;

    fn prepare(&self, runner: &JobRunner) -> Result<(), Error>;

    /// Whether every map task has run and something of its output is left.
    fn is_complete(&self) -> bool;

    /// The map partitions that have to be computed.
    fn missing(&self) -> Vec<usize>;

    fn run_map(&self, task: &TaskContext, map_partition: usize) -> Push;

    /// Notes that a map partition has no records, without running a task.
    fn store_empty(&self, map_partition: usize);

    /// Called when the last map task is done: decides whether readers share or take.
    fn completed(&self, keep_bytes: u64);

    /// From now on readers share the output, because more than one will come.
    fn keep_output(&self);

    /// Makes map partitions whose output was taken missing again.
    fn forget_taken(&self);

    /// The output of a map task as bytes, for another process.
    fn export(&self, map_partition: usize) -> Result<Vec<u8>, Error>;

    /// Takes over the output of a map task that ran in another process.
    fn import(&self, map_partition: usize, bytes: &[u8]) -> Result<(), Error>;
}

/// The records of `Rdd<R>` after they were moved to where they belong.
///
/// Output is kept for later jobs while it is small (Spark keeps its shuffle files, so a
/// second action skips the map stage). Large output is handed over instead: its first
/// reader takes it, so that a big shuffle does not hold its data twice; should another
/// reader come the map tasks run again, as for any lost partition.
pub(crate) struct Exchange<R> {
    /// Itself, to be handed out as a stage.
    me: Weak<Exchange<R>>,
    info: NodeInfo,
    map_side: Arc<dyn MapSide<R>>,
    outputs: OnceLock<Vec<Mutex<Output<R>>>>,
    keep: AtomicBool,
}

enum Output<R> {
    Missing,
    There(Vec<Slot<R>>),
}

enum Slot<R> {
    Here(Bucket<R>),
    Shared(Arc<Bucket<R>>),
    Taken,
}

enum Fetched<R> {
    Own(Bucket<R>),
    Shared(Arc<Bucket<R>>),
}

impl<R: Wire> Exchange<R> {
    pub(crate) fn new(info: NodeInfo, map_side: Arc<dyn MapSide<R>>) -> Arc<Self> {
        Arc::new_cyclic(|me| Exchange {
            me: me.clone(),
            info,
            map_side,
            outputs: OnceLock::new(),
            keep: AtomicBool::new(false),
        })
    }

    fn outputs(&self) -> &[Mutex<Output<R>>] {
        self.outputs.get_or_init(|| {
            let missing = || Mutex::new(Output::Missing);
            std::iter::repeat_with(missing)
                .take(self.map_side.parent().partitions())
                .collect()
        })
    }

    fn store(&self, map_partition: usize, buckets: Vec<Bucket<R>>) {
        let Some(output) = self.outputs().get(map_partition) else {
            return;
        };
        let mut output = output.lock();
        let whole = matches!(&*output, Output::There(slots)
            if !slots.iter().any(|slot| matches!(slot, Slot::Taken)));
        // Two jobs may compute the same partition; what readers may have shared stays.
        if !whole {
            *output = Output::There(buckets.into_iter().map(Slot::Here).collect());
        }
    }

    fn fetch(&self, map_partition: usize, partition: usize) -> Option<Fetched<R>> {
        let mut output = self.outputs().get(map_partition)?.lock();
        let Output::There(slots) = &mut *output else {
            return None;
        };
        let slot = slots.get_mut(partition)?;
        match std::mem::replace(slot, Slot::Taken) {
            Slot::Taken => None,
            Slot::Shared(bucket) => {
                *slot = Slot::Shared(bucket.clone());
                Some(Fetched::Shared(bucket))
            }
            Slot::Here(bucket) if self.keep.load(Ordering::Relaxed) => {
                let bucket = Arc::new(bucket);
                *slot = Slot::Shared(bucket.clone());
                Some(Fetched::Shared(bucket))
            }
            Slot::Here(bucket) => Some(Fetched::Own(bucket)),
        }
    }

    /// About how much memory the output takes, what records own included.
    fn bytes(&self) -> u64 {
        let of = |output: &Mutex<Output<R>>| match &*output.lock() {
            Output::Missing => 0,
            Output::There(slots) => slots.iter().map(Slot::bytes).sum(),
        };
        self.outputs().iter().map(of).sum()
    }

    fn lost(&self) -> Stop {
        TaskError::ShuffleLost {
            operator: self.info.site,
            shuffle: self.info.id,
        }
        .into()
    }

    fn codec_error(&self, action: &'static str, why: impl ToString) -> Error {
        Error::Codec {
            action,
            message: format!("{}: {}", self.info.site, why.to_string()),
        }
    }
}

impl<R: Wire> Slot<R> {
    fn bytes(&self) -> u64 {
        match self {
            Slot::Here(bucket) => bucket.bytes(),
            Slot::Shared(bucket) => bucket.bytes(),
            Slot::Taken => 0,
        }
    }
}

impl<R: Wire> AnyNode for Exchange<R> {
    fn info(&self) -> &NodeInfo {
        &self.info
    }

    fn dependencies(&self) -> Vec<Dependency> {
        let me: Option<Arc<dyn ShuffleStage>> = self.me.upgrade().map(|me| me as _);
        me.into_iter().map(Dependency::Shuffle).collect()
    }

    fn partitions(&self) -> usize {
        self.map_side.partitions()
    }

    fn is_known_empty(&self, partition: usize) -> bool {
        self.outputs().iter().all(|output| match &*output.lock() {
            Output::Missing => false,
            Output::There(slots) => match slots.get(partition) {
                Some(Slot::Here(bucket)) => bucket.records == 0,
                Some(Slot::Shared(bucket)) => bucket.records == 0,
                Some(Slot::Taken) | None => false,
            },
        })
    }
}

impl<R: Wire> Node<R> for Exchange<R> {
    fn compute(&self, task: &TaskContext, partition: usize, sink: &mut dyn Sink<R>) -> Push {
        for map_partition in 0..self.outputs().len() {
            match self
                .fetch(map_partition, partition)
                .ok_or_else(|| self.lost())?
            {
                Fetched::Own(bucket) => {
                    task.count_shuffle_read(bucket.records);
                    for mut chunk in bucket.chunks {
                        task.check_cancelled()?;
                        sink.push(&mut chunk)?;
                    }
                }
                Fetched::Shared(bucket) => {
                    task.count_shuffle_read(bucket.records);
                    for chunk in &bucket.chunks {
                        task.check_cancelled()?;
                        sink.push_shared(chunk)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn placement(&self) -> Option<Placement> {
        self.map_side.placement()
    }

    fn as_any_node(self: Arc<Self>) -> Arc<dyn AnyNode> {
        self
    }
}

impl<R: Wire> ShuffleStage for Exchange<R> {
    fn shuffle_id(&self) -> u64 {
        self.info.id
    }

    fn site(&self) -> Site {
        self.info.site
    }

    fn map_side(&self) -> Arc<dyn AnyNode> {
        self.map_side.parent()
    }

    fn prepare(&self, runner: &JobRunner) -> Result<(), Error> {
        self.map_side.prepare(runner)
    }

    fn is_complete(&self) -> bool {
        self.outputs.get().is_some_and(|outputs| {
            outputs.iter().all(|output| match &*output.lock() {
                Output::Missing => false,
                Output::There(slots) => {
                    slots.is_empty() || slots.iter().any(|slot| !matches!(slot, Slot::Taken))
                }
            })
        })
    }

    fn missing(&self) -> Vec<usize> {
        let all_taken = |slots: &[Slot<R>]| {
            !slots.is_empty() && slots.iter().all(|slot| matches!(slot, Slot::Taken))
        };
        let outputs = self.outputs().iter().enumerate();
        outputs
            .filter(|(_, output)| match &*output.lock() {
                Output::Missing => true,
                Output::There(slots) => all_taken(slots),
            })
            .map(|(map_partition, _)| map_partition)
            .collect()
    }

    fn run_map(&self, task: &TaskContext, map_partition: usize) -> Push {
        let buckets = self.map_side.write(task, map_partition)?;
        task.count_shuffle_written(buckets.iter().map(|bucket| bucket.records).sum());
        self.store(map_partition, buckets);
        Ok(())
    }

    fn store_empty(&self, map_partition: usize) {
        let empty = std::iter::repeat_with(Bucket::default);
        self.store(
            map_partition,
            empty.take(self.map_side.partitions()).collect(),
        );
    }

    fn completed(&self, keep_bytes: u64) {
        if self.bytes() <= keep_bytes {
            self.keep_output();
        }
    }

    fn keep_output(&self) {
        self.keep.store(true, Ordering::Relaxed);
    }

    fn forget_taken(&self) {
        for output in self.outputs() {
            let mut output = output.lock();
            let taken = matches!(&*output, Output::There(slots)
                if slots.iter().any(|slot| matches!(slot, Slot::Taken)));
            if taken {
                *output = Output::Missing;
            }
        }
    }

    fn export(&self, map_partition: usize) -> Result<Vec<u8>, Error> {
        const ACTION: &str = "export shuffle output";
        let outputs = self.outputs().get(map_partition).map(Mutex::lock);
        let Some(Output::There(slots)) = outputs.as_deref() else {
            return Err(self.codec_error(ACTION, format!("partition {map_partition} is missing")));
        };
        let chunks: Option<Vec<&[Vec<R>]>> = slots
            .iter()
            .map(|slot| match slot {
                Slot::Here(bucket) => Some(bucket.chunks.as_slice()),
                Slot::Shared(bucket) => Some(bucket.chunks.as_slice()),
                Slot::Taken => None,
            })
            .collect();
        let chunks = chunks.ok_or_else(|| {
            self.codec_error(
                ACTION,
                format!("partition {map_partition} was read already"),
            )
        })?;
        postcard::to_stdvec(&chunks).map_err(|error| self.codec_error(ACTION, error))
    }

    fn import(&self, map_partition: usize, bytes: &[u8]) -> Result<(), Error> {
        const ACTION: &str = "import shuffle output";
        let buckets: Vec<Vec<Vec<R>>> =
            postcard::from_bytes(bytes).map_err(|error| self.codec_error(ACTION, error))?;
        if buckets.len() != self.map_side.partitions() {
            let why = format!(
                "{} buckets for {} partitions",
                buckets.len(),
                self.map_side.partitions()
            );
            return Err(self.codec_error(ACTION, why));
        }
        let buckets = buckets.into_iter().map(Bucket::from_chunks).collect();
        self.store(map_partition, buckets);
        Ok(())
    }
}
