//! One round: the plan is carried out, and what is left is verified.

use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, Instant};

use headwater::clock::{Clock, SystemClock};
use rustix::process::Signal;

use super::driver::{CHECKPOINT, DATABASE, RUN_LAST_AGAIN, Report};
use super::error::ChaosError;
use super::event::{Event, events};
use super::home::Home;
use super::options::Options;
use super::plan::{End, Fault, Life, Moment, Plan};
use super::process::{Driver, Next};
use super::source::Source;
use super::stored::Stored;
use super::summary::Outcome;
use super::torn::tear;
use super::verify::{Expected, verify};

/// A driver that says nothing for so long hangs.
const SILENCE_MAX: Duration = Duration::from_secs(30);
/// How often the stream may fail in its last life, in which nothing is done to it.
const LAST_LIVES_MAX: usize = 3;

/// Carries a plan out.
pub(crate) fn run(plan: &Plan, options: &Options) -> Result<Outcome, ChaosError> {
    let began = Instant::now();
    let mut round = Round::begin(plan)?;
    for number in 0..plan.lives.len() {
        if round.live(number)? {
            break;
        }
    }
    let mut more = 1;
    while !round.is_over && more < LAST_LIVES_MAX {
        round.live(plan.lives.len() - 1)?;
        more += 1;
    }
    round.judge();
    let Round {
        mut outcome, home, ..
    } = round;
    outcome.records = plan.events;
    if options.keep || !outcome.is_good() {
        outcome.kept = Some(home.keep());
    }
    outcome.took = began.elapsed();
    Ok(outcome)
}

/// A round that is under way.
struct Round<'a> {
    plan: &'a Plan,
    home: Home,
    events: Vec<Event>,
    source: Source,
    /// The times of the batches that were reported as done.
    completed: BTreeSet<i64>,
    is_over: bool,
    /// Whether the next process may be told to run the last batch again.
    may_run_again: bool,
    outcome: Outcome,
}

/// How a process has ended.
enum Ended {
    /// As the plan says.
    AsPlanned,
    /// All was done, and it has stopped.
    Done,
    /// By itself, for this reason.
    Failed(String),
}

impl<'a> Round<'a> {
    fn begin(plan: &'a Plan) -> Result<Self, ChaosError> {
        let events = events(plan.seed, plan.events);
        let source = Source::start(events.clone(), plan.seed)?;
        let home = Home::make(plan.fills_disk())?;
        Ok(Round {
            plan,
            home,
            events,
            source,
            completed: BTreeSet::new(),
            is_over: false,
            may_run_again: true,
            outcome: Outcome::default(),
        })
    }

    /// Lives one life; whether all is done.
    fn live(&mut self, number: usize) -> Result<bool, ChaosError> {
        let life = &self.plan.lives[number];
        let journal = self.home.data().join(CHECKPOINT).join("journal");
        let torn = match life.torn {
            Some(torn) => tear(&journal, torn, life.settings.seed)?,
            None => false,
        };
        for fault in self.plan.faults(number) {
            // The end is counted when it comes, and what tears nothing did not happen.
            if !fault.is_end() && (fault != Fault::TornTail || torn) {
                self.outcome.count(fault);
            }
        }
        let mut settings = life.settings.clone();
        settings.run_last_again &= std::mem::replace(&mut self.may_run_again, true);
        if !self.home.has_small_disk() {
            settings.file_limit = life.disk_full;
        }
        let log = self.home.log(self.outcome.starts);
        let now = SystemClock.now().as_millis() + settings.first_offset_ms();
        let is_behind = self.completed.last().is_some_and(|last| now < *last);
        let driver = Driver::start(&self.home.data(), &self.source.address(), &settings, &log)?;
        let is_restart = self.outcome.starts > 0;
        self.outcome.starts += 1;
        let mut watch = Watch::new(self, life, driver);
        watch.is_recovery = is_restart && !is_behind;
        let ended = watch.run()?;
        self.home.empty()?;
        match ended {
            Ended::AsPlanned => {}
            Ended::Done => self.is_over = true,
            Ended::Failed(reason) if settings.run_last_again && reason.contains(RUN_LAST_AGAIN) => {
                // State that was just brought into other partitions has no batch before.
                self.may_run_again = false;
                self.outcome.refusals += 1;
            }
            Ended::Failed(_) if life.may_fail() => self.outcome.planned_failures += 1,
            Ended::Failed(reason) => {
                let start = self.outcome.starts;
                self.outcome
                    .broken(format!("start {start} ended by itself: {reason}"));
            }
        }
        Ok(self.is_over)
    }
}

impl Round<'_> {
    /// Looks at what is left.
    fn judge(&mut self) {
        for message in self.source.forgotten() {
            self.outcome.broken(message);
        }
        if !self.is_over {
            // What is missing may only not have been reached.
            let unknown = "the stream never came to its end, so nothing was counted";
            self.outcome.broken(unknown.to_owned());
            return;
        }
        let expected = Expected {
            events: &self.events,
            completed: &self.completed,
        };
        match Stored::read(&self.home.data(), DATABASE) {
            Ok(stored) => self.outcome.findings = verify(&expected, &stored),
            Err(error) => self.outcome.broken(error.to_string()),
        }
    }
}

