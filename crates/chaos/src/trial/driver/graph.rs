//! What the stream computes, and where it stores it.

use headwater::sqlite::SqliteSink;
use headwater::time::{Time, millis};
use headwater::{
    DStream, InverseWindow, Record, State, StateSpec, StreamingContext, UpdateStateSpec,
};

use super::DATABASE;
use super::receiver::SequencedReceiver;
use super::sink::FailingSink;
use crate::trial::error::ChaosError;
use crate::trial::event::Event;
use crate::trial::options::Drive;
use crate::trial::plan::{Settings, Version};

/// How far apart batches are.
pub(crate) const BATCH_MS: u64 = 60;
/// The window with an inverse function; it slides with the batches.
pub(crate) const WINDOW_MS: u64 = 4 * BATCH_MS;
/// The window without one.
pub(crate) const PLAIN_WINDOW_MS: u64 = 6 * BATCH_MS;
/// How far apart the windows without an inverse function are.
pub(crate) const PLAIN_SLIDE_MS: u64 = 2 * BATCH_MS;

/// The table of the records, as they came.
pub(crate) const RECORDS: &str = "records";
/// The table of what `map_with_state` gave for each record.
pub(crate) const COUNTED: &str = "counted";
/// The table of the totals of `update_state_by_key`, and the name of their state.
pub(crate) const TOTALS: &str = "totals";
/// What some versions of the program call that state.
pub(super) const TOTALS_RENAMED: &str = "sums";
/// The table of the windows with an inverse function.
pub(crate) const INVERSE: &str = "inverse_windows";
/// The table of the windows without one.
pub(crate) const PLAIN: &str = "plain_windows";
/// How the names of the directories of text files begin.
pub(crate) const FILES: &str = "events";

/// How many records, and the sum of their values.
type Total = (i64, i64);

fn add(a: Total, b: Total) -> Total {
    (a.0 + b.0, a.1 + b.1)
}

/// Builds the graph.
pub(super) fn build(
    ssc: &StreamingContext,
    drive: &Drive,
    settings: &Settings,
) -> Result<(), ChaosError> {
    let seed = settings.seed;
    let receiver = SequencedReceiver::new(&drive.source, settings.receiver_fails, seed);
    let version = settings.version;
    let mut events = ssc.receiver_stream(receiver).named("events");
    if version.filters {
        events = events.filter(|event| event.number > 0);
    }
    let pairs = events.map(|event| (event.key, (1, event.value)));
    let counted = count_in_state(&events);
    let windows = (millis(WINDOW_MS), millis(PLAIN_WINDOW_MS));
    let in_use = InverseWindow::new().filter(|_, total: &Total| total.0 != 0);
    let subtract = |a: Total, b: Total| (a.0 - b.0, a.1 - b.1);
    let inverse = pairs
        .reduce_by_key_and_window_inverse_with(add, subtract, windows.0, None, in_use)
        .named("inverse windows");
    let plain = pairs.reduce_by_key_and_window(add, windows.1, millis(PLAIN_SLIDE_MS));
    let totals = totals(&pairs, version);
    if version.looks_first {
        look_back(&totals, version);
    }

    let sinks = Sinks { drive, settings };
    let records = events.map(|event| (event.number, event.key, event.value));
    let columns = ["number", "key", "value", "batch"];
    let row = |((number, key, value), batch)| (number, key, value, batch);
    at_batches(&records).write_to(sinks.open(RECORDS, columns, row)?);
    let columns = ["number", "key", "count", "sum", "batch"];
    let row = |((number, key, total), batch): ((i64, i64, Total), i64)| {
        (number, key, total.0, total.1, batch)
    };
    at_batches(&counted).write_to(sinks.open(COUNTED, columns, row)?);
    at_batches(&totals).write_to(sinks.open_totals()?);
    for (name, windows) in [(INVERSE, inverse), (PLAIN, plain)] {
        at_batches(&windows).write_to(sinks.open(name, TOTAL_COLUMNS, total_row)?);
    }
    let lines = events.map(|event| event.to_string());
    let prefix = drive.directory.join(FILES);
    lines.save_as_text_files(&prefix.to_string_lossy(), None);
    if !version.looks_first {
        look_back(&totals, version);
    }
    Ok(())
}

