//! `soak`: whether anything grows over a great many batches.

use std::sync::{Arc, OnceLock};

use headwater::testing::TestStream;
use headwater::time::seconds;
use headwater::{DStream, Receiver, ReceiverContext};

use crate::directory::{Contents, Directory};
use crate::error::BenchError;
use crate::measure::{MB, rss_mb};
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
    contents: Contents,
}

impl Sample {
    fn raise_to(&mut self, rss_mb: f64, contents: Contents) {
        self.rss_mb = self.rss_mb.max(rss_mb);
        self.contents.files = self.contents.files.max(contents.files);
        self.contents.bytes = self.contents.bytes.max(contents.bytes);
    }
}

/// Runs batches of a second on a manual clock: a receiver, a state, a window, a directory.
pub(crate) fn run(options: &Options) -> Result<Vec<Row>, BenchError> {
    let directory = Directory::new()?;
    let test = TestStream::on(&context(&[])?, seconds(1))?;
    test.context().checkpoint(&directory.name())?;
    let given = Given::default();
    build(&test, &given);
    test.context().start()?;
    let each = options.batches.div_ceil(SAMPLES);
    let mut samples = Vec::new();
    let mut number = 0;
    for _ in 0..SAMPLES {
        let mut most = Sample::default();
        for _ in 0..each {
            store(&given, number)?;
            test.try_run(1)?;
            number += 1;
            if number.is_multiple_of(LOOK_EACH) {
                most.raise_to(rss_mb()?, directory.contents()?);
            }
        }
        most.raise_to(rss_mb()?, directory.contents()?);
        samples.push(most);
    }
    Ok(rows_of(&samples))
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

/// The samples, compared to the one that counts as warm.
fn rows_of(samples: &[Sample]) -> Vec<Row> {
    let metrics: [(&str, &str, fn(&Sample) -> f64); 3] = [
        ("rss_mb", "MB", |sample| sample.rss_mb),
        ("checkpoint_mb", "MB", |sample| {
            sample.contents.bytes as f64 / MB
        }),
        ("checkpoint_files", "files", |sample| {
            sample.contents.files as f64
        }),
    ];
    let mut rows = Vec::new();
    for (metric, unit, of) in metrics {
        let row = |(number, sample): (usize, &Sample)| {
            let name = format!("soak/{}%", (number + 1) * 100 / SAMPLES);
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
            contents: Contents {
                files: 3,
                bytes: size * 1_000_000,
            },
        };
        let rows = rows_of(&[sample(1), sample(10), sample(15)]);
        assert_eq!(rows.len(), 9);
        let last = rows.get(2).unwrap();
        assert_eq!(last.name, "soak/30%");
        assert_eq!(last.ratio, Some((1.5, "soak/20%".to_owned())));
        assert_eq!(rows.get(1).unwrap().ratio, None);
    }
}
