//! `observability`: what it costs a stream that everything about it can be seen.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use headwater::events::Event;
use headwater::testing::TestStream;
use headwater::text::Text;
use headwater::time::{millis, seconds};
use headwater::{Context, Error, Rdd, StreamingContext};

use crate::SLOTS;
use crate::batch::hundred_pairs;
use crate::directory::Directory;
use crate::error::BenchError;
use crate::journal::medians;
use crate::measure::{self, MB, living_threads_cpu, median};
use crate::observers::{Observers, settings};
use crate::options::Options;
use crate::stream::context;
use crate::table::Row;
use crate::text::Recipe;
use crate::word_count::{WORDS, compare_all};

/// Who looks at a stream.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Who {
    Nobody,
    /// A listener that does nothing: what telling costs.
    Listener,
    /// Pages, one of them open, metrics, event log and progress.
    All,
}

const VARIANTS: [(&str, Who); 3] = [
    ("off", Who::Nobody),
    ("listener", Who::Listener),
    ("on", Who::All),
];

/// What the others are compared to.
const REFERENCE: &str = "off";

/// One batch is so much of the text that the options name.
const BATCHES: u64 = 8;
/// How many turns a stream that counts words has in a round, and of how many batches each: they
/// are short, so that what else the machine does falls on all streams alike.
const TURNS: usize = 10;
const BATCHES_OF_TURN: usize = 4;

const INTERVAL_MS: u64 = 5;
/// Until what pages keep of the past is full, and each new batch takes the place of an old one.
const WARM_UP: Duration = Duration::from_secs(6);

type Measured = Result<Vec<Row>, BenchError>;

/// Runs both workloads. Variants take turns, so that what else the machine does is shared.
pub(crate) fn run(options: &Options) -> Result<Vec<Row>, BenchError> {
    let mut lines = Vec::new();
    let recipe = Recipe::new(WORDS[0], options.bytes.div_ceil(BATCHES));
    for block in recipe.blocks() {
        block.lines_into(&mut lines);
    }
    let mut rows = count_words(options, &lines)?;
    rows.extend(run_batches(options)?);
    Ok(rows)
}

fn variants(workload: &str) -> [(String, Who); 3] {
    VARIANTS.map(|(variant, who)| (format!("{workload}/{variant}"), who))
}

/// The medians of each variant of a workload, compared.
fn compared(workload: &str, turns: &[Row]) -> Vec<Row> {
    let names = variants(workload).into_iter().map(|(name, _)| name);
    let rows = names.flat_map(|name| medians(&name, turns)).collect();
    compare_all(rows, &format!("{workload}/{REFERENCE}"))
}

impl Who {
    fn context(self, logs: &Directory) -> Result<Context, BenchError> {
        match self {
            Who::All => context(&settings(&logs.name())),
            _ => context(&[]),
        }
    }

    /// Begins to look at a stream that was not started yet.
    fn look(self, ssc: &StreamingContext) -> Result<Option<Observers>, BenchError> {
        match self {
            Who::Nobody => Ok(None),
            Who::Listener => {
                ssc.context().events().add(|_: &Event| {});
                Ok(None)
            }
            Who::All => Observers::start(ssc).map(Some),
        }
    }
}

/// Streams that live side by side and take turns, on clocks that do not wait.
fn count_words(options: &Options, lines: &[Text]) -> Measured {
    let workload = "observability/word-count";
    let counts = variants(workload).map(|(name, who)| Count::start(name, who, lines));
    let counts = counts.into_iter().collect::<Result<Vec<_>, _>>()?;
    let mut turns = Vec::new();
    for turn in 0..options.runs * TURNS {
        // Who comes first differs: the caches are the last one's.
        for count in counts.iter().cycle().skip(turn).take(counts.len()) {
            turns.extend(count.turn()?);
        }
    }
    counts.into_iter().try_for_each(Count::end)?;
    Ok(compared(workload, &turns))
}

/// A stream that counts words.
struct Count {
    name: String,
    ctx: Context,
    test: TestStream,
    observers: Option<Observers>,
    /// How much text a turn counts.
    megabytes: f64,
    /// Dropped last, as the event log lies there.
    _logs: Directory,
}

impl Count {
    fn start(name: String, who: Who, lines: &[Text]) -> Result<Self, BenchError> {
        let logs = Directory::new()?;
        let ctx = who.context(&logs)?;
        let test = TestStream::on(&ctx, seconds(1))?;
        let lines: Rdd<Text> = ctx.parallelize(lines.to_vec(), SLOTS);
        let bytes = lines
            .map(|line| line.len() as u64 + 1)
            .fold(0, |a, b| a + b)?;
        let words = test.context().constant_stream(&lines);
        let words = words.flat_map(Text::into_words).map(|word| (word, 1_i64));
        words
            .reduce_by_key(|a, b| a + b)
            .foreach_rdd(|counts, _| counts.count().map(|_| ()));
        let observers = who.look(test.context())?;
        test.try_run(BATCHES_OF_TURN)?;
        Ok(Count {
            name,
            ctx,
            test,
            observers,
            megabytes: (bytes * BATCHES_OF_TURN as u64) as f64 / MB,
            _logs: logs,
        })
    }

