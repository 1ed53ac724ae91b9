//! A child process whose printed lines can be waited for.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Instant;

use crate::error::Error;

/// Lines that may wait to be looked at; a full queue makes the child wait.
const LINES_MAX: usize = 1024;

/// How many of the last lines an error shows.
const LINES_SHOWN: usize = 20;

/// A running example. It is killed when this value goes.
pub(super) struct Process {
    name: &'static str,
    child: Child,
    lines: Receiver<String>,
    last: Vec<String>,
}

impl Process {
    /// Starts `binary`; its standard error goes to ours.
    pub(super) fn start(
        name: &'static str,
        binary: &Path,
        arguments: &[&str],
    ) -> Result<Self, Error> {
        let mut command = Command::new(binary);
        command
            .args(arguments)
            // Whatever else is shown on this machine keeps its port.
            .env("HEADWATER_UI__PORT", "0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|error| Error::Example {
            name,
            reason: format!("cannot start: {error}"),
        })?;
        let (sender, lines) = sync_channel(LINES_MAX);
        if let Some(output) = child.stdout.take() {
            thread::spawn(move || {
                let lines = BufReader::new(output).lines().map_while(Result::ok);
                // Sending fails when nobody looks any more; then the rest does not matter.
                lines.into_iter().try_for_each(|line| sender.send(line))
            });
        }
        Ok(Self {
            name,
            child,
            lines,
            last: Vec::new(),
        })
    }

    /// The next printed line; nothing when the process has closed its output.
    pub(super) fn next_line(&mut self, deadline: Instant) -> Result<Option<String>, Error> {
        let limit = deadline.saturating_duration_since(Instant::now());
        match self.lines.recv_timeout(limit) {
            Ok(line) => {
                if self.last.len() == LINES_SHOWN {
                    self.last.remove(0);
                }
                self.last.push(line.clone());
                Ok(Some(line))
            }
            Err(RecvTimeoutError::Disconnected) => Ok(None),
            Err(RecvTimeoutError::Timeout) => Err(self.failure("did not finish in time")),
        }
    }

    /// The next line that has a text in it.
    pub(super) fn wait_for(&mut self, text: &str, deadline: Instant) -> Result<String, Error> {
        while let Some(line) = self.next_line(deadline)? {
            if line.contains(text) {
                return Ok(line);
            }
        }
        Err(self.failure(&format!("ended before it printed {text:?}")))
    }

    /// Ends the process with a signal, which it should take as a wish to end in good order.
    pub(super) fn end(&mut self, deadline: Instant) -> Result<(), Error> {
        let kill = format!("kill -s TERM {}", self.child.id());
        let sent = Command::new("sh").args(["-c", &kill]).status();
        if !sent.is_ok_and(|status| status.success()) {
            return Err(self.failure("could not be sent a signal"));
        }
        while self.next_line(deadline)?.is_some() {}
        self.finish()
    }

    /// Waits for the end of a process that has closed its output, and wants success.
    pub(super) fn finish(&mut self) -> Result<(), Error> {
        match self.child.wait() {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(self.failure(&format!("ended with {status}"))),
            Err(error) => Err(self.failure(&error.to_string())),
        }
    }

    /// An error with the last lines that were printed.
    pub(super) fn failure(&self, reason: &str) -> Error {
        let shown = self.last.join("\n    ");
        Error::Example {
            name: self.name,
            reason: format!("{reason}; the last lines were:\n    {shown}"),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only for a process that has ended and was waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
