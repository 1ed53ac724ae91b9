//! What happens in a round: drawn from its seed, before anything runs.

use clap::ValueEnum;
use fastrand::Rng;
use serde::{Deserialize, Serialize};

/// What can happen to a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Fault {
    /// The process is killed by SIGKILL.
    Kill,
    /// It gets SIGTERM, and stops gracefully.
    Terminate,
    /// It is asked to stop gracefully.
    Stop,
    /// The disk is full.
    DiskFull,
    /// The last record of the journal is half written.
    TornTail,
    /// The clock is set back and forth.
    Clock,
    /// The receiver fails or panics.
    Receiver,
    /// Sinks fail or panic, before and after they have done what they were asked for.
    Sink,
    /// The next process has another number of slots.
    Slots,
    /// The next process is another version of the program.
    Program,
}

impl Fault {
    /// Whether it ends a process.
    pub(crate) fn is_end(self) -> bool {
        matches!(self, Fault::Kill | Fault::Terminate | Fault::Stop)
    }
}

/// A round.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    /// How many records the source has.
    pub(crate) events: usize,
    /// The processes, one after the other; the last one lives until all is done.
    pub(crate) lives: Vec<Life>,
}

/// What happens to one process of the stream.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Life {
    pub(crate) settings: Settings,
    /// What is done to the journal before the process begins.
    pub(crate) torn: Option<Torn>,
    pub(crate) disk_full: Option<DiskFull>,
    pub(crate) end: End,
}

/// What the process is told when it begins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Settings {
    pub(crate) seed: u64,
    pub(crate) slots: usize,
    pub(crate) version: Version,
    pub(crate) checkpoint_interval_ms: u64,
    pub(crate) run_last_again: bool,
    /// The steps of the clock, in their order.
    pub(crate) clock: Vec<ClockStep>,
    /// The receiver fails about once in so many blocks.
    pub(crate) receiver_fails: Option<u32>,
    /// Each sink fails about once in so many calls.
    pub(crate) sink_fails: Option<u32>,
    /// Files cannot grow beyond so much, where the disk cannot be filled.
    pub(crate) file_limit: Option<DiskFull>,
}

/// What a version of the program does in its own way. All of them store the same.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Version {
    /// An operator more behind the receiver.
    pub(crate) filters: bool,
    /// One of the states has another name.
    pub(crate) renames: bool,
    /// So many batches of a state are looked back at, by a window over it.
    pub(crate) looks_back: u32,
    /// The window's output comes before the others.
    pub(crate) looks_first: bool,
}

/// The clock differs from the machine's from then on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ClockStep {
    pub(crate) after_batches: u32,
    pub(crate) offset_ms: i64,
}

/// When the disk gets full, and how much there is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DiskFull {
    pub(crate) after_batches: u32,
    pub(crate) bytes_left: u64,
}

/// What a write leaves that was cut short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Torn {
    /// A group of records with a part of its body.
    Group,
    /// A part of a group's header.
    Header,
    /// A file that was made longer, but not written.
    Zeros,
    /// Anything.
    Garbage,
}

/// How a process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Kill(Moment),
    Terminate(Moment),
    Stop(Moment),
    /// Gracefully, when all records are safe.
    WhenDone,
}

/// A moment in a process's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    /// So many things were reported: outputs that began, batches that ended.
    pub(crate) reports: u32,
    /// So much time after that.
    pub(crate) then_us: u64,
}

/// Draws what happens.
struct Draw {
    rng: Rng,
    only: Option<Fault>,
}

impl Draw {
    /// Whether a fault happens, by a chance of so many percent.
    fn has(&mut self, fault: Fault, percent: u8) -> bool {
        // Drawn in any case, so that the rest of the plan stays the same.
        let drawn = self.rng.u8(..100) < percent;
        match self.only {
            None => drawn,
            Some(only) => only == fault,
        }
    }

    fn moment(&mut self) -> Moment {
        // In its first moments a process has most to do that it does once.
        match self.rng.u8(..5) {
            0 => Moment {
                reports: 0,
                then_us: self.rng.u64(..120_000),
            },
            _ => Moment {
                reports: self.rng.u32(1..80),
                then_us: self.rng.u64(..30_000),
            },
        }
    }

    fn end(&mut self) -> End {
        let moment = self.moment();
        let (terminate, stop) = (self.has(Fault::Terminate, 15), self.has(Fault::Stop, 15));
        match (terminate, stop) {
            (true, _) => End::Terminate(moment),
            (_, true) => End::Stop(moment),
            _ => End::Kill(moment),
        }
    }

    fn clock(&mut self) -> Vec<ClockStep> {
        let mut steps = Vec::new();
        let mut after_batches = 0;
        for _ in 0..self.rng.usize(1..4) {
            steps.push(ClockStep {
                after_batches,
                offset_ms: self.rng.i64(-250..400),
            });
            after_batches += self.rng.u32(1..8);
        }
        steps
    }

    fn version(&mut self) -> Version {
        let drawn = Version {
            filters: self.rng.bool(),
            renames: self.rng.bool(),
            looks_back: self.rng.u32(..16),
            looks_first: self.rng.bool(),
        };
        match self.has(Fault::Program, 40) {
            true => drawn,
            false => Version::default(),
        }
    }

