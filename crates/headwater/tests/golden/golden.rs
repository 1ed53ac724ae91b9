//! One run of one case on the manual clock.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use headwater::clock::{Clock, ManualClock};
use headwater::testing::TestStream;
use headwater::time::{Time, millis};
use headwater::{DStream, Error, Rdd, Record, StreamError, StreamingContext};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::case::{Case, Entry};
use crate::compare::{What, compare, json};
use crate::lives::{self, Taken};
use crate::log::Log;

/// A case that is being run.
pub(crate) struct Golden {
    case: Case,
    test: TestStream,
    log: Log,
    /// The batches of this life, counted from 1, where a test is stopped in its middle.
    batches: Option<Range<usize>>,
    is_last_life: bool,
    /// Whether what happened was compared.
    checked: Cell<bool>,
}

/// A test that compares nothing tests nothing.
impl Drop for Golden {
    fn drop(&mut self) {
        let forgotten = !self.checked.get() && !std::thread::panicking();
        assert!(!forgotten, "{} was opened and not compared", self.case.case);
    }
}

impl Golden {
    /// A case that must come out as it was recorded.
    pub(crate) fn open(name: &str) -> Self {
        Golden::of(Case::read(name))
    }

    pub(crate) fn of(case: Case) -> Self {
        if let Some(life) = lives::begin(&case) {
            return Golden {
                test: life.test,
                case,
                log: life.log,
                batches: Some(life.batches),
                is_last_life: life.is_last,
                checked: Cell::new(false),
            };
        }
        let log = Log::default();
        log.begin_run(case.runs.is_some().then_some(1));
        Golden {
            test: TestStream::new(millis(case.batch_ms)),
            case,
            log,
            batches: None,
            is_last_life: true,
            checked: Cell::new(false),
        }
    }

    /// A case that comes out otherwise on purpose; `docs/differences.md` must say how.
    pub(crate) fn open_differing(name: &str) -> Self {
        Golden::open(name)
    }

    /// Changes what is expected, where the difference shows.
    pub(crate) fn expecting(mut self, change: impl Fn(&mut Entry)) -> Self {
        let recorded = self.case.expected.clone();
        self.case.expected.iter_mut().for_each(change);
        assert_ne!(
            recorded, self.case.expected,
            "the recording shows no difference any more"
        );
        self
    }

    /// Spark refuses this pipeline, and here it runs: what it gives then.
    pub(crate) fn not_refused(mut self, entries: Vec<Entry>) -> Self {
        assert!(
            self.case.error.take().is_some(),
            "the recording refuses nothing"
        );
        self.case.expected = entries;
        self
    }

    pub(crate) fn context(&self) -> &StreamingContext {
        self.test.context()
    }

    pub(crate) fn log(&self) -> Log {
        self.log.clone()
    }

    /// A parameter of the case.
    pub(crate) fn param<T: DeserializeOwned>(&self, name: &str) -> T {
        let value = self.case.params.get(name).cloned();
        let value = value.unwrap_or_else(|| panic!("{} has no {name}", self.case.case));
        decode(value)
    }

    /// A parameter that is a duration; its name ends in `_ms`.
    pub(crate) fn length(&self, name: &str) -> Duration {
        millis(self.param(name))
    }

    /// The case's window and slide.
    pub(crate) fn window(&self) -> (Duration, Duration) {
        (self.length("window_ms"), self.length("slide_ms"))
    }

    /// The checkpoint directory that the case asks for, which is empty.
    pub(crate) fn checkpoint_dir(&self) -> PathBuf {
        let wanted = self.case.params.get("checkpoint_dir");
        assert_eq!(wanted.and_then(Value::as_str), Some("any"));
        self.case.fresh_dir("checkpoint")
    }

    /// An empty directory for what the case reads or writes.
    pub(crate) fn work_dir(&self) -> PathBuf {
        self.case.fresh_dir("work")
    }

    /// An input stream: a queue, unless the case says that it is a function of the time.
    pub(crate) fn input<T: Record + DeserializeOwned>(&self, name: &str) -> DStream<T> {
        let batches = self.case.inputs.get(name).cloned();
        let batches = batches.unwrap_or_else(|| panic!("{} has no input {name}", self.case.case));
        let batches: Vec<Vec<T>> = batches
            .into_iter()
            .map(|batch| batch.into_iter().map(decode).collect())
            .collect();
        let partitions = self.case.input_partitions();
        if self.case.params.get("source").and_then(Value::as_str) == Some("by_time") {
            return self.by_time(batches, partitions);
        }
        let one_at_a_time = self
            .case
            .params
            .get("one_at_a_time")
            .and_then(Value::as_bool);
        let default = self.case.params.get("default").cloned();
        if let Some(taken) = lives::taken(name) {
            assert!(default.is_none(), "a queue with a default cannot survive");
            let one_at_a_time = one_at_a_time.unwrap_or(true);
            return self.surviving(batches, partitions, one_at_a_time, taken);
        }
        let default = default.map(|default| {
            let records = decode(default);
            self.context().context().parallelize(records, 1)
        });
        let (queue, stream) = self
            .context()
            .queue_stream_with(one_at_a_time.unwrap_or(true), default);
        for batch in batches {
            queue.push_records(batch, partitions);
        }
        stream
    }

