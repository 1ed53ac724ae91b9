//! Streams of what a receiver stores.

use std::ops::Range;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use headwater_core::{Context, Record, Site, StorageLevel, Wire, catch_panic};
use parking_lot::Mutex;

use super::bygone::Bygone;
use super::{Allocated, Input};
use crate::StreamingContext;
use crate::batch::Outcome;
use crate::checkpoint::{InputPast, InputRange, Keeper};
use crate::clock::Clock;
use crate::conf::{self, OnFailure};
use crate::dstream::DStream;
use crate::error::{Mistake, StreamError};
use crate::events::{InputInfo, ReceiverInfo};
use crate::graph::{AnyStream, Stream, StreamInfo};
use crate::rate::{RateController, RateSettings};
use crate::receiver::full_name;
use crate::receiver::{BlockStore, Bounds, Files, Keeps, Receiver, Supervisor, SupervisorPolicy};
use crate::time::Time;

impl StreamingContext {
    /// A stream of what a receiver stores: Spark's `receiverStream`.
    ///
    /// The receiver runs on threads of its own and takes no task slot: `local[1]` works.
    ///
    /// ```
    /// use headwater_streaming::{Receiver, ReceiverContext, StreamingContext, time::millis};
    /// use std::sync::mpsc::sync_channel;
    ///
    /// struct Once;
    /// impl Receiver<u32> for Once {
    ///     fn on_start(&self, ctx: &ReceiverContext<u32>) -> Result<(), String> {
    ///         ctx.store_many([1, 2, 3]).map_err(|error| error.to_string())
    ///     }
    ///     fn on_stop(&self) {}
    /// }
    ///
    /// let ctx = headwater_core::Context::local(1)?;
    /// let ssc = StreamingContext::new(&ctx, millis(10))?;
    /// let (to, seen) = sync_channel(100);
    /// ssc.receiver_stream(Once).foreach_rdd(move |rdd, _time| {
    ///     rdd.collect().map(|records| records.into_iter().for_each(|n| to.send(n).unwrap()))
    /// });
    /// ssc.start()?;
    /// assert_eq!(seen.iter().take(3).collect::<Vec<_>>(), [1, 2, 3]);
    /// ssc.stop(true, false)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    #[must_use]
    pub fn receiver_stream<T: Wire>(&self, receiver: impl Receiver<T>) -> DStream<T> {
        self.received(Site::here("receiver_stream"), receiver)
    }

    /// The receivers of a stream that runs, in the order of their creation, with what each has
    /// stored that no batch has finished with; none once the stream was stopped.
    ///
    /// ```
    /// use headwater_streaming::testing::TestStream;
    /// use headwater_streaming::{Receiver, ReceiverContext, time::seconds};
    /// # struct Numbers;
    /// # impl Receiver<u32> for Numbers {
    /// #     fn on_start(&self, ctx: &ReceiverContext<u32>) -> Result<(), String> {
    /// #         ctx.store_many([1, 2, 3]).map_err(|error| error.to_string())
    /// #     }
    /// #     fn on_stop(&self) {}
    /// # }
    /// let test = TestStream::new(seconds(1));
    /// test.collect(&test.context().receiver_stream(Numbers));
    /// test.run(1);
    /// let receivers = test.context().receivers();
    /// assert_eq!(receivers[0].name, "Numbers-0");
    /// assert!(receivers[0].stored.memory_bytes <= receivers[0].stored.memory_bytes_max);
    /// assert_eq!(receivers[0].stored.disk_bytes, 0);
    /// ```
    #[must_use]
    pub fn receivers(&self) -> Vec<ReceiverInfo> {
        let inputs = self.graph().inputs();
        inputs.iter().filter_map(|input| input.receiver()).collect()
    }

