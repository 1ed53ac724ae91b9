//! From what survived a crash to a process that goes on.

use std::collections::{BTreeMap, VecDeque};

use fastrand::Rng;

use super::super::commits::Commits;
use super::super::cutting::Share;
use super::super::entry::{Again, Entry, InputRange};
use super::super::manifest::{Manifest, Snapshot};
use super::super::past::Past;
use super::super::plan::{
    Begin, earliest, has_later, leave_out_unfinished, snapshots_at, state_of,
};
use super::super::reach::Reads;
use super::super::restore::{Found, go_on_with};
use super::super::retention::Retained;
use super::Check;
use super::checkpoint::Checkpointing;
use super::disk::Disk;
use super::process::{Beginning, Input, Process};
use super::receiver::{Receiver, read_blocks};
use super::setup::{BATCH, InputKind, Places, Rule, Setup, batches, parts_from};
use super::source::{Source, read_range};
use super::state::Partition;
use super::truth::{Contents, Truth};
use crate::batch::Schedule;
use crate::time::Time;

/// Begins, or goes on with what is there.
pub(super) fn start(
    setup: &Setup,
    disk: &mut Disk,
    truth: &mut Truth,
    now: Time,
    rng: &mut Rng,
) -> Check<Process> {
    let places = Places::shuffled(setup, rng);
    let program = places.program();
    let manifests = disk.read_manifests();
    let mut found = match manifests.last() {
        None => None,
        Some((_, manifest)) => Some(read(manifest, disk)?),
    };
    if let Some(found) = &mut found {
        truth.found_ended(found.past.ended, setup)?;
        if setup.runs_last_again {
            found.past.forget_last_end();
        }
    }
    let times = found
        .as_ref()
        .map(|found| (found.past.zero, found.past.ended));
    let begin = Begin::of(times, now, BATCH);
    truth.zero = Some(begin.zero);
    let first = disk.next();
    let (mut past, mut snapshots, mut began) = match found {
        None => (Past::new(program, begin.zero), Vec::new(), None),
        Some(Found {
            past, snapshots, ..
        }) => (past, snapshots, Some(program)),
    };
    if let Some(program) = began.take() {
        let states_from = parts_from(&program.states, &past.program.states);
        let inputs_from = parts_from(&program.inputs, &past.program.inputs);
        let gone = (0..past.program.inputs.len()).find(|old| !inputs_from.contains(&Some(*old)));
        past.go_on_as(program.clone(), &states_from, &inputs_from);
        go_on_with(&mut snapshots, &states_from, &[]);
        leave_out_unfinished(&mut snapshots, past.ended);
        disk.append(&Entry::Began {
            program,
            states_from,
            inputs_from,
            reformed: Vec::new(),
        })?;
        if gone.is_some() {
            // What the input had is gone with it, and counts as gone from now on.
            disk.sync();
            truth.goes(setup.inputs.len() - 1);
        }
    }
    let restored = Restored {
        setup,
        places: &places,
        truth,
        past: &past,
        snapshots: &snapshots,
        disk,
    };
    let begins = restored.begins();
    let again = restored.again(&begins);
    let mut process = Process {
        first,
        inputs: restored.inputs()?,
        states: restored.states(&begins)?,
        begins,
        contents: restored.contents()?,
        limits: setup.limits(&places.reaches),
        places,
        retained: Retained::found(
            manifests.iter().map(|(at, one)| (at.clone(), one)),
            snapshots,
        ),
        commits: Commits::new(begin.ended),
        schedule: Schedule::from(begin.first, BATCH),
        cutting: None,
        waiting: VecDeque::new(),
        running: Vec::new(),
        ending: None,
        storing: Vec::new(),
        checkpointing: Some(Checkpointing::Manifest),
        last_checkpoint: begin.ended,
        is_starting: true,
        past,
    };
    process.retained.computes_again(again.clone());
    process.commits.computes_again(again);
    check(&process, setup, truth)?;
    Ok(process)
}

/// What a manifest and the entries after it say.
fn read(manifest: &Manifest, disk: &Disk) -> Check<Found> {
    let mut found = Found::of(manifest);
    if manifest.next > disk.next() {
        return Err(format!("the manifest knows entry {}", manifest.next));
    }
    for at in manifest.next..disk.next() {
        found.take_in(headwater_journal::Sequence(at), disk.read(at)?)?;
    }
    Ok(found)
}

struct Restored<'a> {
    setup: &'a Setup,
    places: &'a Places,
    truth: &'a Truth,
    past: &'a Past,
    snapshots: &'a [Snapshot],
    disk: &'a Disk,
}