    fn by_time<T: Record>(&self, batches: Vec<Vec<T>>, partitions: usize) -> DStream<T> {
        let ctx = self.context().context().clone();
        let batch_ms = self.case.batch_ms;
        self.context().rdd_stream_by_time(move |time| {
            let number = time.as_millis().unsigned_abs() / batch_ms - 1;
            let batch = usize::try_from(number)
                .ok()
                .and_then(|number| batches.get(number));
            ctx.parallelize(batch.cloned().unwrap_or_default(), partitions)
        })
    }

    /// A queue that knows which batch has taken what, in whichever life.
    fn surviving<T: Record>(
        &self,
        batches: Vec<Vec<T>>,
        partitions: usize,
        one_at_a_time: bool,
        taken: Taken,
    ) -> DStream<T> {
        let ctx = self.context().context().clone();
        self.context().rdd_stream_by_time(move |time| {
            let mut taken = taken.lock().expect("no thread panics with the lock");
            let next = taken.values().map(|range| range.end).max().unwrap_or(0);
            let end = match one_at_a_time {
                true => batches.len().min(next + 1),
                false => batches.len(),
            };
            let range = taken.entry(time).or_insert(next..end.max(next)).clone();
            let rdds: Vec<_> = batches[range]
                .iter()
                .map(|batch| ctx.parallelize(batch.clone(), partitions))
                .collect();
            match rdds.as_slice() {
                [] => ctx.parallelize(Vec::new(), 1),
                [one] => one.clone(),
                many => ctx.union_unmerged(many),
            }
        })
    }

    /// An output operation without a name that collects each batch.
    pub(crate) fn output<T: Record + Serialize>(&self, stream: &DStream<T>) {
        self.collect(stream, None);
    }

    /// An output operation with a name that collects each batch.
    pub(crate) fn output_named<T: Record + Serialize>(
        &self,
        stream: &DStream<T>,
        name: &'static str,
    ) {
        self.collect(stream, Some(name));
    }

    /// An output operation that collects each batch but those in which it fails.
    pub(crate) fn output_failing<T: Record + Serialize>(
        &self,
        stream: &DStream<T>,
        name: &'static str,
        fails: impl Fn(Time) -> bool + Send + Sync + 'static,
    ) {
        self.collect_unless(stream, Some(name), fails);
    }

    fn collect<T: Record + Serialize>(&self, stream: &DStream<T>, name: Option<&'static str>) {
        self.collect_unless(stream, name, |_| false);
    }

    fn collect_unless<T: Record + Serialize>(
        &self,
        stream: &DStream<T>,
        name: Option<&'static str>,
        fails: impl Fn(Time) -> bool + Send + Sync + 'static,
    ) {
        let log = self.log.clone();
        stream.foreach_rdd(move |rdd, time| {
            assert!(!fails(time), "the case says so");
            let partitions = rdd.glom().collect()?;
            let partitions = partitions
                .iter()
                .map(|part| part.iter().map(json).collect());
            log.push(time, name, What::Batch(partitions.collect()));
            Ok::<_, Error>(())
        });
    }

    /// Runs all batches, none of which may fail, and compares what happened with what is
    /// expected.
    pub(crate) fn run(self) {
        self.run_and(0, |_| {});
    }

    /// As [`Golden::run`], with something that is done after a batch, counted from 1.
    pub(crate) fn run_and(self, after: usize, then: impl FnOnce(&Self)) {
        assert!(
            self.case.error.is_none(),
            "{} ends in an error",
            self.case.case
        );
        let mut then = Some(then);
        let whole = 1..self.case.batch_count() + 1;
        for number in self.batches.clone().unwrap_or(whole) {
            let result = self.run_batch();
            assert!(
                result.is_ok(),
                "{}: batch {number}: {result:?}",
                self.case.case
            );
            if number == after
                && let Some(then) = then.take()
            {
                then(&self);
            }
        }
        self.check();
    }

