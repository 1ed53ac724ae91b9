//! `window`: sums over windows of very different widths, by the same arrivals.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use headwater::testing::TestStream;
use headwater::time::seconds;
use headwater::{Context, InverseWindow};

use crate::SLOTS;
use crate::error::BenchError;
use crate::measure::{self, median, quantile};
use crate::options::Options;
use crate::table::Row;

/// The widths, in batches of a second.
const WIDTHS: [u64; 2] = [10, 3_600];
/// How many records a batch has, of as many keys.
const RECORDS: u64 = 2_000;
/// How many batches are measured once the widest window is full.
const BATCHES: usize = 400;

/// Runs both widths, each with an inverse function; and the narrow one without.
pub(crate) fn run(_: &Options) -> Result<Vec<Row>, BenchError> {
    let narrow = measure(WIDTHS[0], true)?;
    let wide = measure(WIDTHS[1], true)?;
    let plain = measure(WIDTHS[0], false)?;
    let row = |name: String, metric, value| Row::new(name, metric, value, "ms");
    let name = |width| format!("window/{width}s/inverse");
    let base = row(name(WIDTHS[0]), "batch_ms", median(&narrow));
    let without = format!("window/{}s/without", WIDTHS[0]);
    Ok(vec![
        base.clone(),
        row(name(WIDTHS[0]), "batch_p95_ms", quantile(&narrow, 0.95)),
        row(name(WIDTHS[1]), "batch_ms", median(&wide)).compared_to(&base),
        row(name(WIDTHS[1]), "batch_p95_ms", quantile(&wide, 0.95)),
        row(without, "batch_ms", median(&plain)).compared_to(&base),
    ])
}

/// How long the outputs of batches took, whose window is full, on a clock that does not wait.
fn measure(width: u64, by_inverse: bool) -> Result<Vec<f64>, BenchError> {
    let test = TestStream::on(&Context::local(SLOTS)?, seconds(1))?;
    let ctx = test.context().context().clone();
    let batch = ctx.parallelize((0..RECORDS).map(|key| (key, 1_i64)).collect(), SLOTS);
    let pairs = test.context().constant_stream(&batch);
    let sums = if by_inverse {
        let settings = InverseWindow::new().num_partitions(SLOTS);
        let (add, subtract) = (|a, b| a + b, |a, b| a - b);
        pairs.reduce_by_key_and_window_inverse_with(add, subtract, seconds(width), None, settings)
    } else {
        pairs.reduce_by_key_and_window_partitioned(|a, b| a + b, seconds(width), None, SLOTS)
    };
    let times = Arc::new(Mutex::new(Vec::new()));
    let to = times.clone();
    sums.foreach_rdd(move |sums, _| {
        let start = Instant::now();
        sums.count()?;
        let took = measure::millis(start.elapsed());
        to.lock().unwrap_or_else(PoisonError::into_inner).push(took);
        Ok::<_, headwater::Error>(())
    });
    // As many for each width, so that nothing else differs.
    let warm_up = usize::try_from(WIDTHS[1]).unwrap_or(usize::MAX);
    test.try_run(warm_up + BATCHES)?;
    let times = times.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(times.iter().skip(warm_up).copied().collect())
}
