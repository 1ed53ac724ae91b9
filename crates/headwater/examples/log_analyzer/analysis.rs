//! The streaming program: from lines to reports.

use std::io::{ErrorKind, Write, stdout};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use headwater::prelude::*;
use headwater::{Error, LiveLine, OutputId};
use serde::{Deserialize, Serialize};

use crate::End;
use crate::access_log::AccessLog;
use crate::options::Options;
use crate::report::{FREQUENT_VISITS, Report, SoFar, Stats, Summary, TOP_ENDPOINTS};

/// What the analysis keeps of a line.
#[derive(Clone, Serialize, Deserialize)]
struct Hit {
    client: Text,
    endpoint: Text,
    status: u16,
    content_size: u64,
}

/// A line of the log, or one that is none; with its length.
#[derive(Clone, Serialize, Deserialize)]
struct Line {
    hit: Option<Hit>,
    bytes: u64,
}

impl Line {
    fn parse(text: &Text) -> Line {
        let hit = AccessLog::parse(text).ok().map(|log| Hit {
            client: text.slice_ref(log.client),
            endpoint: text.slice_ref(log.endpoint),
            status: log.status,
            content_size: log.content_size,
        });
        Line {
            hit,
            bytes: text.len() as u64 + 1,
        }
    }
}

/// What the whole run has seen.
#[derive(Default)]
pub(crate) struct Totals {
    batches: AtomicU64,
    lines: AtomicU64,
    malformed: AtomicU64,
    bytes: AtomicU64,
}

impl Totals {
    pub(crate) fn summary(&self, elapsed: Duration) -> Summary {
        Summary {
            batches: self.batches.load(Ordering::Relaxed),
            lines: self.lines.load(Ordering::Relaxed),
            malformed: self.malformed.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
            elapsed,
        }
    }
}

/// Builds the graph: three outputs over the parsed lines.
pub(crate) fn build(
    lines: &DStream<Text>,
    options: &Options,
    totals: &Arc<Totals>,
    ends: SyncSender<End>,
) {
    // Several jobs read each batch: it is parsed once.
    let lines = lines
        .map(|text| Line::parse(&text))
        .persist(StorageLevel::MEMORY_ONLY);
    count_in(&lines, totals.clone());
    let so_far = Arc::new(Mutex::new(SoFar::default()));
    count_on(&lines, so_far.clone());

    let window = lines.window(options.window(), options.slide());
    let wanted = options.batches.unwrap_or(u64::MAX);
    let printed = AtomicU64::new(0);
    window.foreach_rdd(move |rdd, _time| {
        let report = analyse(rdd)?;
        // Outputs run in the order in which they were built, so that this batch is in it.
        let so_far = *so_far.lock().unwrap_or_else(PoisonError::into_inner);
        let written = LiveLine::stderr().beside(|| {
            let mut out = stdout().lock();
            writeln!(out, "{report}\n{so_far}\n").and_then(|()| out.flush())
        });
        match written {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                let _ = ends.try_send(End::NobodyReads);
            }
            written => written.map_err(AnalysisError::Print)?,
        }
        if printed.fetch_add(1, Ordering::Relaxed) + 1 == wanted {
            // Full only when the program ends already.
            let _ = ends.try_send(End::Reports);
        }
        Ok::<_, AnalysisError>(())
    });
}

/// Why a report could not be made.
#[derive(Debug)]
enum AnalysisError {
    Engine(Error),
    Print(std::io::Error),
}

impl std::fmt::Display for AnalysisError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            AnalysisError::Engine(error) => error.fmt(f),
            AnalysisError::Print(error) => write!(f, "cannot print the report: {error}"),
        }
    }
}

impl From<Error> for AnalysisError {
    fn from(error: Error) -> Self {
        AnalysisError::Engine(error)
    }
}

fn count_in(lines: &DStream<Line>, totals: Arc<Totals>) -> OutputId {
    lines.foreach_rdd(move |rdd, _time| {
        let (count, malformed, bytes) = rdd.aggregate(
            (0, 0, 0),
            |(count, malformed, bytes), line| {
                (
                    count + 1,
                    malformed + u64::from(line.hit.is_none()),
                    bytes + line.bytes,
                )
            },
            |a, b| (a.0 + b.0, a.1 + b.1, a.2 + b.2),
        )?;
        totals.batches.fetch_add(1, Ordering::Relaxed);
        totals.lines.fetch_add(count, Ordering::Relaxed);
        totals.malformed.fetch_add(malformed, Ordering::Relaxed);
        totals.bytes.fetch_add(bytes, Ordering::Relaxed);
        Ok::<_, Error>(())
    })
}

/// Counts what was seen since the beginning; with a checkpoint directory that of the first
/// process which wrote there.
fn count_on(lines: &DStream<Line>, to: Arc<Mutex<SoFar>>) -> OutputId {
    let counts = lines.map(|line| {
        let seen = SoFar {
            lines: 1,
            malformed: u64::from(line.hit.is_none()),
            bytes: line.bytes,
        };
        ((), seen)
    });
    let sums = counts.reduce_by_key(SoFar::and);
    let add = |new: Vec<SoFar>, old: Option<SoFar>| {
        Some(new.into_iter().fold(old.unwrap_or_default(), SoFar::and))
    };
    let so_far = sums.update_state_by_key(add).named("so far");
    so_far.foreach_rdd(move |rdd, _time| {
        if let Some(((), so_far)) = rdd.collect()?.pop() {
            *to.lock().unwrap_or_else(PoisonError::into_inner) = so_far;
        }
        Ok::<_, Error>(())
    })
}

/// The tutorial's questions, each an RDD operation or two.
fn analyse(lines: &Rdd<Line>) -> Result<Report, Error> {
    let started = Instant::now();
    let malformed = lines.filter(|line| line.hit.is_none()).count()?;
    let hits = lines.flat_map_into(|line, out| out.extend(line.hit.clone()));

    let sizes = hits.map(|hit| Some(Stats::of(hit.content_size)));
    let content_size = sizes.fold(None, |a, b| match (a, b) {
        (Some(a), Some(b)) => Some(a.merge(b)),
        (a, b) => a.or(b),
    })?;
    if content_size.is_none() {
        return Ok(Report {
            malformed,
            took: started.elapsed(),
            ..Report::default()
        });
    }
    let response_codes = hits
        .map(|hit| (hit.status, 1_u64))
        .reduce_by_key(|a, b| a + b);
    let visits = hits
        .map(|hit| (hit.client, 1_u64))
        .reduce_by_key(|a, b| a + b);
    let frequent = visits
        .filter(|(_, visits)| *visits > FREQUENT_VISITS)
        .keys();
    let endpoints = hits
        .map(|hit| (hit.endpoint, 1_u64))
        .reduce_by_key(|a, b| a + b);
    // Most first; those that are wanted alike by name.
    let top = endpoints.take_ordered_by(TOP_ENDPOINTS, |(endpoint, wanted)| {
        (std::cmp::Reverse(*wanted), endpoint.clone())
    })?;

    Ok(Report {
        content_size,
        response_codes: response_codes.collect()?,
        frequent_clients: frequent.collect()?.into_iter().map(String::from).collect(),
        top_endpoints: top
            .into_iter()
            .map(|(name, count)| (String::from(name), count))
            .collect(),
        malformed,
        took: started.elapsed(),
    })
}
