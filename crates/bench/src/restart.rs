//! `restart`: from the start of a process that goes on from another's checkpoints to the end
//! of its first new batch.

use std::path::Path;
use std::time::Instant;

use headwater::clock::ManualClock;
use headwater::testing::TestStream;
use headwater::time::{Time, seconds};

use crate::children;
use crate::directory::Directory;
use crate::error::BenchError;
use crate::measure::{median, millis, peak_rss_mb, quantile};
use crate::options::Options;
use crate::state::{KEYS, Pairs, UPDATES, track, update};
use crate::stream::context;
use crate::table::Row;

/// How many batches of a second the first process runs: several snapshots lie behind its end,
/// and the changes of some batches behind the last of them.
const BATCHES: u32 = 36;

/// The kinds of state.
const KINDS: [(&str, fn(&Pairs)); 2] = [("map-with-state", track), ("update-state", update)];

/// Restarts in new processes, or does the part of it that this process is for.
pub(crate) fn run(options: &Options) -> Result<Vec<Row>, BenchError> {
    if let Some(part) = &options.part {
        return run_part(part);
    }
    let mut rows = Vec::new();
    for (kind, _) in KINDS {
        rows.extend(restart(kind, options)?);
    }
    Ok(rows)
}

fn restart(kind: &str, options: &Options) -> Result<Vec<Row>, BenchError> {
    let directory = Directory::new()?;
    let live = |batches: u32| {
        let part = Some(format!("{kind}:{batches}:{}", directory.name()));
        let options = Options {
            part,
            ..options.clone()
        };
        children::figures("restart", &options)
    };
    live(0)?;
    let lives = (0..options.runs as u32).map(|life| live(BATCHES + life));
    let rows: Vec<Row> = lives.collect::<Result<Vec<_>, _>>()?.concat();
    let values = |metric| -> Vec<f64> {
        let of_metric = rows.iter().filter(|row| row.metric == metric);
        of_metric.map(|row| row.value).collect()
    };
    let (first, name) = (values("first_batch_ms"), format!("restart/{kind}"));
    Ok(vec![
        Row::new(&name, "first_batch_ms", median(&first), "ms"),
        Row::new(&name, "first_batch_p95_ms", quantile(&first, 0.95), "ms"),
        Row::new(&name, "started_ms", median(&values("started_ms")), "ms"),
        Row::new(&name, "peak_rss_mb", median(&values("peak_rss_mb")), "MB"),
    ])
}

/// A life of the stream: `KIND:BATCHES:DIRECTORY` says how many batches have been done
/// before. The first life runs many, each later one a single one; each ends without a word, as
/// if it were killed.
fn run_part(part: &str) -> Result<Vec<Row>, BenchError> {
    let begin = Instant::now();
    let mut fields = part.splitn(3, ':');
    let kind = fields.next().unwrap_or_default();
    let done = fields.next().and_then(|field| field.parse::<u32>().ok());
    let keep = KINDS.iter().find(|(name, _)| *name == kind);
    let (Some((_, keep)), Some(done), Some(directory)) = (keep, done, fields.next()) else {
        return Err(BenchError::Unknown {
            name: part.to_owned(),
            known: "KIND:BATCHES:DIRECTORY".to_owned(),
        });
    };
    let test = build(Path::new(directory), done, *keep)?;
    if done == 0 {
        test.try_run(BATCHES as usize)?;
        return Ok(Vec::new());
    }
    test.context().start()?;
    let started = millis(begin.elapsed());
    test.try_run(1)?;
    let first = millis(begin.elapsed());
    check(&test)?;
    Ok(vec![
        Row::new("restart", "first_batch_ms", first, "ms"),
        Row::new("restart", "started_ms", started, "ms"),
        Row::new("restart", "peak_rss_mb", peak_rss_mb()?, "MB"),
    ])
}

/// Sums of all keys, of which each batch but the first has some.
fn build(directory: &Path, done: u32, keep: fn(&Pairs)) -> Result<TestStream, BenchError> {
    let clock = ManualClock::at(Time::from_millis(i64::from(done) * 1000));
    let test = TestStream::with_clock(&context(&[])?, seconds(1), clock)?;
    test.context().go_on_from(&directory.to_string_lossy())?;
    let pairs = test
        .context()
        .stream_by_time(|time| match time.as_millis() {
            ..=1000 => (0..KEYS).map(|key| (key, 1)).collect(),
            later => {
                let mut random = fastrand::Rng::with_seed(later as u64);
                (0..UPDATES).map(|_| (random.i64(0..KEYS), 1)).collect()
            }
        });
    keep(&pairs);
    Ok(test)
}

fn check(test: &TestStream) -> Result<(), BenchError> {
    let keys: u64 = test
        .context()
        .state_stores()
        .iter()
        .map(|store| store.size().keys)
        .sum();
    if keys == KEYS as u64 {
        return Ok(());
    }
    Err(BenchError::Disagreement {
        variant: "the state after a restart".to_owned(),
        found: format!("{keys} keys"),
        reference: "the state before".to_owned(),
        expected: format!("{KEYS} keys"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_that_is_unknown_is_refused() {
        assert!(run_part("window:3:/nowhere").is_err());
        assert!(run_part("update-state:many:/nowhere").is_err());
    }
}