impl Restored<'_> {
    /// With which batch each state begins: before what its readers look at, as far as it can.
    fn begins(&self) -> Vec<Beginning> {
        let ended = self.past.ended;
        let of_place = |(place, number): (usize, &usize)| {
            let wanted = match self.setup.breaks(Rule::BeginBeforeReaders) {
                true => ended,
                false => ended - batches(self.places.reaches[*number]),
            };
            let slide = batches(self.setup.states[*number].slide);
            let reads = Reads {
                slide,
                inputs: Some(slide - BATCH),
                ..Reads::default()
            };
            let untaken = match self.setup.breaks(Rule::TakeRecordedAgain) {
                true => None,
                false => reads.untaken((self.past, &[]), self.past.zero, false, &[]),
            };
            let kept = earliest(self.past, self.snapshots, place);
            let earliest = untaken.map(|(step, _)| step).max(kept);
            let hidden = earliest.filter(|earliest| *earliest > wanted);
            Beginning {
                after: hidden.unwrap_or(wanted),
                is_late: hidden.is_some(),
            }
        };
        self.places
            .states
            .iter()
            .enumerate()
            .map(of_place)
            .collect()
    }

    /// Of which states batches are computed again that were done.
    fn again(&self, begins: &[Beginning]) -> Vec<Again> {
        let again = |(state, begin): (usize, &Beginning)| Again {
            state,
            after: begin.after,
        };
        let again = begins.iter().enumerate().map(again);
        again
            .filter(|one| has_later(self.past, self.snapshots, one.state, one.after))
            .collect()
    }

    /// Each state as it was with the batch with which it begins.
    fn states(&self, begins: &[Beginning]) -> Check<Vec<Vec<Partition>>> {
        let bases: Vec<Time> = begins.iter().map(|begin| begin.after).collect();
        let mut states = Vec::new();
        for (place, number) in self.places.states.iter().enumerate() {
            let mut parts = vec![Partition::default(); self.setup.states[*number].partitions];
            for (part, snapshot) in snapshots_at(self.snapshots, place, bases[place]) {
                let value = self.disk.read_snapshot(snapshot)?;
                parts[part] = Partition::restored(snapshot.time, value);
            }
            states.push(parts);
        }
        for entry in self.past.changes.values() {
            for change in self.disk.read(entry.at)?.into_changes() {
                if let Some(place) =
                    state_of(self.past, &change, entry, |place| bases.get(place).copied())
                {
                    let records: Vec<u64> =
                        postcard::from_bytes(&change.bytes).map_err(|error| error.to_string())?;
                    self.check_next(&states, place, (change.partition, change.time))?;
                    states[place][change.partition].step(change.time, &records);
                }
            }
        }
        Ok(states)
    }

    /// A change follows the version before it, or is contained already.
    fn check_next(
        &self,
        states: &[Vec<Partition>],
        place: usize,
        (partition, time): (usize, Time),
    ) -> Check {
        let slide = batches(self.setup.states[self.places.states[place]].slide);
        let at = states[place][partition].at;
        if time > at.unwrap_or(self.past.zero) + slide {
            return Err(format!(
                "the change of {time} follows {at:?} in partition {partition} of state {place}"
            ));
        }
        Ok(())
    }

    fn inputs(&self) -> Check<Vec<Input>> {
        let places = self.places.inputs.iter().enumerate();
        let inputs = places.map(|(place, number)| {
            Ok(match self.setup.inputs[*number] {
                InputKind::Receiver => {
                    Input::Receiver(Receiver::restored(self.past, place, self.disk)?)
                }
                InputKind::Source => Input::Source(Source::restored(self.past, place, *number)?),
            })
        });
        inputs.collect()
    }

    /// The records of the batches that are remembered, by input.
    fn contents(&self) -> Check<BTreeMap<Time, Contents>> {
        let mut all = BTreeMap::new();
        for (time, cut) in &self.past.cuts {
            let mut contents = vec![Vec::new(); self.setup.inputs.len()];
            for (place, number) in self.places.inputs.iter().enumerate() {
                contents[*number] = match Share::of(Some(cut), place).range() {
                    None => Vec::new(),
                    Some(InputRange::Blocks { from, to }) => {
                        read_blocks(self.past, place, (*from, *to), self.disk)?.concat()
                    }
                    Some(range) => read_range(range, *number, self.truth)?,
                };
            }
            all.insert(*time, contents);
        }
        Ok(all)
    }
}

/// What must hold after every restart.
fn check(process: &Process, setup: &Setup, truth: &Truth) -> Check {
    let (zero, ended) = (process.past.zero, process.past.ended);
    let recorded = match setup.reach_changes {
        // What an earlier program has kept for its window and for each state.
        true => setup.input_memory(&vec![0; setup.states.len()]),
        false => setup.input_memory(&process.places.reaches),
    };
    let first = (ended - recorded).max(zero) + BATCH;
    let last = process
        .past
        .cuts
        .keys()
        .next_back()
        .copied()
        .unwrap_or(ended);
    for time in first.to(last, BATCH) {
        let found = process.contents.get(&time);
        let known = truth.contents(time);
        let may_be_new = time > ended && known.is_none();
        if found != known && !may_be_new {
            return Err(format!(
                "batch {time} had {known:?}, and {found:?} is found"
            ));
        }
    }
    let of_open = process.contents.range(ended + BATCH..);
    let of_open: Vec<_> = of_open.flat_map(|(_, cut)| cut.iter().flatten()).collect();
    let waiting = process.inputs.iter().map(|input| match input {
        Input::Receiver(receiver) => receiver.waiting().collect::<Vec<_>>(),
        Input::Source(source) => source.waiting(truth).iter().collect(),
    });
    let waiting = waiting.collect::<Vec<_>>().concat();
    for record in truth.owed() {
        if !of_open.contains(&record) && !waiting.contains(&record) {
            return Err(format!("record {record} was acknowledged, and is gone"));
        }
    }
    match waiting
        .iter()
        .find(|record| truth.batch_of(***record).is_some())
    {
        Some(record) => Err(format!("record {record} waits, and has had a batch before")),
        None => Ok(()),
    }
}
