//! A program that runs beside a task: its input, its output and its end.
//!
//! The task's own thread computes the records that go in and passes on the lines that come
//! out. As it must never wait for one while the program waits for the other, three threads
//! do the reading and writing, and all that happens comes to the task through one channel.
//! The task gives out no more input than the writing thread has room for, so that waiting
//! for an event is the only wait that it knows.

use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, ErrorKind, Write};
#[cfg(unix)]
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use memchr::memrchr;
#[cfg(unix)]
use rustix::process::{Pid, Signal, kill_process_group};

use super::Pipe;
use crate::chunk::{Emitter, Push, Sink, Stop};
use crate::error::TaskError;
use crate::scheduler::TaskContext;
use crate::site::Site;
use crate::text::{Text, TextBlock};

/// How many blocks of input wait for the program.
const INPUT_BLOCKS: usize = 4;

/// How many events wait for the task.
const EVENTS: usize = 8;

/// How much of the output is read at a time.
const OUTPUT_BYTES: usize = 64 << 10;

/// How much of the end of standard error is shown.
const TAIL_BYTES: usize = 2 << 10;

/// How long a cancelled task may go on waiting for the program: the order to stop wakes
/// nobody who waits, so that it has to be looked for.
const LOOK: Duration = Duration::from_millis(50);

/// How often the end of standard error is waited for once the program has failed.
const LOOKS_FOR_ERRORS: usize = 100;

/// What the threads of a program tell its task.
enum Event {
    /// The program took a block of input.
    Took,
    /// The program takes no more input.
    Deaf(Option<io::Error>),
    /// Whole lines of the output; only the last ones of all may have no end.
    Lines(Vec<u8>),
    OutputEnded(io::Result<()>),
    /// What stood at the end of standard error.
    ErrorsEnded(String),
}

pub(super) struct Process<'a> {
    child: Child,
    site: Site,
    command: String,
    task: &'a TaskContext,
    /// `None` when there is no more input, or the program wants none.
    input: Option<SyncSender<Vec<u8>>>,
    /// How many blocks of input may be sent without waiting.
    room: usize,
    events: Receiver<Event>,
    /// Keeps the channel open, so that waiting for an event always takes its time.
    reports: SyncSender<Event>,
    output_ended: bool,
    errors: Option<String>,
    has_exited: bool,
}

impl<'a> Process<'a> {
    pub(super) fn start<T>(
        pipe: &Pipe<T>,
        site: Site,
        task: &'a TaskContext,
    ) -> Result<Self, TaskError> {
        let shown = pipe.shown_command();
        let cannot_start = |error: io::Error| TaskError::Io {
            operator: site,
            action: "start",
            target: match &pipe.directory {
                // The system does not say whether it missed the program or the directory.
                Some(directory) => format!("{shown} in {}", directory.display()),
                None => shown.clone(),
            },
            message: error.to_string(),
        };
        let mut words = pipe.command.iter();
        let mut command = Command::new(words.next().map(OsString::as_os_str).unwrap_or_default());
        command.args(words).envs(pipe.environment.iter().cloned());
        if let Some(directory) = &pipe.directory {
            command.current_dir(directory);
        }
        #[cfg(unix)]
        command.process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let child = command.stderr(Stdio::piped()).spawn();
        let (report, events) = sync_channel(EVENTS);
        // From here on the program is killed if something fails.
        let mut process = Process {
            child: child.map_err(cannot_start)?,
            site,
            command: shown.clone(),
            task,
            input: None,
            room: INPUT_BLOCKS,
            events,
            reports: report,
            output_ended: false,
            errors: None,
            has_exited: false,
        };
        process.start_threads().map_err(cannot_start)?;
        Ok(process)
    }

    fn start_threads(&mut self) -> io::Result<()> {
        let (give, take) = sync_channel(INPUT_BLOCKS);
        self.input = Some(give);
        if let Some(stdin) = self.child.stdin.take() {
            self.start_thread("in", move |report| write_input(stdin, &take, report))?;
        }
        if let Some(stdout) = self.child.stdout.take() {
            self.start_thread("out", move |report| {
                let ended = read_output(stdout, report);
                tell(report, Event::OutputEnded(ended));
            })?;
        }
        if let Some(stderr) = self.child.stderr.take() {
            let command = self.command.clone();
            self.start_thread("err", move |report| {
                let tail = read_errors(stderr, &command);
                tell(report, Event::ErrorsEnded(tail));
            })?;
        }
        Ok(())
    }

    fn start_thread(
        &self,
        name: &str,
        work: impl FnOnce(&SyncSender<Event>) + Send + 'static,
    ) -> io::Result<()> {
        let report = self.reports.clone();
        let name = format!("hw-{name}-{}", self.child.id());
        let thread = std::thread::Builder::new().name(name);
        // It ends by itself, at the latest when the program has and the task is gone.
        thread.spawn(move || work(&report)).map(|_| ())
    }

    /// Gives input to the program, passing on what it says meanwhile; `false` if it wants
    /// no more.
    pub(super) fn give(&mut self, block: Vec<u8>, sink: &mut dyn Sink<Text>) -> Result<bool, Stop> {
        while self.input.is_some() && self.room == 0 {
            self.wait(sink)?;
        }
        while let Ok(event) = self.events.try_recv() {
            self.handle(event, sink)?;
        }
        if let Some(input) = &self.input {
            self.room -= 1;
            if input.send(block).is_err() {
                self.input = None;
            }
        }
        Ok(self.input.is_some())
    }