/// Watches one process, and strikes when it is time to.
struct Watch<'r, 'a> {
    round: &'r mut Round<'a>,
    life: &'r Life,
    driver: Driver,
    reports: u32,
    batches: u32,
    /// Whether the time to its first batch counts: it follows another process, and does not
    /// have to wait until it is as late as that one thought that it was.
    is_recovery: bool,
    reason: Option<String>,
}

impl<'r, 'a> Watch<'r, 'a> {
    fn new(round: &'r mut Round<'a>, life: &'r Life, driver: Driver) -> Self {
        Watch {
            round,
            life,
            driver,
            reports: 0,
            batches: 0,
            is_recovery: false,
            reason: None,
        }
    }

    fn run(mut self) -> Result<Ended, ChaosError> {
        if !self.wait_for_the_moment()? {
            return self.has_ended();
        }
        match self.life.end {
            End::Kill(_) => {
                self.round.outcome.count(Fault::Kill);
                self.driver.kill()?;
                // What it said before is true.
                while let Next::Report(report) = self.driver.next(Instant::now() + SILENCE_MAX) {
                    self.take(report)?;
                }
                return Ok(Ended::AsPlanned);
            }
            End::Terminate(_) => {
                self.round.outcome.count(Fault::Terminate);
                self.driver.terminate();
            }
            End::Stop(_) => {
                self.round.outcome.count(Fault::Stop);
                self.driver.stop();
            }
            End::WhenDone => self.driver.stop(),
        }
        let silent_at = Instant::now() + SILENCE_MAX * 2;
        loop {
            match self.driver.next(silent_at) {
                Next::Report(report) => self.take(report)?,
                Next::Ended => return self.has_ended(),
                Next::TimeOver => {
                    self.driver.kill()?;
                    return Ok(Ended::Failed("it does not stop".to_owned()));
                }
            }
        }
    }

    /// Waits for the moment of the plan; `false` when the process has ended before it.
    fn wait_for_the_moment(&mut self) -> Result<bool, ChaosError> {
        let moment = match self.life.end {
            End::Kill(moment) | End::Terminate(moment) | End::Stop(moment) => Some(moment),
            End::WhenDone => None,
        };
        let mut due = None;
        loop {
            match moment {
                Some(moment) if self.reports >= moment.reports => {
                    due = due.or_else(|| Some(Instant::now() + moment.delay()));
                }
                None if self.round.source.is_done() => return Ok(true),
                _ => {}
            }
            let until = due.unwrap_or_else(|| Instant::now() + SILENCE_MAX);
            match self.driver.next(until) {
                Next::Report(report) => self.take(report)?,
                Next::Ended => return Ok(false),
                Next::TimeOver if due.is_some() => return Ok(true),
                Next::TimeOver => {
                    self.reason = Some(format!("it said nothing for {SILENCE_MAX:?}"));
                    self.driver.kill()?;
                    return Ok(false);
                }
            }
        }
    }

    fn take(&mut self, report: Report) -> Result<(), ChaosError> {
        match report {
            Report::Started => {}
            Report::Output => self.reports += 1,
            Report::Batch(time) => {
                self.reports += 1;
                self.batches += 1;
                self.round.completed.insert(time);
                if self.is_recovery && self.batches == 1 {
                    self.round.outcome.recoveries.push(self.driver.age());
                }
                self.fill_disk()?;
            }
            Report::ReceiverFailed => self.round.outcome.receiver_failures += 1,
            Report::Failed(reason) => self.reason = Some(reason),
        }
        Ok(())
    }

    fn fill_disk(&mut self) -> Result<(), ChaosError> {
        let full = self
            .life
            .disk_full
            .filter(|full| full.after_batches == self.batches);
        let Some(full) = full else {
            return Ok(());
        };
        if self.round.home.has_small_disk() {
            self.round.outcome.disks_filled += 1;
            return self.round.home.fill(full.bytes_left);
        }
        self.round.outcome.files_limited += 1;
        Ok(())
    }

    fn has_ended(mut self) -> Result<Ended, ChaosError> {
        let status = self.driver.wait()?;
        if let Some(reason) = self.reason {
            return Ok(Ended::Failed(reason));
        }
        let is_terminated = matches!(self.life.end, End::Terminate(_));
        if is_terminated && status.signal() == Some(Signal::TERM.as_raw()) {
            // The signal came before the process listened to signals.
            return Ok(Ended::AsPlanned);
        }
        if !status.success() {
            return Ok(Ended::Failed(format!(
                "it ended with {status}; its log says why"
            )));
        }
        match self.life.end {
            End::WhenDone if self.round.source.is_done() => Ok(Ended::Done),
            _ => Ok(Ended::AsPlanned),
        }
    }
}

impl Moment {
    fn delay(self) -> Duration {
        Duration::from_micros(self.then_us)
    }
}
