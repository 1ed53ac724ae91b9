//! The driver as the parent sees it: a child process that reports.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::driver::Report;
use super::error::ChaosError;
use super::plan::Settings;

/// How many reports may wait until they are read.
const REPORTS_MAX: usize = 1024;

/// A running driver. It is killed when this is dropped.
pub(crate) struct Driver {
    child: Child,
    reports: Receiver<Report>,
    began: Instant,
}

/// What came next from a driver.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    Report(Report),
    /// It will say nothing more: it has ended, or is about to.
    Ended,
    TimeOver,
}

impl Driver {
    /// Starts this program again, as a driver.
    pub(crate) fn start(
        directory: &Path,
        source: &str,
        settings: &Settings,
        log: &Path,
    ) -> Result<Driver, ChaosError> {
        let program = std::env::current_exe().map_err(ChaosError::system("find this program"))?;
        let log = File::create(log).map_err(ChaosError::file("create", log))?;
        let began = Instant::now();
        let mut child = Command::new(program)
            .arg("drive")
            .arg("--directory")
            .arg(directory)
            .args(["--source", source])
            .args(["--settings", &serde_json::to_string(settings)?])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .map_err(ChaosError::system("start a driver"))?;
        let (to, reports) = sync_channel(REPORTS_MAX);
        if let Some(out) = child.stdout.take() {
            thread::spawn(move || pass_reports(BufReader::new(out), &to));
        }
        Ok(Driver {
            child,
            reports,
            began,
        })
    }

    /// How long ago it was started.
    pub(crate) fn age(&self) -> Duration {
        self.began.elapsed()
    }

    /// Waits for the next report, or the end.
    pub(crate) fn next(&self, until: Instant) -> Next {
        let limit = until.saturating_duration_since(Instant::now());
        match self.reports.recv_timeout(limit) {
            Ok(report) => Next::Report(report),
            Err(RecvTimeoutError::Disconnected) => Next::Ended,
            Err(RecvTimeoutError::Timeout) => Next::TimeOver,
        }
    }

    /// Kills it, as nothing can prevent.
    pub(crate) fn kill(&mut self) -> Result<(), ChaosError> {
        self.child
            .kill()
            .map_err(ChaosError::system("kill a driver"))?;
        self.wait().map(drop)
    }

    /// Sends it SIGTERM.
    pub(crate) fn terminate(&self) {
        // It may have ended by itself meanwhile.
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
    }

    /// Asks it to stop gracefully.
    pub(crate) fn stop(&mut self) {
        if let Some(orders) = &mut self.child.stdin {
            let _ = writeln!(orders, "stop");
        }
    }

    /// Waits for the end of a process that has said its last.
    pub(crate) fn wait(&mut self) -> Result<ExitStatus, ChaosError> {
        self.child
            .wait()
            .map_err(ChaosError::system("wait for a driver"))
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

fn pass_reports(out: impl BufRead, to: &SyncSender<Report>) {
    let lines = out.lines().map_while(Result::ok);
    for report in lines.filter_map(|line| Report::parse(&line)) {
        if to.send(report).is_err() {
            return;
        }
    }
}