/// Each record with the count and the sum of its key up to it.
fn count_in_state(events: &DStream<Event>) -> DStream<(i64, i64, Total)> {
    let count = |key: &i64, event: Option<(i64, i64)>, total: &mut State<'_, Total>| {
        let (number, value) = event.unwrap_or_default();
        let new = add(total.get().copied().unwrap_or_default(), (1, value));
        total.update(new);
        (number, *key, new)
    };
    let spec = StateSpec::function(count);
    let numbered = events.map(|event| (event.key, (event.number, event.value)));
    numbered.map_with_state(spec).named("counted").stream()
}

fn totals(pairs: &DStream<(i64, Total)>, version: Version) -> DStream<(i64, Total)> {
    let update = |new: Vec<Total>, old: Option<Total>| {
        Some(new.into_iter().fold(old.unwrap_or_default(), add))
    };
    let spec = UpdateStateSpec::function(update);
    let totals = pairs.update_state_by_key_with(spec);
    totals.named(match version.renames {
        true => TOTALS_RENAMED,
        false => TOTALS,
    })
}

/// Looks at the totals of the last batches, as far as the version does.
fn look_back(totals: &DStream<(i64, Total)>, version: Version) {
    if version.looks_back > 0 {
        let window = totals.window(millis(BATCH_MS) * version.looks_back, None);
        window.foreach_rdd(|rdd, _| rdd.count().map(drop));
    }
}

/// The records, each with the time of its batch.
fn at_batches<T: Record>(stream: &DStream<T>) -> DStream<(T, i64)> {
    stream.transform(|rdd, time: Time| {
        let batch = time.as_millis();
        rdd.map(move |record| (record, batch))
    })
}

const TOTAL_COLUMNS: [&str; 4] = ["key", "count", "sum", "batch"];

fn total_row(((key, total), batch): ((i64, Total), i64)) -> (i64, i64, i64, i64) {
    (key, total.0, total.1, batch)
}

/// Opens the sinks of the graph.
struct Sinks<'a> {
    drive: &'a Drive,
    settings: &'a Settings,
}

impl Sinks<'_> {
    /// A table without constraints: what is stored twice is there twice.
    fn open<T: Record, const N: usize, R: headwater::sqlite::Row<N>>(
        &self,
        table: &str,
        columns: [&str; N],
        row: impl Fn(T) -> R + Send + Sync + 'static,
    ) -> Result<FailingSink<SqliteSink<T>>, ChaosError> {
        let setup = format!(
            "create table if not exists {table} ({} integer)",
            columns.join(" integer, ")
        );
        let path = self.drive.directory.join(DATABASE);
        let sink = SqliteSink::builder(path, table, columns, row)
            .setup(setup)
            .open()?;
        Ok(self.failing(table, sink))
    }

    /// The table in which the latest total of a key takes the place of the one before.
    fn open_totals(&self) -> Result<FailingSink<SqliteSink<((i64, Total), i64)>>, ChaosError> {
        let path = self.drive.directory.join(DATABASE);
        let setup = "create table if not exists totals \
                     (key integer primary key, count integer, sum integer, batch integer)";
        let sink = SqliteSink::builder(path, TOTALS, TOTAL_COLUMNS, total_row)
            .setup(setup)
            .upsert_on(["key"])
            .open()?;
        Ok(self.failing(TOTALS, sink))
    }

    fn failing<S>(&self, table: &str, sink: S) -> FailingSink<S> {
        // Each sink fails at moments of its own.
        let own = table
            .bytes()
            .fold(0, |own: u64, byte| own.rotate_left(7) ^ u64::from(byte));
        FailingSink::new(sink, self.settings.sink_fails, self.settings.seed ^ own)
    }
}
