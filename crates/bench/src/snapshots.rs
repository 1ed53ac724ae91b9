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
/// Ten seconds of batches, with a snapshot in each second.
const PACED_BATCHES: usize = 100;
/// By a clock that does not wait these take a few seconds, too.
const NEVER_IDLE_BATCHES: usize = 1500;
/// How many different batches of updates there are.
const POOL: u64 = 8;

/// What is written while a stream runs.
#[derive(Clone, Copy)]
enum Writes {
    Nothing,
    /// Every change, and never the whole.
    Changes,
    /// The whole, too, from time to time.
    Snapshots,
}

const VARIANTS: [(&str, Writes); 3] = [
    ("changes-only", Writes::Changes),
    ("without", Writes::Nothing),
    ("snapshots", Writes::Snapshots),
];

/// How batches follow each other.
struct Rhythm {
    name: &'static str,
    /// How far apart snapshots are, in the time of the stream: about a second by the wall clock.
    interval: &'static str,
    run: fn(&Context) -> Result<Vec<f64>, BenchError>,
}

const RHYTHMS: [Rhythm; 2] = [
    Rhythm {
        name: "snapshots/paced",
        interval: "1s",
        run: paced,
    },
    Rhythm {
        name: "snapshots/never-idle",
        interval: "60s",
        run: never_idle,
    },
];

/// Batches with time between them, and without.
pub(crate) fn run(options: &Options) -> Result<Vec<Row>, BenchError> {
    let mut rows = Vec::new();
    for rhythm in &RHYTHMS {
        rows.extend(measure(rhythm, options)?);
    }
    Ok(rows)
}

/// The times of batches of all variants, which take turns.
fn measure(rhythm: &Rhythm, options: &Options) -> Result<Vec<Row>, BenchError> {
    let mut times = VARIANTS.map(|_| Vec::new());
    for _ in 0..options.runs {
        for ((_, writes), times) in VARIANTS.iter().zip(&mut times) {
            times.extend(run_with(*writes, rhythm)?);
        }
    }
    let mut rows: Vec<Row> = Vec::new();
    for ((variant, _), times) in VARIANTS.iter().zip(&times) {
        let name = format!("{}/{variant}", rhythm.name);
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

fn run_with(writes: Writes, rhythm: &Rhythm) -> Result<Vec<f64>, BenchError> {
    let directory = Directory::new()?;
    let name = directory.name();
    let interval = match writes {
        Writes::Nothing => None,
        Writes::Changes => Some("1000h"),
        Writes::Snapshots => Some(rhythm.interval),
    };
    let settings = interval.map(|interval| {
        [
            ("streaming.checkpoint.directory", name.as_str()),
            ("streaming.checkpoint.interval", interval),
        ]
    });
    let settings = settings.as_ref().map_or(&[][..], |settings| &settings[..]);
    let ctx = context(settings)?;
    let times = (rhythm.run)(&ctx);
    ctx.stop();
    times
}

/// By the wall clock: from the batch time to the end of the last output.
fn paced(ctx: &Context) -> Result<Vec<f64>, BenchError> {
    let ssc = StreamingContext::new(ctx, millis(INTERVAL_MS))?;
    feed(&ssc, ctx, PACED_BATCHES);
    let stream = Stream::start("snapshots", ssc)?;
    stream.take(1 + WARM_UP_BATCHES)?;
    let batches = stream.take(PACED_BATCHES)?;
    Ok(batches.iter().map(Batch::delay_ms).collect())
}

/// Batches of a tenth of a second by a clock that does not wait: until each is committed.
fn never_idle(ctx: &Context) -> Result<Vec<f64>, BenchError> {
    let test = TestStream::on(ctx, millis(INTERVAL_MS))?;
    feed(test.context(), ctx, NEVER_IDLE_BATCHES);
    test.try_run(1 + WARM_UP_BATCHES)?;
    let batch = |_| {
        let start = Instant::now();
        test.try_run(1)?;
        Ok(measure::millis(start.elapsed()))
    };
    (0..NEVER_IDLE_BATCHES).map(batch).collect()
}

fn feed(ssc: &StreamingContext, ctx: &Context, batches: usize) {
    let (queue, pairs) = ssc.queue_stream();
    track(&pairs);
    queue.push(ctx.range(0..KEYS, 1, SLOTS).map(|key| (key, 1)));
    let pool: Vec<Rdd<_>> = (0..POOL)
        .map(|seed| state::batch(ctx, seed, KEYS, UPDATES))
        .collect();
    let all = pool.iter().cycle().take(WARM_UP_BATCHES + batches);
    all.for_each(|batch| queue.push(batch.clone()));
}
