//! `socket`: words of a socket text stream are counted, a second a batch.

use std::time::Duration;

use headwater::text::Text;
use headwater::time::seconds;
use headwater::{Context, StreamingContext};

use crate::error::BenchError;
use crate::measure::{MB, process_cpu};
use crate::options::Options;
use crate::server::TextServer;
use crate::stream::{Batch, Stream, context};
use crate::table::Row;
use crate::text::Recipe;
use crate::word_count::WORDS;

const WARM_UP: Duration = Duration::from_secs(3);

/// Variants, and how much the receiver may store that no batch has finished with.
const RECEIVER_MEMORY: [(&str, Option<&str>); 2] =
    [("socket/engine", None), ("socket/engine-1g", Some("1g"))];

/// Runs the benchmark.
pub(crate) fn run(options: &Options) -> Result<Vec<Row>, BenchError> {
    let mut rows = Vec::new();
    for (name, memory) in RECEIVER_MEMORY {
        rows.extend(run_with(name, &memory_of(memory), options)?);
    }
    Ok(rows)
}

/// Runs only the first variant, for its memory.
pub(crate) fn run_default(options: &Options) -> Result<(), BenchError> {
    let (name, memory) = RECEIVER_MEMORY[0];
    run_with(name, &memory_of(memory), options).map(|_| ())
}

fn memory_of(memory: Option<&'static str>) -> Vec<(&'static str, &'static str)> {
    let setting = memory.map(|memory| ("streaming.receiver.memory", memory));
    setting.into_iter().collect()
}

/// Counts for a while, with some settings.
pub(crate) fn run_with(
    name: &str,
    settings: &[(&str, &str)],
    options: &Options,
) -> Result<Vec<Row>, BenchError> {
    let server = TextServer::start(Recipe::new(WORDS[0], options.bytes))?;
    let ctx = context(settings)?;
    let stream = start(&ctx, server.port)?;
    let first = stream.after(WARM_UP)?;
    let cpu = process_cpu()?;
    let mut batches = stream.during(Duration::from_secs(options.seconds))?;
    batches.push(stream.next()?);
    let cpu = process_cpu()?.saturating_sub(cpu);
    drop(stream);
    ctx.stop();
    Ok(rows_of(name, &first, &batches, cpu, server.bytes_per_line))
}

fn start(ctx: &Context, port: u16) -> Result<Stream, BenchError> {
    let ssc = StreamingContext::new(ctx, seconds(1))?;
    let words = ssc
        .socket_text_stream("127.0.0.1", port)
        .flat_map(Text::into_words);
    let counts = words.map(|word| (word, 1_i64)).reduce_by_key(|a, b| a + b);
    counts.foreach_rdd(|counts, _| counts.count().map(|_| ()));
    Stream::start("socket", ssc)
}

/// What was processed from the end of the first batch to the end of the last one.
fn rows_of(
    name: &str,
    first: &Batch,
    batches: &[Batch],
    cpu: Duration,
    bytes_per_line: f64,
) -> Vec<Row> {
    let end_ms = batches.last().map_or(first.end_ms, |batch| batch.end_ms);
    let wall_seconds = (end_ms - first.end_ms) / 1e3;
    let lines = batches.iter().map(|batch| batch.records).sum::<u64>() as f64;
    let megabytes = lines * bytes_per_line / MB;
    let row = |metric, value, unit| Row::new(name, metric, value, unit);
    vec![
        row("mb_per_s", megabytes / wall_seconds, "MB/s"),
        row("lines_per_s", lines / wall_seconds, "lines/s"),
        row("mb_per_cpu_s", megabytes / cpu.as_secs_f64(), "MB/cpu_s"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_those_between_the_ends_of_batches() {
        let batches = [(1_500.0, 70_000), (2_500.0, 100_000), (3_500.0, 300_000)]
            .map(|(end_ms, records)| Batch::done(end_ms, records));
        let rows = rows_of(
            "socket",
            &batches[0],
            &batches[1..],
            Duration::from_secs(4),
            50.0,
        );
        let values: Vec<f64> = rows.iter().map(|row| row.value).collect();
        assert_eq!(values, [10.0, 200_000.0, 5.0]);
    }
}