    /// As [`Golden::run`]; after the last batch the files in a directory are noted.
    pub(crate) fn run_and_note_files(self, dir: &Path) {
        let last = self.case.batch_count();
        self.run_and(last, |golden| golden.note_files(dir));
    }

    /// Runs one batch and notes what it wrote to the console.
    ///
    /// # Errors
    /// What made the stream fail, in this batch or before.
    pub(crate) fn run_batch(&self) -> Result<(), StreamError> {
        let before = self.test.console().len();
        let result = self.test.try_run(1);
        let written = self.test.console().split_off(before);
        if !written.is_empty() {
            self.log.push(self.now(), None, What::Console(written));
        }
        result
    }

    /// Runs this life of the program to the end that the case gives it.
    pub(crate) fn run_life(&self) {
        let runs = self.case.runs.as_ref().expect("the program has lives");
        let life = self.log.run().expect("it is in one of them");
        let end = runs[life - 1].last().expect("every life has batches");
        while self.now().as_millis() < *end {
            let result = self.run_batch();
            assert!(
                result.is_ok(),
                "{}: life {life}: {result:?}",
                self.case.case
            );
        }
    }

    /// Begins the first life of the program otherwise than on a stream with the defaults.
    pub(crate) fn begin(&mut self, begin: impl FnOnce(ManualClock) -> TestStream) {
        self.test = begin(ManualClock::new());
    }

    pub(crate) fn batch_ms(&self) -> u64 {
        self.case.batch_ms
    }

    /// Stops the program and begins its next life, in which the pipeline is built again.
    /// The clock jumps in between as the case says.
    pub(crate) fn restart(&mut self, begin: impl FnOnce(ManualClock) -> TestStream) {
        let stopped = self.context().stop(true, false);
        assert!(stopped.is_ok(), "{}: {stopped:?}", self.case.case);
        let next = self.now() + self.length("clock_jump_ms");
        self.test = begin(ManualClock::at(next));
        self.log.begin_run(self.log.run().map(|run| run + 1));
    }

    /// Runs batches until the one that must fail, compares what happened before it, and
    /// returns the error.
    pub(crate) fn failure(&self) -> String {
        let recorded = self.case.error.as_ref().expect("the recording fails");
        assert_eq!(recorded.phase, "run");
        let time_ms = recorded.time_ms.expect("it fails in a batch");
        let failed = (0..self.case.batch_count()).find_map(|_| self.run_batch().err());
        let failed = failed.unwrap_or_else(|| panic!("{}: no batch fails", self.case.case));
        assert_eq!(self.now().as_millis(), time_ms, "{failed}");
        self.log.forget_from(time_ms);
        self.check();
        failed.to_string()
    }

    /// Compares what happened with what is expected.
    pub(crate) fn check(&self) {
        self.checked.set(true);
        if !self.is_last_life {
            return;
        }
        if let Err(difference) = compare(&self.case, &self.log.entries()) {
            panic!("{difference}");
        }
    }

    /// What `start` says to a pipeline that it must refuse; nothing may have run.
    pub(crate) fn refusal(&self) -> String {
        let phase = self.case.error.as_ref().map(|error| error.phase.as_str());
        assert!(matches!(phase, Some("build" | "start")), "{phase:?}");
        let refused = self
            .context()
            .start()
            .expect_err("the pipeline must be refused");
        self.check();
        refused.to_string()
    }

    /// Notes the answer to `slice`.
    pub(crate) fn note_slice<T: Record + Serialize>(&self, rdds: &[Rdd<T>]) {
        let records = rdds.iter().map(|rdd| {
            let records = rdd.collect().expect("a slice can be computed");
            records.iter().map(json).collect()
        });
        self.log
            .push(self.now(), Some("slice"), What::Slice(records.collect()));
    }

    /// Notes the files in a directory, those in its directories included; names that begin
    /// with a dot are left out.
    pub(crate) fn note_files(&self, dir: &Path) {
        let mut files = BTreeMap::new();
        read_files(dir, "", &mut files)
            .unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
        self.log.push(self.now(), None, What::Files(files));
    }

    fn now(&self) -> Time {
        self.test.clock().now()
    }
}

fn read_files(
    dir: &Path,
    prefix: &str,
    files: &mut BTreeMap<String, String>,
) -> std::io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        let path = format!("{prefix}{name}");
        if entry.file_type()?.is_dir() {
            read_files(&entry.path(), &format!("{path}/"), files)?;
        } else {
            files.insert(path, fs::read_to_string(entry.path())?);
        }
    }
    Ok(())
}

fn decode<T: DeserializeOwned>(value: Value) -> T {
    let text = value.to_string();
    serde_json::from_value(value).unwrap_or_else(|error| panic!("{text}: {error}"))
}
