//! One history: which step comes next.

use fastrand::Rng;

use super::Check;
use super::checkpoint::Checkpointing;
use super::disk::Disk;
use super::process::Process;
use super::recovery;
use super::setup::{BATCH, InputKind, Rule, Setup, batches};
use super::truth::Truth;
use crate::time::{Time, millis};

/// How much of what is dangerous has happened.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Seen {
    pub(super) crashes: u64,
    /// Crashes that damaged a manifest.
    pub(super) damaged: u64,
    /// Crashes in the middle of a checkpoint.
    pub(super) in_checkpoints: u64,
    /// Restarts with batches that were cut and not done.
    pub(super) reruns: u64,
    /// Batches that were done before one before them.
    pub(super) overtaken: u64,
    /// Batches for which a source failed.
    pub(super) sources_failed: u64,
    /// Restarts with an input more or less.
    pub(super) inputs_changed: u64,
    /// Restarts that look further back at a state than it goes.
    pub(super) begun_late: u64,
    pub(super) batches: u64,
    pub(super) records: u64,
}

impl Seen {
    pub(super) fn add(&mut self, other: Seen) {
        self.crashes += other.crashes;
        self.damaged += other.damaged;
        self.in_checkpoints += other.in_checkpoints;
        self.reruns += other.reruns;
        self.overtaken += other.overtaken;
        self.sources_failed += other.sources_failed;
        self.inputs_changed += other.inputs_changed;
        self.begun_late += other.begun_late;
        self.batches += other.batches;
        self.records += other.records;
    }
}

#[derive(Debug)]
pub(super) struct History {
    setup: Setup,
    rng: Rng,
    now: Time,
    disk: Disk,
    truth: Truth,
    process: Process,
    seen: Seen,
    kept_max: usize,
    /// Nothing new comes in, and nothing is killed.
    is_over: bool,
}

/// How many batches may wait; then none is cut.
const WAITING_MAX: usize = 4;
/// In so many steps everything is done that was begun.
const LAST_STEPS: u32 = 20_000;

impl History {
    pub(super) fn begin(setup: Setup, mut rng: Rng) -> Check<Self> {
        let now = Time::from_millis(rng.i64(10_000..20_000));
        let (mut disk, mut truth) = (Disk::default(), Truth::new(&setup));
        let process = recovery::start(&setup, &mut disk, &mut truth, now, &mut rng)?;
        Ok(History {
            setup,
            rng,
            now,
            disk,
            truth,
            process,
            seen: Seen::default(),
            kept_max: 0,
            is_over: false,
        })
    }

    pub(super) fn seen(&self) -> Seen {
        self.seen
    }

    /// How many entries the journal had when it was longest.
    pub(super) fn kept_max(&self) -> usize {
        self.kept_max
    }

    pub(super) fn run(&mut self, steps: u32) -> Check {
        let at = |step: u32| move |message| format!("step {step}: {message}");
        for step in 0..steps {
            self.step().map_err(at(step))?;
            self.kept_max = self.kept_max.max(self.disk.entries());
        }
        self.is_over = true;
        self.process
            .acknowledge(&mut self.disk, &self.setup, &mut self.truth);
        for step in steps..steps + LAST_STEPS {
            if self.truth.owed().is_empty() && !self.process.is_starting {
                return self.crash().map_err(at(step));
            }
            self.step().map_err(at(step))?;
        }
        Err(format!(
            "{:?} were acknowledged and never done",
            self.truth.owed()
        ))
    }

    fn step(&mut self) -> Check {
        if !self.is_over && self.rng.u32(0..self.setup.crash_every) == 0 {
            return self.crash();
        }
        match self.rng.u8(0..100) {
            0..15 => self.tick(),
            _ if self.process.is_starting => self.checkpoint()?,
            15..35 if !self.is_over => self.receive()?,
            35..45 => self.cut()?,
            45..55 => self.submit()?,
            55..80 => self.work()?,
            80..90 => {
                self.process
                    .report(&mut self.disk, &self.setup, &mut self.truth)?;
            }
            _ => self.checkpoint()?,
        }
        Ok(())
    }

