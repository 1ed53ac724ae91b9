//! What a history is about: the program, the limits, and how bad things get.

use std::time::Duration;

use fastrand::Rng;

use super::super::outputs::Outputs;
use super::super::plan::Limits;
use super::super::program::{Part, Program};
use crate::time::Time;

pub(super) const BATCH: Duration = Duration::from_secs(1);

/// So many batches.
pub(super) fn batches(number: u32) -> Duration {
    BATCH * number
}

/// A rule of the runtime that a history may break, so that the checks can be seen to notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    /// A block is acknowledged once it is synced.
    AckAfterSync,
    /// A batch runs once its cut is synced.
    RunAfterSync,
    /// Ends are written in the order of the batches.
    EndsInOrder,
    /// An end holds the changes up to its batch and no others.
    ChangesWithTheirBatch,
    /// Batches are remembered as long as windows and states need them.
    RememberEnough,
    /// A restart begins with state as it was before what its readers remember.
    BeginBeforeReaders,
    /// A step is taken again where all is recorded that it reads.
    TakeRecordedAgain,
    /// The journal is kept from what the oldest manifest needs.
    KeepForOldest,
    /// Snapshots stay that a manifest lists.
    KeepListed,
    /// What a manifest says is in the journal first.
    JournalBeforeManifest,
    /// A sink stores a batch once.
    SinkOnce,
    /// A batch that was cut gets what its cut names, and no more.
    NamedAlone,
    /// Where a source begins is written before anything counts as its own.
    OriginFirst,
}

impl Rule {
    pub(super) const ALL: [Rule; 13] = [
        Rule::AckAfterSync,
        Rule::RunAfterSync,
        Rule::EndsInOrder,
        Rule::ChangesWithTheirBatch,
        Rule::RememberEnough,
        Rule::BeginBeforeReaders,
        Rule::TakeRecordedAgain,
        Rule::KeepForOldest,
        Rule::KeepListed,
        Rule::JournalBeforeManifest,
        Rule::SinkOnce,
        Rule::NamedAlone,
        Rule::OriginFirst,
    ];
}

/// A state of the program, which sums up what comes in.
#[derive(Debug, Clone)]
pub(super) struct StateSetup {
    /// In batches: a step takes in so many.
    pub(super) slide: u32,
    /// In batches: how far before its own batch an output looks at most.
    pub(super) reach: u32,
    pub(super) partitions: usize,
}

/// What an input is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum InputKind {
    /// It stores blocks in the journal.
    Receiver,
    /// It is asked for each batch, and gives ranges of what lies elsewhere.
    Source,
}

/// What a history is about.
#[derive(Debug, Clone)]
pub(super) struct Setup {
    pub(super) inputs: Vec<InputKind>,
    /// Whether some programs of the history are without the last input.
    pub(super) last_input_goes: bool,
    /// Whether a batch whose source failed is cut without it, rather than not at all.
    pub(super) goes_on: bool,
    pub(super) states: Vec<StateSetup>,
    /// Whether each program of the history looks back at states as far as it likes.
    pub(super) reach_changes: bool,
    /// In batches: how much of the inputs an output sees.
    pub(super) window: u32,
    pub(super) concurrent_jobs: usize,
    pub(super) manifests: usize,
    /// In batches.
    pub(super) checkpoint_interval: u32,
    pub(super) runs_last_again: bool,
    /// Steps from crash to crash, on average.
    pub(super) crash_every: u32,
    /// Whether a crash may damage the newest manifest.
    pub(super) damages: bool,
    pub(super) broken: Option<Rule>,
}

