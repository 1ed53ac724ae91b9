//! The clocks and counters that figures come from.
//!
//! Everything is read from Linux's `/proc`, so that no unsafe code is needed.

use std::fs;
use std::time::{Duration, Instant};

use crate::error::BenchError;

/// A megabyte is a million bytes, as in Spark's figures.
pub(crate) const MB: f64 = 1e6;

/// Linux reports processor time to user space in hundredths of a second, on every
/// architecture that Rust's standard library supports.
const TICK: Duration = Duration::from_millis(10);

/// The processor time that this process has used: all threads, ended ones too.
///
/// It has a resolution of 10 ms; sum it over runs that are long compared to that.
pub(crate) fn process_cpu() -> Result<Duration, BenchError> {
    const FILE: &str = "/proc/self/stat";
    let text = fs::read_to_string(FILE).map_err(BenchError::io("read", FILE))?;
    cpu_of_stat(&text).ok_or(BenchError::Accounting {
        file: FILE,
        field: "utime and stime",
    })
}

/// The processor time of the threads that are alive, to the nanosecond.
///
/// For processes that hardly do anything and end no threads meanwhile.
pub(crate) fn living_threads_cpu() -> Result<Duration, BenchError> {
    const DIRECTORY: &str = "/proc/self/task";
    let mut nanos = 0;
    for entry in fs::read_dir(DIRECTORY).map_err(BenchError::io("list", DIRECTORY))? {
        let path = entry
            .map_err(BenchError::io("list", DIRECTORY))?
            .path()
            .join("schedstat");
        // A thread may have ended since it was listed.
        let Ok(text) = fs::read_to_string(&path) else {
            continue;
        };
        nanos += text
            .split_whitespace()
            .next()
            .and_then(|n| n.parse::<u64>().ok())
            .unwrap_or(0);
    }
    match nanos {
        0 => Err(BenchError::Accounting {
            file: DIRECTORY,
            field: "schedstat",
        }),
        nanos => Ok(Duration::from_nanos(nanos)),
    }
}

/// User and system time; the name before them may hold anything, but ends with the last `)`.
fn cpu_of_stat(text: &str) -> Option<Duration> {
    let (_, fields) = text.rsplit_once(')')?;
    let mut ticks = fields
        .split_whitespace()
        .skip(11)
        .map(|field| field.parse::<u32>().ok());
    Some(TICK * (ticks.next()?? + ticks.next()??))
}

/// The most memory that this process has held, in MB.
pub(crate) fn peak_rss_mb() -> Result<f64, BenchError> {
    status_mb("VmHWM")
}

/// The memory that this process holds, in MB.
pub(crate) fn rss_mb() -> Result<f64, BenchError> {
    status_mb("VmRSS")
}

fn status_mb(field: &'static str) -> Result<f64, BenchError> {
    const FILE: &str = "/proc/self/status";
    let text = fs::read_to_string(FILE).map_err(BenchError::io("read", FILE))?;
    mb_of_status(&text, field).ok_or(BenchError::Accounting { file: FILE, field })
}

fn mb_of_status(text: &str, field: &str) -> Option<f64> {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
    let kibibytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024.0 / MB)
}

/// The nearest-rank quantile; infinite when there is nothing.
pub(crate) fn quantile(values: &[f64], q: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (q * sorted.len() as f64).ceil() as usize;
    sorted
        .get(rank.saturating_sub(1))
        .copied()
        .unwrap_or(f64::INFINITY)
}

/// The nearest-rank median.
pub(crate) fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// A duration in milliseconds.
pub(crate) fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// What repeated runs of one thing took.
#[derive(Default)]
pub(crate) struct Runs {
    wall_seconds: Vec<f64>,
    cpu: Duration,
}

impl Runs {
    /// Runs and counts it.
    pub(crate) fn time<R>(
        &mut self,
        run: impl FnOnce() -> Result<R, BenchError>,
    ) -> Result<R, BenchError> {
        let cpu = process_cpu()?;
        let start = Instant::now();
        let result = run()?;
        self.wall_seconds.push(start.elapsed().as_secs_f64());
        self.cpu += process_cpu()?.saturating_sub(cpu);
        Ok(result)
    }

    /// The median wall time of a run.
    pub(crate) fn median_seconds(&self) -> f64 {
        median(&self.wall_seconds)
    }

    /// The mean processor time of a run; a single run would suffer from the clock's ticks.
    pub(crate) fn mean_cpu_seconds(&self) -> f64 {
        self.cpu.as_secs_f64() / self.wall_seconds.len() as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_nearest_rank() {
        let values: Vec<f64> = (1..=20).rev().map(f64::from).collect();
        assert_eq!((median(&values), quantile(&values, 0.95)), (10.0, 19.0));
        assert_eq!(
            (quantile(&values, 0.0), quantile(&values, 1.0)),
            (1.0, 20.0)
        );
        assert_eq!(median(&[]), f64::INFINITY);
    }

    #[test]
    fn the_name_in_stat_may_hold_anything() {
        let text = "7 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 150 25 0 0 20 0 3";
        assert_eq!(cpu_of_stat(text), Some(Duration::from_millis(1_750)));
        assert_eq!(cpu_of_stat("7 (a) S 1 2"), None);
    }

    #[test]
    fn memory_is_found_in_status() {
        let text = "Name:\tx\nVmPeak:\t 9 kB\nVmHWM:\t    5000 kB\nVmRSS:\t 2500 kB\n";
        assert_eq!(mb_of_status(text, "VmHWM"), Some(5.12));
        assert_eq!(mb_of_status(text, "VmRSS"), Some(2.56));
        assert_eq!(mb_of_status(text, "VmSwap"), None);
    }

    #[test]
    fn this_process_has_counters() {
        assert!(process_cpu().is_ok());
        assert!(peak_rss_mb().unwrap() >= rss_mb().unwrap() * 0.5);
    }
}
