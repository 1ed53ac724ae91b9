//! `snapshots`: what writing state whole costs the batches that run meanwhile.

use headwater::StreamingContext;
use headwater::testing::TestStream;
use headwater::time::millis;
use headwater::{Context, Rdd};
use std::time::Instant;

use crate::SLOTS;
use crate::directory::Directory;
use crate::error::BenchError;
use crate::measure::{self, median, quantile};
use crate::options::Options;
use crate::state::{self, KEYS, UPDATES, track};
use crate::stream::{Batch, Stream, context};
use crate::table::Row;

/// How far apart batches are where there is time between them.
const INTERVAL_MS: u64 = 100;
const WARM_UP_BATCHES: usize = 40;
const BATCHES: usize = 100;
/// How many different batches of updates there are.
const POOL: u64 = 8;

/// Variants, and how often state is written whole; none without a directory.
const VARIANTS: [(&str, Option<&str>); 3] = [
    // Where every change is written and never the whole.
    ("changes-only", Some("1h")),
    ("without", None),
    ("snapshots", Some("1s")),
];

/// Batches with time between them, and without.
pub(crate) fn run(options: &Options) -> Result<Vec<Row>, BenchError> {
    let mut rows = measure("snapshots/paced", paced, options)?;
    rows.extend(measure("snapshots/never-idle", never_idle, options)?);
    Ok(rows)
}

type Run = fn(&Context) -> Result<Vec<f64>, BenchError>;

/// The times of batches of all variants, which take turns.
fn measure(name: &str, run: Run, options: &Options) -> Result<Vec<Row>, BenchError> {
    let mut times = VARIANTS.map(|_| Vec::new());
    for _ in 0..options.runs {
        for ((_, interval), times) in VARIANTS.iter().zip(&mut times) {
            times.extend(run_with(*interval, run)?);
        }
    }
    let mut rows: Vec<Row> = Vec::new();
    for ((variant, _), times) in VARIANTS.iter().zip(&times) {
        let name = format!("{name}/{variant}");
        let figures = [
            Row::new(&name, "batch_ms", median(times), "ms"),
            Row::new(&name, "batch_p95_ms", quantile(times, 0.95), "ms"),
            Row::new(&name, "batch_max_ms", quantile(times, 1.0), "ms"),
        ];
        for figure in figures {
            let base = rows.iter().find(|row| row.metric == figure.metric);
            let figure = match base {
                Some(base) => figure.compared_to(base),
                None => figure,
            };
            rows.push(figure);
        }
    }
    Ok(rows)
}

fn run_with(interval: Option<&str>, run: Run) -> Result<Vec<f64>, BenchError> {
    let directory = Directory::new()?;
    let name = directory.name();
    let settings = interval.map(|interval| {
        [
            ("streaming.checkpoint.directory", name.as_str()),
            ("streaming.checkpoint.interval", interval),
        ]
    });
    let ctx = context(
        settings
            .as_ref()
            .map_or(&[], |settings| settings.as_slice()),
    )?;
    let times = run(&ctx);
    ctx.stop();
    times
}

/// By the wall clock: from the batch time to the end of the last output.
fn paced(ctx: &Context) -> Result<Vec<f64>, BenchError> {
    let ssc = StreamingContext::new(ctx, millis(INTERVAL_MS))?;
    feed(&ssc, ctx);
    let stream = Stream::start("snapshots", ssc)?;
    stream.take(1 + WARM_UP_BATCHES)?;
    let batches = stream.take(BATCHES)?;
    Ok(batches.iter().map(Batch::delay_ms).collect())
}

/// Batches of a tenth of a second by a clock that does not wait: until each is committed.
fn never_idle(ctx: &Context) -> Result<Vec<f64>, BenchError> {
    let test = TestStream::on(ctx, millis(INTERVAL_MS))?;
    feed(test.context(), ctx);
    test.try_run(1 + WARM_UP_BATCHES)?;
    let batch = |_| {
        let start = Instant::now();
        test.try_run(1)?;
        Ok(measure::millis(start.elapsed()))
    };
    (0..BATCHES).map(batch).collect()
}

fn feed(ssc: &StreamingContext, ctx: &Context) {
    let (queue, pairs) = ssc.queue_stream();
    track(&pairs);
    queue.push(ctx.range(0..KEYS, 1, SLOTS).map(|key| (key, 1)));
    let pool: Vec<Rdd<_>> = (0..POOL)
        .map(|seed| state::batch(ctx, seed, KEYS, UPDATES))
        .collect();
    let batches = pool.iter().cycle().take(WARM_UP_BATCHES + BATCHES);
    batches.for_each(|batch| queue.push(batch.clone()));
}
