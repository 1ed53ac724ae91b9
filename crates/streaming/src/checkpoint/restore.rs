//! Opens a checkpoint directory, and brings a program to where an older one has ended.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use headwater_journal::{Journal, Options, Recovered, Sequence};
use headwater_store::Location;

use super::cutting::Share;
use super::damage::{ADVICE, Losses, Mending};
use super::entry::{Entry, InputRange, Reformed};
use super::keeper::{Keeper, STATES};
use super::manifest::{FORMAT, Manifest, Snapshot, Unreadable};
use super::matching::{Allowed, label, match_programs, other_batches};
use super::parts::Joined;
use super::past::{Block, Past, Received};
use super::plan::{Limits, bereft, kept_after_last, leave_out_replaced, leave_out_unfinished};
use super::positions::{Sources, keep_to_sources};
use super::program::Program;
use super::report::without_dropped;
use super::snapshots;
use super::states::{OldStates, ReachingBack, Reading, Restored};
use super::unreadable::without_damaged;
use super::whole::Parts;
use crate::error::StreamError;
use crate::graph::OutputNumber;
use crate::time::Time;

/// The directory of the journal.
pub(super) const JOURNAL: &str = "journal";

/// Why a directory is refused of which every manifest is damaged.
pub(super) const NO_MANIFEST: &str = "none of its checkpoint- files can be read; restore one from \
     a copy, or begin with an empty directory";

/// A checkpoint directory that nobody else writes to.
pub(crate) struct Opened {
    dir: Location,
    /// The time of the clock.
    now: Time,
    journal: Journal,
    recovered: Recovered,
    manifests: Manifests,
    /// What was found, if anything was.
    found: Option<Found>,
    /// The last batch runs again.
    forgets_last_end: bool,
}

/// The manifests of a directory.
#[derive(Default)]
pub(super) struct Manifests {
    /// Those that can be read, oldest first.
    pub(super) read: Vec<(Location, Manifest)>,
    /// The names of the others.
    pub(super) unreadable: Vec<String>,
}

/// What an older process left.
#[derive(Clone)]
pub(super) struct Found {
    pub(super) past: Past,
    pub(super) snapshots: Vec<Snapshot>,
    /// The states that begin anew, since nothing brings them back.
    pub(super) anew: BTreeSet<usize>,
    /// Which batches were the last to be run is not known.
    pub(super) may_have_run_more: bool,
}

/// A directory that is ready to be written by a program.
pub(crate) struct Ready {
    pub(crate) keeper: Arc<Keeper>,
    /// The number of each output.
    pub(crate) outputs: Vec<OutputNumber>,
    /// Where the program goes on, if there is something to go on from.
    pub(crate) resumed: Option<Resumed>,
}

/// Where a program goes on.
pub(crate) struct Resumed {
    pub(crate) past: Past,
}

/// What an input finds of its past.
pub(crate) struct InputPast<'a> {
    /// What belonged to each batch that is still needed, oldest first; none where the batch was
    /// cut without the input.
    pub(crate) cuts: Vec<(Time, Option<InputRange>)>,
    pub(crate) blocks: &'a BTreeMap<u64, Block>,
    /// How far it has come.
    pub(crate) received: &'a Received,
    /// The first block that belongs to no batch.
    pub(crate) first_unallocated: u64,
    /// The last batch that was done, or one before it that a state has not taken in.
    pub(crate) taken_in: Time,
}

