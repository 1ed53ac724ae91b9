//! `receive`: what a receiver pays to store records, against pushing them into a vector.

use std::hint::black_box;

use headwater::time::millis;
use headwater::{ReceiverContext, StoreError, StreamingContext};

use crate::error::BenchError;
use crate::measure::Runs;
use crate::options::Options;
use crate::soak::Given;
use crate::stream::{Stream, context};
use crate::table::Row;

type Pair = (u64, u64);
type Context = ReceiverContext<Pair>;

/// How many records a run stores.
const RECORDS: u64 = 2_000_000;
/// How many are given at once where they come together.
const TOGETHER: u64 = 1_000;
/// Batches come often, so that what a run has stored is soon gone.
const INTERVAL_MS: u64 = 100;

/// A way of storing all records.
type Variant = (&'static str, fn(&Context) -> Result<(), StoreError>);

const REFERENCE: &str = "receive/vec";
const VARIANTS: [Variant; 4] = [
    (REFERENCE, |_| {
        let mut records = Vec::new();
        (0..RECORDS).for_each(|n| records.push(record(n)));
        black_box(records);
        Ok(())
    }),
    ("receive/store", |ctx| {
        (0..RECORDS).try_for_each(|n| ctx.store(record(n)))
    }),
    ("receive/append", |ctx| {
        let mut records = Vec::new();
        together().try_for_each(|some| {
            records.extend(some);
            ctx.append(&mut records)
        })
    }),
    ("receive/store-many", |ctx| {
        together().try_for_each(|some| ctx.store_many(some))
    }),
];

/// A record as it comes from a source: the compiler knows nothing of it.
fn record(n: u64) -> Pair {
    black_box((n, 1))
}

/// All records, some at a time.
fn together() -> impl Iterator<Item = impl Iterator<Item = Pair>> {
    let starts = (0..RECORDS).step_by(TOGETHER as usize);
    starts.map(|start| (start..RECORDS.min(start + TOGETHER)).map(record))
}

/// Stores from one thread while batches count what was stored. The variants take turns; each
/// begins when the batches have finished with what was stored before.
pub(crate) fn run(options: &Options) -> Result<Vec<Row>, BenchError> {
    let settings = [("streaming.block_interval", "50ms")];
    let ssc = StreamingContext::new(&context(&settings)?, millis(INTERVAL_MS))?;
    let given = Given::default();
    let received = ssc.receiver_stream(given.clone());
    received.foreach_rdd(|records, _| records.count().map(drop));
    let stream = Stream::start("receive", ssc)?;
    let ctx = given.0.wait();
    let mut all = VARIANTS.map(|_| Runs::default());
    for round in 0..=options.runs {
        for ((name, store), runs) in VARIANTS.iter().zip(&mut all) {
            // The first round is not counted.
            let mut unmeasured = Runs::default();
            let runs = if round == 0 { &mut unmeasured } else { runs };
            runs.time(|| Ok(store(ctx)?))?;
            if *name != REFERENCE {
                await_records(&stream)?;
            }
        }
    }
    Ok(rows_of(&all))
}

/// Waits until batches have processed all records of a run.
fn await_records(stream: &Stream) -> Result<(), BenchError> {
    let mut processed = 0;
    while processed < RECORDS {
        processed += stream.next()?.records;
    }
    Ok(())
}

/// The rates of the variants, compared to the reference, which is the first.
fn rows_of(all: &[Runs; VARIANTS.len()]) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for ((name, _), runs) in VARIANTS.iter().zip(all) {
        let rate = RECORDS as f64 / 1e6 / runs.median_seconds();
        let row = Row::new(*name, "mrecords_per_s", rate, "Mrecords/s");
        let row = match rows.first() {
            Some(reference) => row.compared_to(reference),
            None => row,
        };
        rows.push(row);
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_together_is_all() {
        let records: Vec<Pair> = together().flatten().collect();
        assert_eq!(records.len() as u64, RECORDS);
        assert!(records.iter().map(|pair| pair.0).eq(0..RECORDS));
    }

    #[test]
    fn rates_are_compared_to_the_vector() {
        let mut all = VARIANTS.map(|_| Runs::default());
        for runs in &mut all {
            runs.time(|| Ok(())).unwrap();
        }
        let rows = rows_of(&all);
        assert_eq!(rows.len(), VARIANTS.len());
        assert_eq!(rows[0].ratio, None);
        let others = rows[1..].iter().map(|row| row.ratio.as_ref().unwrap());
        assert!(others.into_iter().all(|(_, to)| to == REFERENCE));
    }
}