    /// The process is killed, and another one begins, some time later or earlier.
    fn crash(&mut self) -> Check {
        self.seen.crashes += 1;
        self.seen.in_checkpoints += u64::from(self.process.checkpointing.is_some());
        let damaged = self.disk.crash(self.setup.damages, &mut self.rng);
        self.seen.damaged += u64::from(damaged);
        let inputs = self.process.inputs.len();
        match self.rng.u8(0..8) {
            0 => self.now += BATCH * self.rng.u32(1..6),
            1 => self.now -= BATCH * self.rng.u32(1..4),
            _ => {}
        }
        let History {
            setup,
            rng,
            now,
            disk,
            truth,
            ..
        } = self;
        self.process = recovery::start(setup, disk, truth, *now, rng)?;
        self.seen.inputs_changed += u64::from(self.process.inputs.len() != inputs);
        let is_late = self.process.begins.iter().any(|begin| begin.is_late);
        self.seen.begun_late += u64::from(is_late);
        self.seen.reruns += u64::from(self.process.past.first_open().is_some());
        Ok(())
    }

    fn tick(&mut self) {
        match self.rng.u16(0..500) {
            0 => self.now += BATCH * self.rng.u32(1..6),
            1 => self.now -= BATCH * self.rng.u32(1..4),
            _ => self.now += millis(self.rng.u64(0..400)),
        }
    }

    fn receive(&mut self) -> Check {
        let (process, disk, truth) = (&mut self.process, &mut self.disk, &mut self.truth);
        let number = self.rng.usize(0..self.setup.inputs.len());
        let step = self.rng.u8(0..10);
        if self.setup.inputs[number] == InputKind::Source && step < 7 {
            // Whether or not the program has it.
            (0..self.rng.u8(1..4)).for_each(|_| truth.arrives(number));
            return Ok(());
        }
        let Some(place) = process.places.inputs.iter().position(|one| *one == number) else {
            return Ok(());
        };
        match step {
            0..3 => process.gather(place, truth.new_record(number)),
            3 => process.log_open(disk, place)?,
            4..7 => {
                let records = (0..self.rng.u8(1..4)).map(|_| truth.new_record(number));
                process.store(disk, place, records.collect())?;
            }
            _ => process.acknowledge(disk, &self.setup, truth),
        }
        Ok(())
    }

    fn cut(&mut self) -> Check {
        let process = &mut self.process;
        let has_room = process.cutting.is_none() && process.waiting.len() < WAITING_MAX;
        if has_room && process.schedule.is_due(self.now) {
            let is_over = self.is_over;
            let fails = || !is_over && self.rng.u8(0..12) == 0;
            let cut = process.cut(&mut self.disk, &self.setup, &self.truth, fails)?;
            self.seen.sources_failed += u64::from(cut.source_failed);
            if !cut.is_cut {
                // The stream stops.
                return self.crash();
            }
        }
        Ok(())
    }

    /// Lets the batch that was cut run, once a thread is free.
    fn submit(&mut self) -> Check {
        let process = &mut self.process;
        process.submit(&mut self.disk, &self.setup, &mut self.truth)?;
        if process.running.len() < self.setup.concurrent_jobs {
            process.running.extend(process.waiting.pop_front());
        }
        Ok(())
    }

    /// Goes on with one of the batches that run.
    fn work(&mut self) -> Check {
        let process = &mut self.process;
        let Some(time) = self.rng.choice(&process.running).copied() else {
            return Ok(());
        };
        if process.take_step(time, &self.setup)? {
            return Ok(());
        }
        let fails = self.rng.u8(0..40) == 0;
        let failure = fails.then(|| "the sink is down".to_owned());
        let stores_again = self.setup.breaks(Rule::SinkOnce);
        if fails {
            self.truth.failed(time);
        } else if stores_again || !self.truth.has_stored(time) || self.rng.bool() {
            let output = process.output(time, &self.setup)?;
            self.truth.stored(time, output, stores_again, &self.setup)?;
            // It may be killed between its transaction and its end.
            if self.rng.bool() {
                return Ok(());
            }
        }
        // Ends are written one at a time.
        if process.ending.is_none() {
            self.seen.batches += 1;
            self.seen.overtaken += u64::from(process.past.first_open() != Some(time));
            self.seen.records = self.truth.records();
            process.end(&mut self.disk, time, failure, &self.setup)?;
        }
        Ok(())
    }

    fn checkpoint(&mut self) -> Check {
        let process = &mut self.process;
        if process.checkpointing.is_some() {
            return process.checkpoint(&mut self.disk, &self.setup, &mut self.truth);
        }
        let ended = process.past.ended;
        if ended - process.last_checkpoint >= batches(self.setup.checkpoint_interval) {
            process.last_checkpoint = ended;
            process.checkpointing = Some(Checkpointing::Snapshots(0, 0));
        }
        Ok(())
    }
}
