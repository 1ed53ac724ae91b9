//! `soak`: whether anything grows over a great many batches.

use std::sync::{Arc, OnceLock};

use headwater::testing::TestStream;
use headwater::time::seconds;
use headwater::{Context, DStream, Receiver, ReceiverContext};

use crate::children;
use crate::directory::{Contents, Directory};
use crate::error::BenchError;
use crate::measure::{MB, rss_mb};
use crate::observers::{Observers, settings};
use crate::options::Options;
use crate::stream::context;
use crate::table::Row;

/// How many records a batch has, of how many keys.
const RECORDS: u64 = 20;
const KEYS: u64 = 1_000;
/// In how many parts the run is cut, and after how many batches one looks in between.
const SAMPLES: usize = 10;
const LOOK_EACH: u64 = 50;
/// The sample after which the stream counts as warm.
const WARM: usize = 1;
/// The part that runs with everybody looking, in a process of its own.
const OBSERVED: &str = "observed";
/// Event logs are bounded, too: this small, their bound is met long before the end.
const LOG: [(&str, &str); 2] = [("event_log.roll", "4m"), ("event_log.parts_max", "4")];

/// A receiver whose records the benchmark brings, so that each batch has its own.
#[derive(Clone, Default)]
pub(crate) struct Given(pub(crate) Arc<OnceLock<ReceiverContext<(u64, u64)>>>);

impl Receiver<(u64, u64)> for Given {
    fn on_start(&self, ctx: &ReceiverContext<(u64, u64)>) -> Result<(), String> {
        // It is started once.
        let _ = self.0.set(ctx.clone());
        Ok(())
    }

    fn on_stop(&self) {}
}

/// The most that was there for a while.
#[derive(Default)]
struct Sample {
    rss_mb: f64,
    checkpoint: Contents,
    log: Contents,
}

impl Sample {
    fn raise_to(&mut self, rss_mb: f64, checkpoint: Contents, log: Contents) {
        self.rss_mb = self.rss_mb.max(rss_mb);
        self.checkpoint.raise_to(checkpoint);
        self.log.raise_to(log);
    }
}

/// Runs the stream twice, or the part of it that this process is for: as it is, and with
/// everybody looking at it.
pub(crate) fn run(options: &Options) -> Result<Vec<Row>, BenchError> {
    match options.part.as_deref() {
        None => {}
        Some(OBSERVED) => return observed(options.batches),
        Some(part) => {
            return Err(BenchError::Unknown {
                name: part.to_owned(),
                known: OBSERVED.to_owned(),
            });
        }
    }
    let mut rows = unobserved(options.batches)?;
    let part = Some(OBSERVED.to_owned());
    let options = Options {
        part,
        ..options.clone()
    };
    rows.extend(children::figures("soak", &options)?);
    Ok(rows)
}

fn unobserved(batches: usize) -> Result<Vec<Row>, BenchError> {
    let checkpoint = Directory::new()?;
    let (test, given) = stream(&context(&[])?, &checkpoint)?;
    test.context().start()?;
    let samples = sample(batches, &test, &given, || {
        Ok((checkpoint.contents()?, Contents::default()))
    })?;
    Ok(rows_of("soak", &samples, &METRICS))
}

/// With pages, one of them open, metrics that are scraped, an event log, and progress.
fn observed(batches: usize) -> Result<Vec<Row>, BenchError> {
    let (checkpoint, logs) = (Directory::new()?, Directory::new()?);
    let logs_name = logs.name();
    let settings = [settings(&logs_name), LOG.to_vec()].concat();
    let (test, given) = stream(&context(&settings)?, &checkpoint)?;
    let observers = Observers::start(test.context())?;
    test.context().start()?;
    let samples = sample(batches, &test, &given, || {
        // What waits to be told is bounded as well, but it would make the figures jump.
        test.context().context().events().flush();
        Ok((checkpoint.contents()?, logs.contents()?))
    })?;
    test.context().stop(false, false)?;
    observers.end()?;
    let metrics = [&METRICS[..], &LOG_METRICS].concat();
    Ok(rows_of("soak/observed", &samples, &metrics))
}

/// Batches of a second on a manual clock: a receiver, a state, a window, a directory.
fn stream(ctx: &Context, checkpoint: &Directory) -> Result<(TestStream, Given), BenchError> {
    let test = TestStream::on(ctx, seconds(1))?;
    test.context().checkpoint(&checkpoint.name())?;
    let given = Given::default();
    build(&test, &given);
    Ok((test, given))
}