    /// Ends the input, passes on what is left of the output and looks how the program
    /// ended.
    pub(super) fn finish(mut self, sink: &mut dyn Sink<Text>) -> Push {
        self.input = None;
        while !self.output_ended {
            self.wait(sink)?;
        }
        let status = self.wait_for_exit(sink)?;
        if status.success() {
            return Ok(());
        }
        // The program is gone, so the end of what it said is on its way; but a program that
        // it started may hold the stream open.
        for _ in 0..LOOKS_FOR_ERRORS {
            if self.errors.is_some() {
                break;
            }
            self.wait_at_most(LOOK, sink)?;
        }
        Err(self.failure(status))
    }

    fn wait(&mut self, sink: &mut dyn Sink<Text>) -> Push {
        while !self.wait_at_most(LOOK, sink)? {}
        Ok(())
    }

    /// Waits for one event; `false` if none came.
    fn wait_at_most(&mut self, time: Duration, sink: &mut dyn Sink<Text>) -> Result<bool, Stop> {
        self.task.check_cancelled()?;
        match self.events.recv_timeout(time) {
            Ok(event) => self.handle(event, sink).map(|()| true),
            Err(_) => Ok(false),
        }
    }

    fn handle(&mut self, event: Event, sink: &mut dyn Sink<Text>) -> Push {
        match event {
            Event::Took => self.room += 1,
            Event::Deaf(error) => {
                self.input = None;
                if let Some(error) = error {
                    return Err(self.io_error("write to", &error));
                }
            }
            Event::Lines(lines) => {
                let mut out = Emitter::new(self.task, sink);
                out.extend(TextBlock::from_utf8_lossy(lines).lines());
                out.finish()?;
            }
            Event::OutputEnded(ended) => {
                self.output_ended = true;
                ended.map_err(|error| self.io_error("read from", &error))?;
            }
            Event::ErrorsEnded(tail) => self.errors = Some(tail),
        }
        Ok(())
    }

    /// Programs end right after their output, or some time later.
    fn wait_for_exit(&mut self, sink: &mut dyn Sink<Text>) -> Result<ExitStatus, Stop> {
        let mut pause = Duration::from_micros(200);
        loop {
            let status = self.child.try_wait();
            if let Some(status) = status.map_err(|error| self.io_error("wait for", &error))? {
                self.has_exited = true;
                return Ok(status);
            }
            self.wait_at_most(pause, sink)?;
            pause = LOOK.min(pause * 2);
        }
    }

    fn failure(&self, status: ExitStatus) -> Stop {
        let how = status.code().map_or_else(
            || format!("was ended by a {status}"),
            |code| format!("exited with status {code}"),
        );
        let errors = self.errors.as_deref().unwrap_or_default().trim_end();
        let said = if errors.is_empty() {
            "it said nothing on standard error".to_owned()
        } else {
            format!("it said: {errors}")
        };
        TaskError::User {
            operator: self.site,
            message: format!("Subprocess {how}. Command ran: {}; {said}", self.command),
        }
        .into()
    }

    fn io_error(&self, action: &'static str, error: &io::Error) -> Stop {
        TaskError::Io {
            operator: self.site,
            action,
            target: self.command.clone(),
            message: error.to_string(),
        }
        .into()
    }
}

impl Drop for Process<'_> {
    fn drop(&mut self) {
        if !self.has_exited {
            // It may have ended by itself just now, which is as well. Until it was waited for
            // no other group can get its number.
            #[cfg(unix)]
            let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
            // A program may also have moved to another group.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Nobody listens any more when the task is gone.
fn tell(report: &SyncSender<Event>, event: Event) {
    let _ = report.send(event);
}

fn write_input(mut stdin: ChildStdin, blocks: &Receiver<Vec<u8>>, report: &SyncSender<Event>) {
    for block in blocks {
        if let Err(error) = stdin.write_all(&block) {
            // Programs such as `head` close their input when they have enough.
            let failed = (error.kind() != ErrorKind::BrokenPipe).then_some(error);
            return tell(report, Event::Deaf(failed));
        }
        tell(report, Event::Took);
    }
}

fn read_output(stdout: impl io::Read, report: &SyncSender<Event>) -> io::Result<()> {
    let mut stdout = BufReader::with_capacity(OUTPUT_BYTES, stdout);
    let mut block = Vec::new();
    while let Some(bytes) = next_bytes(&mut stdout)? {
        let (lines, rest) = bytes.split_at(memrchr(b'\n', bytes).map_or(0, |end| end + 1));
        if !lines.is_empty() {
            block.extend_from_slice(lines);
            tell(report, Event::Lines(std::mem::take(&mut block)));
        }
        block.extend_from_slice(rest);
        let read = bytes.len();
        stdout.consume(read);
    }
    if !block.is_empty() {
        tell(report, Event::Lines(block));
    }
    Ok(())
}

/// The last bytes of standard error; all of it goes to the log.
fn read_errors(stderr: impl io::Read, command: &str) -> String {
    let mut stderr = BufReader::new(stderr);
    let mut tail = Vec::new();
    // Standard error is only shown: what cannot be read of it fails nothing.
    while let Ok(Some(bytes)) = next_bytes(&mut stderr) {
        tracing::info!(command, stderr = %String::from_utf8_lossy(bytes), "a piped program");
        tail.extend_from_slice(bytes);
        tail.drain(..tail.len().saturating_sub(TAIL_BYTES));
        let read = bytes.len();
        stderr.consume(read);
    }
    String::from_utf8_lossy(&tail).into_owned()
}

/// What can be read now, once there is something; `None` at the end.
fn next_bytes(input: &mut impl BufRead) -> io::Result<Option<&[u8]>> {
    loop {
        match input.fill_buf() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
            Ok(_) => break,
        }
    }
    // Gives the same bytes again: the borrow of the first call would outlive the loop.
    let bytes = input.fill_buf()?;
    Ok((!bytes.is_empty()).then_some(bytes))
}
