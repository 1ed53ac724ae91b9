//! `idle`: what an analysis of access logs costs while there is nothing to analyse.

use std::time::{Duration, Instant};

use headwater::text::Text;
use headwater::time::seconds;
use headwater::{Context, Error, StreamingContext};

use crate::SLOTS;
use crate::error::BenchError;
use crate::measure::{living_threads_cpu, rss_mb};
use crate::options::Options;
use crate::server::SilentServer;
use crate::stream::Stream;
use crate::table::Row;

const WARM_UP: Duration = Duration::from_secs(3);

/// Runs the benchmark.
pub(crate) fn run(options: &Options) -> Result<Vec<Row>, BenchError> {
    let server = SilentServer::start()?;
    let ctx = Context::local(SLOTS)?;
    let stream = start(&ctx, server.port)?;
    stream.during(WARM_UP)?;
    let (start, cpu) = (Instant::now(), living_threads_cpu()?);
    stream.during(Duration::from_secs(options.seconds))?;
    let cpu = living_threads_cpu()?.saturating_sub(cpu);
    let percent = cpu.as_secs_f64() / start.elapsed().as_secs_f64() * 100.0;
    let rss = rss_mb()?;
    drop(stream);
    ctx.stop();
    Ok(vec![
        Row::new("idle", "cpu_percent", percent, "% of a core"),
        Row::new("idle", "rss_mb", rss, "MB"),
    ])
}

/// Sizes, response codes and clients of log lines, a second a batch.
fn start(ctx: &Context, port: u16) -> Result<Stream, BenchError> {
    let ssc = StreamingContext::new(ctx, seconds(1))?;
    let lines = ssc.socket_text_stream("127.0.0.1", port);
    let field = |line: &Text, at: usize| {
        line.split(' ')
            .nth(at)
            .map_or_else(Text::new, |field| line.slice_ref(field))
    };
    let sizes = lines.map(move |line| field(&line, 9).parse().unwrap_or(0_u64));
    sizes.foreach_rdd(|sizes, _| sizes.fold(0, |a, b| a + b).map(|_| ()));
    for at in [8, 0] {
        let counts = lines
            .map(move |line| (field(&line, at), 1_i64))
            .reduce_by_key(|a, b| a + b);
        counts.foreach_rdd(|counts, _| {
            counts.top_by(10, |(_, times)| *times)?;
            Ok::<_, Error>(())
        });
    }
    Stream::start("idle", ssc)
}