    pub(crate) fn received<T: Wire>(&self, site: Site, receiver: impl Receiver<T>) -> DStream<T> {
        let settings = self.receiver_settings();
        let limiter = settings.rates.limiter(self.clock(), self.batch_duration());
        let limited = limiter.clone();
        let controller = settings
            .rates
            .controller(self.batch_duration(), move |rate| limited.set_rate(rate));
        let id = self.next_input_id();
        let level = receiver.storage_level();
        if level == StorageLevel::NONE {
            let message =
                "a receiver with the storage level NONE would keep nothing for its batches";
            self.graph().mistake(site, message);
        }
        let blocks = Arc::new(BlockStore::new(
            self.clock().clone(),
            settings.block_interval,
            settings.bounds(level),
            limiter,
            Files {
                ctx: self.context().clone(),
                name: format!("receiver-{id}"),
            },
        ));
        let bygone = Arc::new(Bygone::default());
        let (ctx, stored, old) = (self.context().clone(), blocks.clone(), bygone.clone());
        let stream = self.input_stream(site, move |time| match stored.blocks_of(time) {
            Some(blocks) => Ok(ctx.from_source(blocks)),
            None => old.rdd(
                &ctx,
                (site, time),
                "what a receiver stored is freed with its batch",
            ),
        });
        let input = Arc::new(ReceiverInput {
            id,
            site,
            ctx: self.context().clone(),
            receiver: Arc::new(receiver),
            blocks,
            bygone,
            stream: stream.stream.clone(),
            clock: self.clock().clone(),
            outcome: self.outcome().clone(),
            settings,
            controller,
            supervisor: Mutex::new(None),
            restored: Mutex::default(),
            journal_ends: OnceLock::new(),
        });
        self.graph().add_input(site, input);
        stream
    }
}

/// What the configuration says about receivers.
pub(crate) struct ReceiverSettings {
    pub(crate) block_interval: Duration,
    memory_bytes: u64,
    disk_bytes: u64,
    spill_after: Duration,
    pub(crate) restart_delay: Duration,
    pub(crate) start_attempts: u32,
    /// Those of other inputs, too.
    pub(crate) rates: RateSettings,
    pub(super) on_failure: OnFailure,
    /// Whether what is received is written to the checkpoint directory, if there is one.
    is_logged: bool,
    /// Whether somebody asked for that, and counts on it.
    is_log_asked_for: bool,
}

impl ReceiverSettings {
    pub(crate) fn read(conf: &headwater_core::Conf) -> Result<Self, StreamError> {
        Ok(ReceiverSettings {
            block_interval: conf.get(&conf::BLOCK_INTERVAL)?,
            memory_bytes: conf.get(&conf::RECEIVER_MEMORY)?.0,
            disk_bytes: conf.get(&conf::RECEIVER_DISK)?.0,
            spill_after: conf.get(&conf::RECEIVER_SPILL_AFTER)?,
            restart_delay: conf.get(&conf::RECEIVER_RESTART_DELAY)?,
            start_attempts: conf.get(&conf::RECEIVER_START_ATTEMPTS)?,
            rates: RateSettings::read(conf)?,
            on_failure: conf.get(&conf::ON_FAILURE)?,
            is_logged: conf.get(&conf::RECEIVER_LOG)?,
            is_log_asked_for: conf.text(conf::RECEIVER_LOG.name()).is_some(),
        })
    }

    /// What a receiver with a storage level may store.
    fn bounds(&self, level: StorageLevel) -> Bounds {
        let keeps = match (level.uses_memory(), level.is_deserialized()) {
            (false, _) => Keeps::Disk,
            (true, false) => Keeps::Bytes,
            (true, true) => Keeps::Records,
        };
        Bounds {
            memory_bytes: self.memory_bytes,
            disk_bytes: if level.uses_disk() {
                self.disk_bytes
            } else {
                0
            },
            spill_after: self.spill_after,
            keeps,
        }
    }
}

impl<T: Record> ReceiverInput<T> {
    /// Makes the RDD of a batch now, not when a window asks for it later: by then the blocks
    /// may be freed.
    fn plan(&self, time: Time) {
        if let Err(error) = self.stream.rdd(time) {
            tracing::error!(batch = %time, "{error}");
        }
    }

    /// Those of a batch's blocks that a restart finds, if blocks are written, or were.
    fn range_in_journal(&self, blocks: Range<u64>) -> Option<InputRange> {
        let (from, to) = match self.settings.is_logged {
            true => (blocks.start, blocks.end),
            false => (blocks.start, blocks.end.min(*self.journal_ends.get()?)),
        };
        let is_written = self.settings.is_logged || from < to;
        is_written.then_some(InputRange::Blocks { from, to })
    }
}

