//! `map-with-state` and `update-state`: running sums of a million keys.

use headwater::time::millis;
use headwater::{Context, DStream, Rdd, State, StateSpec, StateStore, StreamingContext};

use crate::SLOTS;
use crate::error::BenchError;
use crate::measure::{median, quantile};
use crate::options::Options;
use crate::stream::Stream;
use crate::table::Row;

/// How many keys have a state, as on Spark.
pub(crate) const KEYS: i64 = 1_000_000;
/// Of how many keys a batch has a record, as on Spark.
pub(crate) const UPDATES: i64 = 10_000;

const INTERVAL_MS: u64 = 200;
const WARM_UP_BATCHES: usize = 20;
const BATCHES: usize = 50;
/// How many different batches of updates there are.
const POOL: u64 = 8;

pub(crate) type Pairs = DStream<(i64, i64)>;

/// Sums by `map_with_state`; and with fewer keys, and with more updates, to see what the cost
/// follows.
pub(crate) fn run_map_with_state(_: &Options) -> Result<Vec<Row>, BenchError> {
    let mut rows = measure("map-with-state", KEYS, UPDATES, track)?;
    let fewer_keys = measure(
        "map-with-state/tenth-of-the-keys",
        KEYS / 10,
        UPDATES,
        track,
    )?;
    let more_updates = measure(
        "map-with-state/ten-times-the-updates",
        KEYS,
        UPDATES * 10,
        track,
    )?;
    for others in [fewer_keys, more_updates] {
        if let (Some(median), Some(base)) = (others.into_iter().next(), rows.first()) {
            let compared = median.compared_to(base);
            rows.push(compared);
        }
    }
    Ok(rows)
}

/// Sums by `update_state_by_key`.
pub(crate) fn run_update_state(_: &Options) -> Result<Vec<Row>, BenchError> {
    measure("update-state", KEYS, UPDATES, update)
}

pub(crate) fn track(pairs: &Pairs) {
    let running_sum = |_: &i64, value: Option<i64>, sum: &mut State<'_, i64>| {
        let new = sum.get().unwrap_or(&0) + value.unwrap_or(0);
        sum.update(new);
        new
    };
    pairs
        .map_with_state(StateSpec::function(running_sum))
        .foreach_rdd(|sums, _| sums.count().map(drop));
}

pub(crate) fn update(pairs: &Pairs) {
    pairs
        .update_state_by_key(|new, sum| Some(sum.unwrap_or(0) + new.iter().sum::<i64>()))
        .foreach_rdd(|sums, _| sums.count().map(drop));
}

fn measure(
    name: &'static str,
    keys: i64,
    updates: i64,
    keep: fn(&Pairs),
) -> Result<Vec<Row>, BenchError> {
    let ctx = Context::local(SLOTS)?;
    let ssc = StreamingContext::new(&ctx, millis(INTERVAL_MS))?;
    let (queue, pairs) = ssc.queue_stream();
    keep(&pairs);
    queue.push(ctx.range(0..keys, 1, SLOTS).map(|key| (key, 1)));
    let pool: Vec<_> = (0..POOL)
        .map(|seed| batch(&ctx, seed, keys, updates))
        .collect();
    let batches = pool.iter().cycle().take(WARM_UP_BATCHES + BATCHES);
    batches.for_each(|batch| queue.push(batch.clone()));
    let stream = Stream::start(name, ssc.clone())?;
    stream.take(1 + WARM_UP_BATCHES)?;
    let steady = stream.take(BATCHES)?;
    let times: Vec<f64> = steady.iter().map(|batch| batch.processing_ms).collect();
    let bytes_per_key = ssc.state_stores().first().map(bytes_per_key);
    drop(stream);
    ctx.stop();
    let mut rows = vec![
        Row::new(name, "processing_ms", median(&times), "ms"),
        Row::new(name, "processing_p95_ms", quantile(&times, 0.95), "ms"),
    ];
    rows.extend(bytes_per_key.map(|bytes| Row::new(name, "bytes_per_key", bytes, "B")));
    Ok(rows)
}

/// Updates of random keys, in memory.
pub(crate) fn batch(ctx: &Context, seed: u64, keys: i64, updates: i64) -> Rdd<(i64, i64)> {
    let mut random = fastrand::Rng::with_seed(seed);
    let pairs = (0..updates).map(|_| (random.i64(0..keys), 1));
    ctx.parallelize(pairs.collect(), SLOTS)
}

fn bytes_per_key(store: &StateStore) -> f64 {
    let size = store.size();
    size.bytes as f64 / size.keys.max(1) as f64
}