impl Setup {
    pub(super) fn random(rng: &mut Rng) -> Self {
        let kind = |rng: &mut Rng| match rng.u8(0..3) {
            0 => InputKind::Source,
            _ => InputKind::Receiver,
        };
        let state = |rng: &mut Rng| StateSetup {
            slide: rng.u32(1..=2),
            reach: rng.u32(0..=6),
            partitions: rng.usize(1..=3),
        };
        Setup {
            inputs: (0..rng.usize(1..=3)).map(|_| kind(rng)).collect(),
            last_input_goes: rng.bool(),
            goes_on: rng.bool(),
            states: (0..rng.usize(0..=2)).map(|_| state(rng)).collect(),
            reach_changes: rng.bool(),
            window: rng.u32(1..=4),
            concurrent_jobs: rng.usize(1..=3),
            manifests: rng.usize(1..=3),
            checkpoint_interval: rng.u32(1..=6),
            runs_last_again: rng.u8(0..4) == 0,
            crash_every: [30, 100, 400][rng.usize(0..3)],
            damages: rng.bool(),
            broken: None,
        }
    }

    /// What of a batch states take in: not what an input gave that may go, since it would go
    /// with it.
    pub(super) fn for_states(&self, contents: &[Vec<u64>]) -> Vec<u64> {
        let stay = contents.len() - usize::from(self.last_input_goes);
        contents.get(..stay).unwrap_or_default().concat()
    }

    pub(super) fn breaks(&self, rule: Rule) -> bool {
        self.broken == Some(rule)
    }

    /// How long an input is remembered: what windows see, and what states are computed from
    /// again.
    pub(super) fn input_memory(&self, reaches: &[u32]) -> Duration {
        let by_state = |(state, reach): (&StateSetup, &u32)| reach + state.slide;
        let by_states = self.states.iter().zip(reaches).map(by_state);
        batches(self.window.max(by_states.max().unwrap_or_default()))
    }

    pub(super) fn limits(&self, reaches: &[u32]) -> Limits {
        let memory = self.input_memory(reaches);
        let reaches = reaches.iter().map(|reach| batches(*reach));
        let again = batches(u32::from(self.runs_last_again));
        let limits = Limits::of(self.manifests, [memory], reaches, again);
        let forgotten_early = match self.breaks(Rule::RememberEnough) {
            true => batches(2),
            false => Duration::ZERO,
        };
        Limits {
            remembered: limits.remembered.saturating_sub(forgotten_early),
            ..limits
        }
    }

    /// When the last step of a state was, for a batch.
    pub(super) fn step_at(&self, state: usize, batch: Time, zero: Time) -> Time {
        batch.floor_from(batches(self.states[state].slide), zero)
    }
}

/// Which state and input stand at each place of a program, whose lines may be moved, and one of
/// whose inputs may come and go.
#[derive(Debug, Clone)]
pub(super) struct Places {
    pub(super) states: Vec<usize>,
    pub(super) inputs: Vec<usize>,
    /// In batches: how far an output of the program looks back at each state, by its number.
    pub(super) reaches: Vec<u32>,
}

impl Places {
    pub(super) fn shuffled(setup: &Setup, rng: &mut Rng) -> Self {
        let reach = |state: &StateSetup, rng: &mut Rng| match setup.reach_changes {
            true => rng.u32(0..=state.reach),
            false => state.reach,
        };
        let mut places = Places {
            reaches: setup.states.iter().map(|state| reach(state, rng)).collect(),
            states: (0..setup.states.len()).collect(),
            inputs: (0..setup.inputs.len()).collect(),
        };
        if setup.last_input_goes && rng.u8(0..3) == 0 {
            places.inputs.pop();
        }
        rng.shuffle(&mut places.states);
        rng.shuffle(&mut places.inputs);
        places
    }

    pub(super) fn program(&self) -> Program {
        let part = |number: &usize| Part {
            name: Some(number.to_string()),
            operator: "operator".to_owned(),
            records: "u64".to_owned(),
            form: None,
            slide_ms: 1000,
            site: String::new(),
        };
        Program {
            app_name: "simulated".to_owned(),
            batch_ms: 1000,
            states: self.states.iter().map(part).collect(),
            inputs: self.inputs.iter().map(part).collect(),
            outputs: Outputs::default(),
        }
    }
}

/// Where the parts of a program stood in an older one.
pub(super) fn parts_from(new: &[Part], old: &[Part]) -> Vec<Option<usize>> {
    new.iter()
        .map(|part| old.iter().position(|one| one.name == part.name))
        .collect()
}
