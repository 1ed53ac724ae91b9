//! The output operation that drives a transactional sink.

use std::sync::Arc;

use headwater_core::{PartitionIter, Rdd, Record, Site};
use parking_lot::Mutex;

use super::{Begun, TransactionalSink};
use crate::dstream::{Attempts, BatchId, BatchRun, DStream, write_partitions};
use crate::graph::OutputId;

impl<T: Record> DStream<T> {
    /// Writes every batch to a sink, exactly once: what in Spark is
    /// `foreachRDD(rdd => rdd.foreachPartition(..))` with a transaction of one's own that
    /// stores a unique id, as its programming guide recommends for output operations.
    ///
    /// The records are computed and staged on the tasks; when all of them are, one
    /// transaction stores them with the batch's [`BatchId`]. An output that is tried again
    /// (`streaming.output.attempts`) and a batch that is run again after a crash find the
    /// id and write nothing. If the answer to a commit is lost, the sink is asked whether
    /// it has the batch. A batch that fails for good leaves nothing in the sink. So does one
    /// that the sink has though this stream cannot have stored it, as where another stream
    /// writes under the same [name](TransactionalSink::name): it fails, and says so.
    ///
    /// Sinks for SQLite and PostgreSQL are in crates of their own; see
    /// [`TransactionalSink`] for how to write one.
    ///
    /// ```
    /// use headwater_core::PartitionIter;
    /// use headwater_streaming::testing::TestStream;
    /// use headwater_streaming::time::seconds;
    /// use headwater_streaming::{BatchId, BatchRun, Begun, TransactionalSink};
    /// use std::collections::BTreeMap;
    /// use std::sync::{Arc, Mutex};
    ///
    /// /// Batches that are staged, partition by partition, and those that are stored.
    /// #[derive(Default)]
    /// struct Memory {
    ///     staged: Mutex<BTreeMap<BatchId, BTreeMap<usize, Vec<i32>>>>,
    ///     stored: Mutex<BTreeMap<BatchId, Vec<i32>>>,
    /// }
    ///
    /// impl TransactionalSink<i32> for Memory {
    ///     fn recover(&self) -> Result<(), String> {
    ///         Ok(()) // No process before this one has left anything.
    ///     }
    ///     fn begin(&self, run: &BatchRun) -> Result<Begun, String> {
    ///         if self.stored.lock().unwrap().contains_key(&run.id) {
    ///             return Ok(Begun::Committed);
    ///         }
    ///         self.staged.lock().unwrap().insert(run.id, BTreeMap::new());
    ///         Ok(Begun::Open)
    ///     }
    ///     fn write(&self, id: BatchId, at: usize, of: PartitionIter<i32>) -> Result<(), String> {
    ///         let mut staged = self.staged.lock().unwrap();
    ///         staged.get_mut(&id).ok_or("not open")?.insert(at, of.into_vec());
    ///         Ok(())
    ///     }
    ///     fn commit(&self, id: BatchId) -> Result<(), String> {
    ///         let batch = self.staged.lock().unwrap().remove(&id).ok_or("not open")?;
    ///         self.stored.lock().unwrap().insert(id, batch.into_values().flatten().collect());
    ///         Ok(())
    ///     }
    ///     fn abort(&self, id: BatchId) -> Result<(), String> {
    ///         self.staged.lock().unwrap().remove(&id);
    ///         Ok(())
    ///     }
    /// }
    ///
    /// let test = TestStream::new(seconds(1));
    /// let sink = Arc::new(Memory::default());
    /// test.input(vec![vec![1, 2, 3], vec![4]]).write_to(sink.clone());
    /// test.run(2);
    /// let stored: Vec<_> = sink.stored.lock().unwrap().values().cloned().collect();
    /// assert_eq!(stored, [vec![1, 2, 3], vec![4]]);
    /// ```
    #[track_caller]
    pub fn write_to(&self, sink: impl TransactionalSink<T>) -> OutputId {
        let site = Site::here("write_to");
        let name = sink.name();
        let output = SinkOutput {
            site,
            sink: Arc::new(sink),
            recovered: Mutex::new(false),
        };
        let id = self.output_with_attempts(site, move |rdd, attempts| output.run(rdd, attempts));
        self.graph().name_output(id, name);
        id
    }
}

