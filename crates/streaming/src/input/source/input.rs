//! The life of a source behind a stream: asked once for each batch, and again after a restart.

use std::collections::BTreeMap;
use std::mem;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use headwater_core::{Context, Rdd, Record, Site};
use parking_lot::Mutex;

use super::asked::ask;
use super::{InputSource, SourceBatch};
use crate::StreamingContext;
use crate::checkpoint::{Entry, InputPast, InputRange, Keeper};
use crate::conf::OnFailure;
use crate::error::{PlanError, StreamError};
use crate::events::InputInfo;
use crate::graph::{AnyStream, Stream, StreamInfo};
use crate::input::bygone::Bygone;
use crate::input::{Allocated, Input};
use crate::rate::{RateController, ReadRate};
use crate::time::Time;

/// What the source gave for the batches that the stream remembers, errors included: it is
/// asked only once.
pub(super) struct Cut<T> {
    batches: Mutex<BTreeMap<Time, Result<Rdd<T>, PlanError>>>,
    bygone: Bygone,
}

impl<T> Default for Cut<T> {
    fn default() -> Self {
        Cut {
            batches: Mutex::default(),
            bygone: Bygone::default(),
        }
    }
}

impl<T: Record> Cut<T> {
    pub(super) fn rdd(&self, ctx: &Context, of: (Site, Time)) -> Result<Rdd<T>, PlanError> {
        let (_, time) = of;
        let known = self.batches.lock().get(&time).cloned();
        let fate = "a source is asked only once";
        known.unwrap_or_else(|| self.bygone.rdd(ctx, of, fate))
    }
}

/// The rates of a source: published at the end of batches, told before the next one is cut.
pub(super) struct SourceRates {
    batch: Duration,
    controller: RateController,
    /// The rate that the source was not told yet.
    news: Arc<Mutex<Option<u64>>>,
}

impl SourceRates {
    /// `None` without backpressure.
    pub(super) fn new(ssc: &StreamingContext) -> Option<Self> {
        let settings = ssc.receiver_settings().rates;
        let batch = ssc.batch_duration();
        let news = Arc::new(Mutex::new(settings.first_read_rate()));
        let published = news.clone();
        let controller = settings.controller(batch, move |rate| {
            *published.lock() = Some(rate);
            rate
        })?;
        Some(SourceRates {
            batch,
            controller,
            news,
        })
    }

    fn news(&self) -> Option<ReadRate> {
        let rate = self.news.lock().take()?;
        Some(ReadRate::new(rate, self.batch))
    }
}

/// The life of a source.
pub(super) enum Phase<T> {
    New(Box<dyn InputSource<T>>),
    Running(Box<dyn InputSource<T>>),
    Stopped,
}

/// A source as an input of the graph.
pub(super) struct SourceInput<T> {
    pub(super) id: usize,
    pub(super) site: Site,
    pub(super) ctx: Context,
    pub(super) phase: Mutex<Phase<T>>,
    pub(super) cut: Arc<Cut<T>>,
    /// The batches of an earlier process.
    pub(super) restored: Mutex<Vec<(Time, Option<InputRange>)>>,
    /// The last one of them that was done, and that state has taken in.
    pub(super) restored_at: Mutex<Option<Time>>,
    pub(super) rates: Option<SourceRates>,
    /// Whether a batch that it failed for goes on without it.
    pub(super) on_failure: OnFailure,
    /// The checkpoint directory, if there is one, and the number of the input there.
    pub(super) kept: OnceLock<(Arc<Keeper>, usize)>,
    /// Where the source began in an earlier process.
    pub(super) origin: Mutex<Option<Vec<u8>>>,
    pub(super) stream: Arc<Stream<T>>,
}

impl<T: Record> SourceInput<T> {
    /// Asks the source; `None` if it has stopped.
    fn compute(&self, time: Time) -> Option<Result<SourceBatch<T>, PlanError>> {
        let mut phase = self.phase.lock();
        let Phase::Running(source) = &mut *phase else {
            return None;
        };
        let news = self.rates.as_ref().and_then(SourceRates::news);
        let scope = self.stream.info().scope(time);
        let asked = ask(self.site, || {
            if let Some(rate) = news {
                source.set_rate(rate);
            }
            scope.within(|| Site::uncover(|| source.compute(time, &self.ctx)))
        });
        Some(match asked {
            Ok(given) => given.map_err(|message| PlanError::new(self.site, message)),
            Err(panic) => Err(PlanError::from_panic(self.site, &panic)),
        })
    }
}