    /// Measures some batches, until all who look have been told of them.
    fn turn(&self) -> Measured {
        let (start, cpu) = (Instant::now(), living_threads_cpu()?);
        self.test.try_run(BATCHES_OF_TURN)?;
        self.ctx.events().flush();
        let (wall, cpu) = (start.elapsed(), living_threads_cpu()?.saturating_sub(cpu));
        let row = |metric, value, unit| Row::new(&self.name, metric, value, unit);
        Ok(vec![
            row("mb_per_s", self.megabytes / wall.as_secs_f64(), "MB/s"),
            row(
                "mb_per_cpu_s",
                self.megabytes / cpu.as_secs_f64(),
                "MB/cpu_s",
            ),
        ])
    }

    fn end(self) -> Result<(), BenchError> {
        self.test.context().stop(false, false)?;
        self.observers.map_or(Ok(()), Observers::end)?;
        self.ctx.stop();
        Ok(())
    }
}

/// Streams one after the other, as each is to find a machine at rest.
fn run_batches(options: &Options) -> Measured {
    let workload = "observability/5ms";
    let variants = variants(workload);
    let mut turns = Vec::new();
    for round in 0..options.runs {
        for (name, who) in variants.iter().cycle().skip(round).take(variants.len()) {
            turns.extend(run_stream(name, *who, options)?);
        }
    }
    Ok(compared(workload, &turns))
}

/// The batches of `shortest-interval`. They are told by the output itself, as a listener would
/// be somebody who looks.
fn run_stream(name: &str, who: Who, options: &Options) -> Measured {
    let logs = Directory::new()?;
    let ctx = who.context(&logs)?;
    let ssc = StreamingContext::new(&ctx, millis(INTERVAL_MS))?;
    let (queue, pairs) = ssc.queue_stream();
    let length = Duration::from_secs(options.seconds);
    let inputs = (WARM_UP + length).as_millis() as u64 / INTERVAL_MS + 200;
    (0..inputs).for_each(|_| queue.push(hundred_pairs(&ctx)));
    let delays = Arc::new(Mutex::new(Vec::new()));
    let to = delays.clone();
    pairs
        .reduce_by_key(|a, b| a + b)
        .foreach_rdd(move |sums, time| {
            sums.count()?;
            let now = SystemTime::now().duration_since(UNIX_EPOCH);
            let delay = measure::millis(now.unwrap_or_default()) - time.as_millis() as f64;
            to.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(delay);
            Ok::<_, Error>(())
        });
    let take = || std::mem::take(&mut *delays.lock().unwrap_or_else(PoisonError::into_inner));
    let observers = who.look(&ssc)?;
    ssc.start()?;
    ssc.await_termination_or_timeout(WARM_UP)?;
    take();
    let cpu = living_threads_cpu()?;
    ssc.await_termination_or_timeout(length)?;
    let cpu = living_threads_cpu()?.saturating_sub(cpu);
    let delays = take();
    ssc.stop(false, false)?;
    observers.map_or(Ok(()), Observers::end)?;
    ctx.stop();
    let batches = delays.len() as f64;
    let row = |metric, value, unit| Row::new(name, metric, value, unit);
    let of_machine = cpu.as_secs_f64() / (length.as_secs_f64() * SLOTS as f64);
    Ok(vec![
        row("batches_per_s", batches / length.as_secs_f64(), "batches/s"),
        row("delay_ms", median(&delays), "ms"),
        row("cpu_ms_per_batch", measure::millis(cpu) / batches, "ms"),
        row("cpu_of_slots", of_machine * 100.0, "%"),
    ])
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::options::Arguments;

    #[test]
    fn each_workload_is_compared_to_that_at_which_nobody_looks() {
        let given = ["bench", "--bytes=80000", "--runs=1", "--seconds=1"];
        let rows = run(&Arguments::parse_from(given).options).unwrap();
        assert_eq!(rows.len(), VARIANTS.len() * (2 + 4));
        for row in rows {
            let is_reference = row.name.ends_with(REFERENCE);
            assert_eq!(row.ratio.is_none(), is_reference, "{row:?}");
            assert!(row.value.is_finite() && row.value > 0.0, "{row:?}");
        }
    }
}