/// A sink as an output operation.
struct SinkOutput<T> {
    site: Site,
    sink: Arc<dyn TransactionalSink<T>>,
    recovered: Mutex<bool>,
}

impl<T: Record> SinkOutput<T> {
    fn run(&self, rdd: &Rdd<T>, attempts: &Attempts) -> Result<(), String> {
        self.recover_once()?;
        let batch = attempts.id;
        if self.begin(&attempts.next())? == Begun::Committed {
            if !attempts.may_have_stored() {
                return Err(self.of_another(batch));
            }
            tracing::info!(%batch, output = %self.site, "the sink has the batch already");
            return Ok(());
        }
        if let Err(message) = self.write(rdd, batch) {
            self.abort(batch);
            return Err(message);
        }
        attempts.commits();
        match self.sink.commit(batch) {
            Ok(()) => Ok(()),
            Err(message) => self.resolve(batch, message),
        }
    }

    /// Why a batch that the sink has is not taken for this stream's: its records would be lost
    /// without a word.
    fn of_another(&self, batch: BatchId) -> String {
        let name = self.sink.name();
        let under = name.map_or(String::new(), |name| format!(" under the name `{name}`"));
        format!(
            "the sink has batch {batch}{under} already, though this stream cannot have stored it; \
             nothing is written. If another stream writes there{under}, give the sink of each a \
             name of its own (`named`). Otherwise the clock was set back, or the checkpoint \
             directory is missing or an older copy: the sink has batches that this stream does \
             not know of"
        )
    }

    fn recover_once(&self) -> Result<(), String> {
        let mut recovered = self.recovered.lock();
        if !*recovered {
            let cleaned = self.sink.recover();
            cleaned.map_err(|message| {
                format!("the sink cannot clean up after earlier runs: {message}")
            })?;
            *recovered = true;
        }
        Ok(())
    }

    fn begin(&self, run: &BatchRun) -> Result<Begun, String> {
        let begun = self.sink.begin(run);
        begun.map_err(|message| format!("the sink cannot begin batch {}: {message}", run.id))
    }

    fn write(&self, rdd: &Rdd<T>, batch: BatchId) -> Result<(), String> {
        let sink = self.sink.clone();
        let write = move |partition, records: PartitionIter<T>| {
            let written = sink.write(batch, partition, records);
            written.map_err(|message| {
                let key = batch.partition(partition);
                format!("the sink cannot take partition {key}: {message}")
            })
        };
        let written = self.site.cover(|| write_partitions(rdd, write));
        written.map_err(|error| error.to_string())
    }

    /// Finds out what has become of a commit that says that it failed: its answer may be
    /// all that was lost.
    fn resolve(&self, batch: BatchId, message: String) -> Result<(), String> {
        match self.sink.begin(&BatchRun::again(batch)) {
            Ok(Begun::Committed) => {
                tracing::warn!(batch = %batch, output = %self.site,
                    "a commit said that it failed, but the sink has the batch: {message}; if that \
                     says that the batch was stored already, another stream writes there under \
                     the same name");
                Ok(())
            }
            Ok(Begun::Open) => {
                self.abort(batch);
                Err(format!("the sink cannot commit batch {batch}: {message}"))
            }
            Err(unknown) => Err(format!(
                "the sink cannot commit batch {batch}: {message}; whether it did is not known, \
                 and stays so unless the batch is run again: {unknown}"
            )),
        }
    }

    /// The failure that led here is the one to report.
    fn abort(&self, batch: BatchId) {
        if let Err(message) = self.sink.abort(batch) {
            tracing::warn!(batch = %batch, output = %self.site, "cannot abort: {message}");
        }
    }
}