impl Opened {
    /// Opens a directory, which is made if it is not there.
    pub(crate) fn open(dir: &Location, allowed: &Allowed, now: Time) -> Result<Self, StreamError> {
        let failed = |message: String| error(dir, &message);
        let opened = Journal::open(&dir.join(JOURNAL), Options::default());
        let (journal, recovered) = opened.map_err(|error| failed(error.to_string()))?;
        if let Some(torn) = recovered.torn() {
            tracing::info!(
                "{dir}: what was not finished when the process ended is cut off: {torn}"
            );
        }
        let places = Manifest::list(dir).map_err(|error| failed(error.to_string()))?;
        let manifests = Manifests::read(&places)?;
        let newest = manifests.read.last().map(|(_, manifest)| manifest);
        // To begin anew would be to lose everything unasked.
        if newest.is_none() && !places.is_empty() {
            return Err(failed(NO_MANIFEST.to_owned()));
        }
        let snapshots = snapshots::list(&dir.join(STATES));
        let parts = Parts {
            known: newest.map(|manifest| manifest.next),
            entries: recovered.first().0..recovered.end().0,
            is_unwritten: recovered.is_unwritten(),
            snapshots: snapshots.map_err(|error| failed(error.to_string()))?.len(),
        };
        if let Some(incomplete) = parts.incomplete() {
            return Err(incomplete.in_directory(dir));
        }
        remove_unfinished(dir);
        let found = match manifests.read.last() {
            None => None,
            Some((_, manifest)) => {
                Some(Found::read(manifest, &recovered, allowed).map_err(failed)?)
            }
        };
        Ok(Opened {
            dir: dir.clone(),
            now,
            journal,
            recovered,
            manifests,
            found,
            forgets_last_end: false,
        })
    }

    /// Whether an older process has left something to go on from.
    pub(crate) fn holds_past(&self) -> bool {
        self.found.is_some()
    }

    /// When time began in the past, and the last batch that was done.
    pub(crate) fn times(&self) -> Option<(Time, Time)> {
        let past = &self.found.as_ref()?.past;
        Some((past.zero, past.ended))
    }

    /// As if the last batch had not been done, if state can be brought back to before it.
    pub(crate) fn forget_last_end(&mut self) {
        let Some(Found {
            past, snapshots, ..
        }) = &mut self.found
        else {
            return;
        };
        match kept_after_last(past, snapshots) {
            None => {
                past.forget_last_end();
                self.forgets_last_end = true;
            }
            Some(state) => tracing::warn!(
                "{}: batch {} is not run again, though streaming.checkpoint.run_last_again asks for \
                 that: the state {} was brought to another form after it, or an input was dropped, \
                 and it is there only as that batch left it; the stream goes on with the next \
                 batch",
                self.dir,
                past.ended,
                label(&past.program.states, state),
            ),
        }
    }

    /// Hands the directory to a program, whose parts go on from those that match. Its states
    /// are brought to where their streams begin.
    pub(crate) fn hand_to(
        mut self,
        mut program: Program,
        zero: Time,
        allowed: &Allowed,
        limits: Limits,
        states: &[ReachingBack],
        sources: &Sources<'_>,
    ) -> Result<Ready, StreamError> {
        let Some(found) = self.found.take() else {
            let outputs = program.outputs.numbers().to_vec();
            let keeper = Keeper::new(self.dir, self.journal, Past::new(program, zero), limits);
            return Ok(Ready {
                keeper,
                outputs,
                resumed: None,
            });
        };
        let (mut states_from, inputs_from) =
            matched(&self.dir, &found.past, &program, allowed, sources)?;
        let (found, reading) =
            self.read_states(found, states, (&mut states_from, &inputs_from), allowed)?;
        let Opened {
            dir,
            now,
            journal,
            manifests,
            ..
        } = self;
        let Found {
            mut past,
            mut snapshots,
            may_have_run_more,
            ..
        } = found;
        if may_have_run_more {
            // None that was run is later, unless the clock was set back.
            let run = &mut past.since.may_have_run;
            *run = (*run).max(Some(now));
        }
        let old_outputs = &past.program.outputs;
        let told = program
            .outputs
            .take_over(old_outputs, allowed, past.open_batches());
        told.report
            .iter()
            .for_each(|line| tracing::info!("{dir}: {line}"));
        told.warnings
            .iter()
            .for_each(|line| tracing::warn!("{dir}: {line}"));
        warn_of_bereft(&dir, &past, &inputs_from);
        let outputs = program.outputs.numbers().to_vec();
        let keeper = Keeper::new(dir.clone(), journal, past.clone(), limits);
        let old = OldStates {
            dir: &dir,
            past: &past,
            snapshots: &snapshots,
            inputs_from: &inputs_from,
        };
        let Restored { reformed, again } = old.restore(&keeper, reading)?;
        go_on_with(&mut snapshots, &states_from, &reformed);
        leave_out_unfinished(&mut snapshots, past.ended);
        // With one entry, before which a crash leaves everything as it was.
        keeper.append(Entry::Began {
            program,
            states_from,
            inputs_from,
            reformed,
        })?;
        keeper.goes_on_from(manifests, snapshots, again)?;
        let past = keeper.past();
        Ok(Ready {
            keeper,
            outputs,
            resumed: Some(Resumed { past }),
        })
    }
}