    fn settings(&mut self) -> Settings {
        let slots = self.has(Fault::Slots, 60);
        let slots = if slots { self.rng.usize(1..=4) } else { 2 };
        Settings {
            seed: self.rng.u64(..),
            slots,
            version: self.version(),
            checkpoint_interval_ms: self.rng.u64(30..400),
            run_last_again: self.rng.u8(..5) == 0,
            clock: match self.has(Fault::Clock, 30) {
                true => self.clock(),
                false => Vec::new(),
            },
            receiver_fails: match self.has(Fault::Receiver, 30) {
                true => Some(self.rng.u32(4..40)),
                false => None,
            },
            sink_fails: match self.has(Fault::Sink, 30) {
                true => Some(self.rng.u32(8..80)),
                false => None,
            },
            file_limit: None,
        }
    }

    fn life(&mut self, after_kill: bool) -> Life {
        let torn = [Torn::Group, Torn::Header, Torn::Zeros, Torn::Garbage];
        let kind = torn[self.rng.usize(..torn.len())];
        Life {
            torn: (self.has(Fault::TornTail, 40) && after_kill).then_some(kind),
            settings: self.settings(),
            disk_full: match self.has(Fault::DiskFull, 10) {
                true => Some(DiskFull {
                    after_batches: self.rng.u32(1..5),
                    bytes_left: self.rng.u64(..40_000),
                }),
                false => None,
            },
            end: self.end(),
        }
    }

    /// Nothing fails any more.
    fn last_life(&mut self, after_kill: bool) -> Life {
        let mut life = self.life(after_kill);
        life.settings.receiver_fails = None;
        life.settings.sink_fails = None;
        Life {
            disk_full: None,
            end: End::WhenDone,
            ..life
        }
    }
}

impl Plan {
    /// The round of a seed; with `only`, kills and that fault alone.
    pub(crate) fn draw(seed: u64, only: Option<Fault>) -> Plan {
        let mut draw = Draw {
            rng: Rng::with_seed(seed),
            only,
        };
        let events = draw.rng.usize(800..2400);
        let mut lives: Vec<Life> = Vec::new();
        let killed =
            |lives: &[Life]| matches!(lives.last().map(|life| life.end), Some(End::Kill(_)));
        for _ in 0..draw.rng.usize(2..6) {
            let life = draw.life(killed(&lives));
            lives.push(life);
        }
        lives.push(draw.last_life(killed(&lives)));
        Plan {
            seed,
            events,
            lives,
        }
    }

    /// Whether the round needs a disk that can be filled.
    pub(crate) fn fills_disk(&self) -> bool {
        self.lives.iter().any(|life| life.disk_full.is_some())
    }

    /// The faults that happen in a life if it lives long enough for them.
    pub(crate) fn faults(&self, life: usize) -> Vec<Fault> {
        let before = life
            .checked_sub(1)
            .map(|before| &self.lives[before].settings);
        let life = &self.lives[life];
        let settings = &life.settings;
        let end = match life.end {
            End::Kill(_) => Some(Fault::Kill),
            End::Terminate(_) => Some(Fault::Terminate),
            End::Stop(_) => Some(Fault::Stop),
            End::WhenDone => None,
        };
        let others = [
            (Fault::DiskFull, life.disk_full.is_some()),
            (Fault::TornTail, life.torn.is_some()),
            (Fault::Clock, !settings.clock.is_empty()),
            (Fault::Receiver, settings.receiver_fails.is_some()),
            (Fault::Sink, settings.sink_fails.is_some()),
            (
                Fault::Slots,
                before.is_some_and(|before| before.slots != settings.slots),
            ),
            (
                Fault::Program,
                before.is_some_and(|before| before.version != settings.version),
            ),
        ];
        let others = others.into_iter().filter(|(_, happens)| *happens);
        end.into_iter()
            .chain(others.map(|(fault, _)| fault))
            .collect()
    }
}

impl Life {
    /// Whether the process may end by itself, with an error.
    pub(crate) fn may_fail(&self) -> bool {
        self.disk_full.is_some() || self.settings.sink_fails.is_some()
    }
}

impl Settings {
    /// How far the clock is from the machine's when the process begins.
    pub(crate) fn first_offset_ms(&self) -> i64 {
        let first = self.clock.first().filter(|step| step.after_batches == 0);
        first.map_or(0, |step| step.offset_ms)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn faults(only: Option<Fault>) -> BTreeSet<Fault> {
        let plans = (0..200).map(|seed| Plan::draw(seed, only));
        plans
            .flat_map(|plan| {
                let lives = 0..plan.lives.len();
                lives.flat_map(|life| plan.faults(life)).collect::<Vec<_>>()
            })
            .collect()
    }

    #[test]
    fn the_seed_is_the_plan() {
        assert_eq!(Plan::draw(17, None), Plan::draw(17, None));
        assert_ne!(Plan::draw(17, None).lives, Plan::draw(18, None).lives);
    }

    #[test]
    fn everything_happens() {
        assert_eq!(
            faults(None),
            Fault::value_variants().iter().copied().collect()
        );
    }

    #[test]
    fn one_fault_comes_with_kills_alone() {
        for fault in Fault::value_variants() {
            let alone: BTreeSet<_> = [Fault::Kill, *fault].into();
            assert!(faults(Some(*fault)).is_subset(&alone));
            assert!(faults(Some(*fault)).contains(fault), "{fault:?}");
        }
    }

    #[test]
    fn the_last_life_is_quiet() {
        for seed in 0..100 {
            let plan = Plan::draw(seed, None);
            let (last, before) = plan.lives.split_last().unwrap();
            assert!(last.end == End::WhenDone && !last.may_fail());
            assert!(before.iter().all(|life| life.end != End::WhenDone));
        }
    }
}
