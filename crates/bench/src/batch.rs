//! `batch`: how long a trivial batch of two stages takes, as a job alone and in a stream.

use std::time::Instant;

use headwater::time::millis;
use headwater::{Context, Error, Rdd, StreamingContext};

use crate::SLOTS;
use crate::error::BenchError;
use crate::measure::{self, median, quantile};
use crate::options::Options;
use crate::stream::Stream;
use crate::table::Row;

const WARM_UP_JOBS: usize = 200;
pub(crate) const JOBS: usize = 2_000;

const INTERVAL_MS: u64 = 20;
const WARM_UP_BATCHES: usize = 50;
const BATCHES: usize = 200;

/// Runs both.
pub(crate) fn run(_: &Options) -> Result<Vec<Row>, BenchError> {
    let ctx = Context::local(SLOTS)?;
    jobs(&ctx, WARM_UP_JOBS)?;
    let jobs = jobs(&ctx, JOBS)?;
    let stream = trivial_stream("batch", &ctx, INTERVAL_MS, WARM_UP_BATCHES + BATCHES)?;
    stream.take(WARM_UP_BATCHES)?;
    let batches: Vec<f64> = stream
        .take(BATCHES)?
        .iter()
        .map(|batch| batch.processing_ms)
        .collect();
    drop(stream);
    ctx.stop();
    Ok(vec![
        Row::new("batch/job", "median_ms", median(&jobs), "ms"),
        Row::new("batch/job", "p95_ms", quantile(&jobs, 0.95), "ms"),
        Row::new("batch/stream", "processing_ms", median(&batches), "ms"),
        Row::new(
            "batch/stream",
            "processing_p95_ms",
            quantile(&batches, 0.95),
            "ms",
        ),
    ])
}

fn jobs(ctx: &Context, count: usize) -> Result<Vec<f64>, Error> {
    let job = |_| {
        let start = Instant::now();
        hundred_pairs(ctx).reduce_by_key(|a, b| a + b).collect()?;
        Ok(measure::millis(start.elapsed()))
    };
    (0..count).map(job).collect()
}

/// The input of a trivial job: ten keys.
pub(crate) fn hundred_pairs(ctx: &Context) -> Rdd<(i32, i32)> {
    ctx.parallelize((0..100).map(|n| (n % 10, n)).collect(), SLOTS)
}

/// The trivial job as a stream, started, with input for the given number of batches.
pub(crate) fn trivial_stream(
    what: &'static str,
    ctx: &Context,
    interval_ms: u64,
    batches: usize,
) -> Result<Stream, BenchError> {
    let ssc = StreamingContext::new(ctx, millis(interval_ms))?;
    let (queue, pairs) = ssc.queue_stream();
    (0..batches).for_each(|_| queue.push(hundred_pairs(ctx)));
    pairs
        .reduce_by_key(|a, b| a + b)
        .foreach_rdd(|sums, _| sums.count().map(|_| ()));
    Stream::start(what, ssc)
}