impl Opened {
    /// Reads the files of states. What is left where some of them cannot be read, if that is
    /// allowed.
    fn read_states<'a>(
        &self,
        mut found: Found,
        states: &'a [ReachingBack],
        (states_from, inputs_from): (&mut [Option<usize>], &[Option<usize>]),
        allowed: &Allowed,
    ) -> Result<(Found, Reading<'a>), StreamError> {
        let mut is_damaged = false;
        loop {
            for from in &mut *states_from {
                *from = from.filter(|old| !found.anew.contains(old));
            }
            let old = OldStates {
                dir: &self.dir,
                past: &found.past,
                snapshots: &found.snapshots,
                inputs_from,
            };
            let reading = old.read(states, states_from)?;
            let Some(first) = reading.unreadable.values().next() else {
                return Ok((found, reading));
            };
            // All that is listed was read, and this was whole then.
            if std::mem::replace(&mut is_damaged, true) {
                return Err(error(&self.dir, first));
            }
            let forgets = |other: &mut Found| {
                if self.forgets_last_end {
                    other.past.forget_last_end();
                }
            };
            let (read, recovered) = (&self.manifests.read, &self.recovered);
            let left = without_damaged(&self.dir, found, read, recovered, forgets);
            let (left, message) = left.map_err(|message| error(&self.dir, &message))?;
            if !allowed.damage() {
                return Err(error(&self.dir, &format!("{message}{ADVICE}")));
            }
            tracing::error!("{}: {message}going on without them, as allowed", self.dir);
            found = left;
        }
    }
}

/// Removes files that a killed process was writing, in the directories that nobody else writes
/// to: the journal in one of them is ours.
fn remove_unfinished(dir: &Location) {
    for place in [dir.clone(), dir.join(STATES), dir.join(JOURNAL)] {
        match place.remove_unfinished() {
            Ok(0) => {}
            Ok(files) => tracing::info!("{place}: {files} unfinished files are removed"),
            // They do no harm but take room.
            Err(error) => tracing::warn!("unfinished files are left there: {error}"),
        }
    }
}

impl Manifests {
    /// Reads what is there.
    fn read(places: &[Location]) -> Result<Self, StreamError> {
        let mut manifests = Manifests::default();
        for place in places.iter().rev() {
            match Manifest::read(place) {
                Ok(manifest) => manifests.read.push((place.clone(), manifest)),
                Err(Unreadable::Newer { file, format }) => {
                    let known = FORMAT;
                    return Err(StreamError::CheckpointNewer {
                        file,
                        format,
                        known,
                    });
                }
                Err(Unreadable::Damaged(message)) => {
                    tracing::error!("{message}; an older checkpoint is used");
                    manifests.unreadable.push(place.name().into_owned());
                }
            }
        }
        Manifest::sort(&mut manifests.read);
        Ok(manifests)
    }
}

impl Found {
    /// Brings the past of a manifest up to date.
    fn read(manifest: &Manifest, recovered: &Recovered, allowed: &Allowed) -> Result<Self, String> {
        let (found, losses) = Found::mended(manifest, recovered)?;
        if let Some(message) = losses.message() {
            if !allowed.damage() {
                return Err(format!("{message}{ADVICE}"));
            }
            tracing::error!("{message}going on without what is lost, as allowed");
        }
        Ok(found)
    }

    /// What is left of the past of a manifest, brought up to date, and what is lost.
    pub(super) fn mended(
        manifest: &Manifest,
        recovered: &Recovered,
    ) -> Result<(Self, Losses), String> {
        let mut mending = Mending::of(manifest, recovered);
        let mut joined = Joined::default();
        for record in recovered.records_from(manifest.next()) {
            let (at, bytes) = record.map_err(|error| error.to_string())?;
            if let Some((at, bytes)) = joined.take(at, bytes) {
                mending.take_in(at, Entry::from_bytes(&bytes)?)?;
            }
        }
        let (mut found, losses) = mending.finish();
        // What was cut off may have been on the disk, and be damaged.
        found.may_have_run_more |= recovered.torn().is_some();
        Ok((found, losses))
    }