struct ReceiverInput<T> {
    id: usize,
    site: Site,
    ctx: Context,
    receiver: Arc<dyn Receiver<T>>,
    blocks: Arc<BlockStore<T>>,
    bygone: Arc<Bygone>,
    stream: Arc<Stream<T>>,
    clock: Arc<dyn Clock>,
    outcome: Arc<Outcome>,
    settings: ReceiverSettings,
    controller: Option<RateController>,
    supervisor: Mutex<Option<Supervisor>>,
    /// The batches of an earlier process that are still needed.
    restored: Mutex<Vec<Time>>,
    /// The number after that of the last block in the journal, where no more blocks go there.
    journal_ends: OnceLock<u64>,
}

impl<T: Wire> Input for ReceiverInput<T> {
    fn id(&self) -> usize {
        self.id
    }

    fn stream(&self) -> &StreamInfo {
        self.stream.info()
    }

    fn check_position(&self, position: &[u8]) -> Result<(), String> {
        let checked = catch_panic(self.site, || self.receiver.check_position(position));
        checked.map_err(|panic| panic.to_string())?
    }

    fn keep(
        &self,
        keeper: &Arc<Keeper>,
        number: usize,
        past: Option<&InputPast<'_>>,
    ) -> Result<(), StreamError> {
        if self.settings.is_logged {
            self.blocks.log_to(keeper, number);
        }
        let Some(past) = past else { return Ok(()) };
        // What the journal holds is wanted, whether or not more is written there.
        *self.restored.lock() = self.blocks.restore(keeper, number, past);
        self.bygone.find(&self.stream, past);
        if !self.settings.is_logged {
            // An input is restored once.
            let _ = self.journal_ends.set(past.received.next_block);
        }
        Ok(())
    }

    fn mistake_without_directory(&self) -> Option<Mistake> {
        let settings = &self.settings;
        (settings.is_logged && settings.is_log_asked_for).then(|| Mistake {
            site: self.site,
            message: format!(
                "`{}` is set to true, and there is no checkpoint directory to write to; set one \
                 with StreamingContext::checkpoint, get_or_create or `{}`, or leave the setting out",
                conf::RECEIVER_LOG.name(),
                conf::CHECKPOINT_DIRECTORY.name()
            ),
        })
    }

    fn start(&self) -> Result<(), StreamError> {
        for time in std::mem::take(&mut *self.restored.lock()) {
            // As when it was cut: a window may ask for it when its blocks are freed.
            self.plan(time);
        }
        let policy = SupervisorPolicy {
            restart_delay: self.settings.restart_delay,
            start_attempts: self.settings.start_attempts,
            on_failure: self.settings.on_failure,
        };
        let supervisor = Supervisor::start(
            self.id,
            self.site,
            &self.ctx,
            self.receiver.clone(),
            self.blocks.clone(),
            self.clock.clone(),
            policy,
            self.outcome.clone(),
            self.stream.graph().owner,
        )?;
        *self.supervisor.lock() = Some(supervisor);
        Ok(())
    }

    fn begin_stop(&self) {
        if let Some(supervisor) = &*self.supervisor.lock() {
            supervisor.begin_shut_down();
        }
    }

    fn stop(&self, limit: Duration) {
        self.stop_receiving(limit);
    }

    fn stop_receiving(&self, limit: Duration) {
        let supervisor = self.supervisor.lock().take();
        if let Some(supervisor) = supervisor {
            supervisor.shut_down(limit);
        }
    }

    fn allocate(&self, time: Time) -> Result<Allocated, StreamError> {
        let allocated = self.blocks.allocate(time);
        let (records, blocks) = allocated.map_err(|unlogged| StreamError::Received {
            time,
            site: self.site,
            records: unlogged.records,
            message: unlogged.error.to_string(),
        })?;
        self.plan(time);
        Ok(Allocated {
            info: Some(InputInfo {
                records,
                description: None,
            }),
            range: self.range_in_journal(blocks),
        })
    }

    fn has_unallocated(&self) -> bool {
        self.blocks.has_unallocated()
    }

    fn end_batch(&self, time: Time) {
        self.blocks.free(time);
    }

    fn receiver_name(&self) -> Option<String> {
        Some(full_name(&*self.receiver, self.id))
    }

    fn receiver(&self) -> Option<ReceiverInfo> {
        self.supervisor.lock().as_ref().map(Supervisor::info)
    }

    fn rate_controller(&self) -> Option<&RateController> {
        self.controller.as_ref()
    }
}

impl<T> Drop for ReceiverInput<T> {
    fn drop(&mut self) {
        // A context of the receiver that somebody keeps must not keep what is stored.
        self.blocks.clear();
    }
}