impl<T: Record> SourceInput<T> {
    /// Brings the source to where it has begun, or has it written where it begins.
    fn begin(&self, source: &mut dyn InputSource<T>) -> Result<(), String> {
        let Some((keeper, number)) = self.kept.get() else {
            return Ok(());
        };
        if let Some(origin) = &*self.origin.lock() {
            let recalled = ask(self.site, || source.recall_origin(origin));
            return recalled.map_err(|panic| panic.to_string())?;
        }
        let origin = ask(self.site, || source.origin());
        let Some(origin) = origin.map_err(|panic| panic.to_string())? else {
            return Ok(());
        };
        let written = keeper.append(Entry::Block {
            input: *number,
            block: 0,
            records: 0,
            position: Some(origin),
            bytes: Vec::new(),
        });
        let synced = written.and_then(|at| keeper.sync_to(at));
        synced.map_err(|error| error.to_string())
    }

    /// Makes the batches of an earlier process again.
    fn restore(&self, source: &mut dyn InputSource<T>) -> Result<(), String> {
        let restored = mem::take(&mut *self.restored.lock());
        for (time, range) in &restored {
            let Some(InputRange::Source(range)) = range else {
                continue;
            };
            let recalled = ask(self.site, || source.recall(*time, range));
            recalled.map_err(|panic| panic.to_string())??;
        }
        let ended = self.restored_at.lock().unwrap_or(Time::ZERO);
        let needed_after = ended - self.stream.info().remembered();
        // What windows read is made again, and what was not done; a source that is asked anew
        // is not asked for more than that.
        let info = self.stream.info();
        let is_asked = |time: Time| time > ended || info.remembered() > info.slide;
        let is_needed = |(time, range): &(Time, Option<InputRange>)| {
            *time > needed_after && (*range != Some(InputRange::Anew) || is_asked(*time))
        };
        for (time, range) in restored.into_iter().filter(is_needed) {
            let scope = info.scope(time);
            let made = ask(self.site, || {
                scope.within(|| Site::uncover(|| self.make_again(source, time, range)))
            });
            let batch = made.map_err(|panic| panic.to_string())??;
            self.cut.batches.lock().insert(time, Ok(batch.rdd));
            // As when it was cut: a window may ask for it when the batch is long over.
            self.stream.rdd(time).map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// What belonged to a batch of an earlier process.
    fn make_again(
        &self,
        source: &mut dyn InputSource<T>,
        time: Time,
        range: Option<InputRange>,
    ) -> Result<SourceBatch<T>, String> {
        match range {
            Some(InputRange::Source(range)) => source.restore(time, &range, &self.ctx),
            Some(InputRange::Anew) => {
                let batch = source.compute(time, &self.ctx)?;
                match batch.range {
                    None => Ok(batch),
                    Some(_) => Err(format!(
                        "it gives ranges now, and gave none when the batch at {time} was cut, \
                         which is still needed: what belonged to it cannot be told from what came \
                         since; go on with the source as it was until no window needs that batch, \
                         or have the stream begin anew under another name (DStream::named)"
                    )),
                }
            }
            // The batch was cut without this input.
            Some(InputRange::Blocks { .. }) | None => Ok(self.ctx.empty().into()),
        }
    }

    /// Whether a batch may not be cut when the source has failed: with what the source gives when
    /// it is asked again, another process would run another batch. Where the stream goes on after
    /// failures, the batch is cut without the source.
    fn may_not_fail(&self) -> bool {
        self.kept.get().is_some() && self.on_failure == OnFailure::Stop
    }
}

impl<T: Record> Input for SourceInput<T> {
    fn id(&self) -> usize {
        self.id
    }

    fn stream(&self) -> &StreamInfo {
        self.stream.info()
    }

    fn keep(
        &self,
        keeper: &Arc<Keeper>,
        number: usize,
        past: Option<&InputPast<'_>>,
    ) -> Result<(), StreamError> {
        // There is one directory for each stream.
        let _ = self.kept.set((keeper.clone(), number));
        *self.origin.lock() = past.and_then(|past| past.received.position.clone());
        *self.restored.lock() = past.map(|past| past.cuts.clone()).unwrap_or_default();
        *self.restored_at.lock() = past.map(|past| past.taken_in);
        if let Some(past) = past {
            self.cut.bygone.find(&self.stream, past);
        }
        Ok(())
    }

    fn reaches_back(&self) -> Duration {
        match &*self.phase.lock() {
            Phase::New(source) | Phase::Running(source) => source.reaches_back(),
            Phase::Stopped => Duration::ZERO,
        }
    }

    fn check_position(&self, position: &[u8]) -> Result<(), String> {
        match &*self.phase.lock() {
            Phase::New(source) | Phase::Running(source) => {
                let checked = ask(self.site, || source.check_origin(position));
                checked.map_err(|panic| panic.to_string())?
            }
            Phase::Stopped => Ok(()),
        }
    }

    fn start(&self) -> Result<(), StreamError> {
        let mut phase = self.phase.lock();
        let Phase::New(mut source) = mem::replace(&mut *phase, Phase::Stopped) else {
            return Ok(());
        };
        let started = ask(self.site, || source.start());
        let started = started.map_err(|panic| panic.to_string()).flatten();
        let started = started.and_then(|()| self.begin(&mut *source));
        let started = started.and_then(|()| self.restore(&mut *source));
        *phase = Phase::Running(source);
        started.map_err(|message| {
            StreamError::State(format!("{}: the source cannot start: {message}", self.site))
        })
    }

    fn stop(&self, _limit: Duration) {
        let mut phase = self.phase.lock();
        if let Phase::Running(mut source) = mem::replace(&mut *phase, Phase::Stopped)
            && let Err(panic) = ask(self.site, || source.stop())
        {
            tracing::error!("{}: the source stopped badly: {panic}", self.site);
        }
    }

    fn allocate(&self, time: Time) -> Result<Allocated, StreamError> {
        if self.cut.batches.lock().contains_key(&time) {
            return Ok(Allocated::default());
        }
        let Some(given) = self.compute(time) else {
            // The stream is being stopped; what there is belongs to a later batch.
            self.cut.batches.lock().insert(time, Ok(self.ctx.empty()));
            return Ok(Allocated::default());
        };
        if let (Err(error), true) = (&given, self.may_not_fail()) {
            return Err(StreamError::Source {
                time,
                site: self.site,
                message: error.message.to_string(),
            });
        }
        let info = given.as_ref().ok().and_then(|batch| {
            Some(InputInfo {
                records: batch.records?,
                description: batch.description.clone(),
            })
        });
        let range = given.as_ref().ok().map(|batch| match &batch.range {
            Some(range) => InputRange::Source(range.clone()),
            None => InputRange::Anew,
        });
        let rdd = given.map(|batch| batch.rdd);
        self.cut.batches.lock().insert(time, rdd);
        // Made now, not when a window asks for it later: by then the batch may be done.
        if let Err(error) = self.stream.rdd(time) {
            tracing::error!(batch = %time, "{error}");
        }
        Ok(Allocated { info, range })
    }

    fn committed(&self, time: Time) {
        if let Phase::Running(source) = &mut *self.phase.lock()
            && let Err(panic) = ask(self.site, || source.committed(time))
        {
            tracing::error!("{}: committed() of the source failed: {panic}", self.site);
        }
    }

    fn end_batch(&self, time: Time) {
        let last_kept = time - self.stream.info().remembered();
        let mut batches = self.cut.batches.lock();
        let kept = batches.split_off(&(last_kept + Duration::from_millis(1)));
        let forgotten = mem::replace(&mut *batches, kept);
        drop(batches);
        // Freed without the lock: RDDs may hold anything.
        drop(forgotten);
    }

    fn rate_controller(&self) -> Option<&RateController> {
        self.rates.as_ref().map(|rates| &rates.controller)
    }
}