    /// What a manifest says.
    pub(super) fn of(manifest: &Manifest) -> Self {
        Found {
            past: manifest.past.clone(),
            snapshots: manifest.snapshots.clone(),
            anew: BTreeSet::new(),
            may_have_run_more: false,
        }
    }

    /// Takes in the next entry of the journal.
    pub(super) fn take_in(&mut self, at: Sequence, entry: Entry) -> Result<(), String> {
        if let Entry::Began {
            states_from,
            reformed,
            ..
        } = &entry
        {
            leave_out_unfinished(&mut self.snapshots, self.past.ended);
            go_on_with(&mut self.snapshots, states_from, reformed);
        }
        if let Entry::Ended { time, .. } | Entry::EndedWith { time, .. } = &entry
            && *time <= self.past.ended
        {
            // Of a batch that was run again the later run counts.
            self.snapshots.retain(|one| one.time < *time);
        }
        if let Entry::EndedWith { again, .. } = &entry {
            leave_out_replaced(&mut self.snapshots, again);
        }
        self.past.apply(at, entry)
    }
}

/// Names the states of snapshots as a new program does. Those that it does not have are left
/// out, and so are those of states that it keeps in another form: it has others of these.
pub(super) fn go_on_with(
    snapshots: &mut Vec<Snapshot>,
    states_from: &[Option<usize>],
    reformed: &[Reformed],
) {
    snapshots.retain_mut(|snapshot| {
        let new = states_from
            .iter()
            .position(|from| *from == Some(snapshot.state));
        snapshot.state = new.unwrap_or_default();
        let is_reformed = |state| reformed.iter().any(|reformed| reformed.state == state);
        new.is_some_and(|state| !is_reformed(state))
    });
    let new = reformed.iter().flat_map(|reformed| &reformed.snapshots);
    snapshots.extend(new.cloned());
}

type From = Vec<Option<usize>>;

/// Which states and inputs of a program go on from which of an older one.
fn matched(
    dir: &Location,
    past: &Past,
    new: &Program,
    allowed: &Allowed,
    sources: &Sources<'_>,
) -> Result<(From, From), StreamError> {
    let old = &past.program;
    if let Some(message) = other_batches(old, new) {
        return Err(error(dir, &message));
    }
    let (states, mut inputs) = match_programs(old, new, allowed);
    let position = |input: usize| past.received.get(input)?.position.as_deref();
    let parts = (old.inputs.as_slice(), new.inputs.as_slice());
    keep_to_sources(&mut inputs, parts, position, allowed, sources);
    for line in states.report.iter().chain(&inputs.report) {
        tracing::info!("{dir}: {line}");
    }
    let problems: Vec<_> = states.problems.into_iter().chain(inputs.problems).collect();
    if problems.is_empty() {
        return Ok((states.from, inputs.from));
    }
    let message = format!(
        "the program does not fit what is there:\n  {}\n(streaming.checkpoint.allow takes what is \
         allowed)",
        problems.join("\n  ")
    );
    Err(error(dir, &message))
}

/// Tells which batches that were begun run without an input that is dropped, as is allowed.
fn warn_of_bereft(dir: &Location, past: &Past, inputs_from: &[Option<usize>]) {
    let last = past.cuts.keys().next_back().copied();
    let open = (past.ended, last.unwrap_or(past.ended));
    let batches: Vec<_> = bereft(past, inputs_from, open).collect();
    if let Some(message) = without_dropped(&batches) {
        tracing::warn!("{dir}: {message}");
    }
}

pub(super) fn error(dir: &Location, message: &str) -> StreamError {
    StreamError::Checkpoint {
        directory: dir.to_string(),
        message: message.to_owned(),
    }
}

impl Resumed {
    /// The past of an input.
    pub(crate) fn input(&self, input: usize, taken_in: Time) -> Option<InputPast<'_>> {
        let cuts = self.past.cuts.iter();
        let cuts = cuts.map(|(time, cut)| (*time, Share::of(Some(cut), input).range().cloned()));
        Some(InputPast {
            cuts: cuts.collect(),
            blocks: self.past.blocks.get(input)?,
            received: self.past.received.get(input)?,
            first_unallocated: self.past.first_unallocated(input),
            taken_in,
        })
    }
}
