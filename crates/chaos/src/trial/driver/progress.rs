//! What the driver tells its parent, and what it does after so many batches.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use headwater::{BatchInfo, OutputInfo, ReceiverInfo, StreamingListener};

use super::clock::SteppedClock;
use super::{largest_file, limit};
use crate::trial::plan::{ClockStep, DiskFull, Settings};

/// A line that the driver writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Report {
    /// The stream runs.
    Started,
    /// An output of a batch has begun.
    Output,
    /// A batch is done, of this time in milliseconds.
    Batch(i64),
    /// The receiver has failed, and will be started again.
    ReceiverFailed,
    /// The process ends, because of this.
    Failed(String),
}

impl Report {
    /// Writes the line. If the parent is gone, so is the process, very soon.
    pub(super) fn tell(&self) {
        let mut out = std::io::stdout().lock();
        let _ = writeln!(out, "{}", self.line());
        let _ = out.flush();
    }

    fn line(&self) -> String {
        match self {
            Report::Started => "started".to_owned(),
            Report::Output => "output".to_owned(),
            Report::Batch(time_ms) => format!("batch {time_ms}"),
            Report::ReceiverFailed => "receiver failed".to_owned(),
            Report::Failed(message) => format!("failed {}", message.replace('\n', " ")),
        }
    }

    /// The report that a line is; `None` for one that was cut off.
    pub(crate) fn parse(line: &str) -> Option<Report> {
        match line.split_once(' ') {
            None if line == "started" => Some(Report::Started),
            None if line == "output" => Some(Report::Output),
            Some(("batch", time_ms)) => time_ms.parse().ok().map(Report::Batch),
            Some(("receiver", "failed")) => Some(Report::ReceiverFailed),
            Some(("failed", message)) => Some(Report::Failed(message.to_owned())),
            _ => None,
        }
    }
}

/// Tells what happens, and does what has to be done after so many batches.
pub(super) struct Progress {
    batches: u32,
    clock: Arc<SteppedClock>,
    steps: Vec<ClockStep>,
    file_limit: Option<DiskFull>,
    journal: PathBuf,
}

impl Progress {
    pub(super) fn new(clock: Arc<SteppedClock>, settings: &Settings, checkpoint: &Path) -> Self {
        Progress {
            batches: 0,
            clock,
            steps: settings.clock.clone(),
            file_limit: settings.file_limit,
            journal: checkpoint.join("journal"),
        }
    }
}

impl StreamingListener for Progress {
    fn on_receiver_error(&mut self, _: &ReceiverInfo) {
        Report::ReceiverFailed.tell();
    }

    fn on_output_started(&mut self, _: &OutputInfo) {
        Report::Output.tell();
    }

    fn on_batch_completed(&mut self, batch: &BatchInfo) {
        if batch.failure().is_some() {
            return;
        }
        self.batches += 1;
        let now = |after_batches| after_batches == self.batches;
        if let Some(step) = self.steps.iter().find(|step| now(step.after_batches)) {
            self.clock.set(step.offset_ms);
        }
        if let Some(full) = self.file_limit.filter(|full| now(full.after_batches)) {
            let bytes = largest_file(&self.journal) + full.bytes_left;
            if let Err(error) = limit::limit_files(bytes) {
                Report::Failed(format!("cannot limit the size of files: {error}")).tell();
            }
        }
        Report::Batch(batch.time.as_millis()).tell();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_read_as_written() {
        let reports = [
            Report::Started,
            Report::Output,
            Report::Batch(1_700_000_000_000),
            Report::ReceiverFailed,
            Report::Failed("no space left".to_owned()),
        ];
        for report in reports {
            assert_eq!(Report::parse(&report.line()), Some(report));
        }
        assert_eq!(Report::parse("bat"), None);
    }
}