/// Runs so many batches, and looks at what the process and its directories hold.
fn sample(
    batches: usize,
    test: &TestStream,
    given: &Given,
    contents: impl Fn() -> Result<(Contents, Contents), BenchError>,
) -> Result<Vec<Sample>, BenchError> {
    let each = batches.div_ceil(SAMPLES);
    let mut samples = Vec::new();
    let mut number = 0;
    for _ in 0..SAMPLES {
        let mut most = Sample::default();
        let look = |most: &mut Sample| {
            let (checkpoint, log) = contents()?;
            most.raise_to(rss_mb()?, checkpoint, log);
            Ok::<_, BenchError>(())
        };
        for _ in 0..each {
            store(given, number)?;
            test.try_run(1)?;
            number += 1;
            if number.is_multiple_of(LOOK_EACH) {
                look(&mut most)?;
            }
        }
        look(&mut most)?;
        samples.push(most);
    }
    Ok(samples)
}

fn build(test: &TestStream, given: &Given) {
    let ssc = test.context();
    let received = ssc.receiver_stream(given.clone());
    let made = ssc.stream_by_time(|time| {
        let second = time.as_millis() as u64 / 1000;
        (0..RECORDS)
            .map(|n| ((second * RECORDS + n) % KEYS, 1))
            .collect()
    });
    let pairs: DStream<(u64, u64)> = received.union(&made);
    let totals =
        pairs.update_state_by_key(|new, old| Some(old.unwrap_or(0) + new.iter().sum::<u64>()));
    totals.foreach_rdd(|totals, _| totals.count().map(drop));
    let recent = pairs.reduce_by_key_and_window(|a, b| a + b, seconds(5), None);
    recent.foreach_rdd(|recent, _| recent.count().map(drop));
}

fn store(given: &Given, number: u64) -> Result<(), BenchError> {
    let records = (0..RECORDS).map(|n| ((number * 7 + n) % KEYS, 1));
    Ok(given.0.wait().append(&mut records.collect())?)
}

/// A name, a unit, and what it is of a sample.
type Metric = (&'static str, &'static str, fn(&Sample) -> f64);

const METRICS: [Metric; 3] = [
    ("rss_mb", "MB", |sample| sample.rss_mb),
    ("checkpoint_mb", "MB", |sample| {
        sample.checkpoint.bytes as f64 / MB
    }),
    ("checkpoint_files", "files", |sample| {
        sample.checkpoint.files as f64
    }),
];

const LOG_METRICS: [Metric; 1] = [("log_mb", "MB", |sample| sample.log.bytes as f64 / MB)];

/// The samples, compared to the one that counts as warm.
fn rows_of(what: &str, samples: &[Sample], metrics: &[Metric]) -> Vec<Row> {
    let mut rows = Vec::new();
    for &(metric, unit, of) in metrics {
        let row = |(number, sample): (usize, &Sample)| {
            let name = format!("{what}/{}%", (number + 1) * 100 / SAMPLES);
            Row::new(name, metric, of(sample), unit)
        };
        let all: Vec<Row> = samples.iter().enumerate().map(row).collect();
        let warm = all.get(WARM).cloned();
        rows.extend(
            all.into_iter()
                .enumerate()
                .map(|(number, row)| match &warm {
                    Some(warm) if number > WARM => row.compared_to(warm),
                    _ => row,
                }),
        );
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_compared_to_the_warm_one() {
        let sample = |size: u64| Sample {
            rss_mb: size as f64,
            checkpoint: Contents {
                files: 3,
                bytes: size * 1_000_000,
            },
            log: Contents::default(),
        };
        let rows = rows_of("soak", &[sample(1), sample(10), sample(15)], &METRICS);
        assert_eq!(rows.len(), 9);
        let last = rows.get(2).unwrap();
        assert_eq!(last.name, "soak/30%");
        assert_eq!(last.ratio, Some((1.5, "soak/20%".to_owned())));
        assert_eq!(rows.get(1).unwrap().ratio, None);
    }

    #[test]
    fn a_stream_that_everybody_looks_at_has_rows_of_its_own() {
        let rows = observed(SAMPLES).unwrap();
        assert_eq!(rows.len(), SAMPLES * (METRICS.len() + LOG_METRICS.len()));
        assert_eq!(rows[0].name, "soak/observed/10%");
        assert!(rows.iter().all(|row| row.value > 0.0), "{rows:?}");
    }
}
