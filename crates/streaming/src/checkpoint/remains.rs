//! What a past says, with what was found of it: a function of both.

use std::collections::{BTreeMap, HashMap};

use headwater_journal::Sequence;

use super::describe::{PartDescription, ProgramDescription};
use super::entry::{CutInput, Entry, InputRange};
use super::manifest::Snapshot;
use super::past::{Block, Past};
use super::summary::{
    BatchSummary, BlockCount, InputSummary, MissedBatches, RangeSummary, SelectedFileSummary,
    SnapshotSummary, StateSummary, StreamSummary, TakenRange,
};
use crate::input::{asks_a_source, files_of_range};
use crate::time::{Time, millis};

/// What was found of a past.
pub(super) struct Remains<'a> {
    /// The first entry that the manifest does not know.
    pub(super) next: u64,
    pub(super) entries: &'a Entries,
    pub(super) snapshots: &'a [(Snapshot, SnapshotSummary)],
}

/// How long things in the journal are.
#[derive(Default)]
pub(super) struct Entries {
    /// The block parts.
    blocks: HashMap<u64, u64>,
    /// The changes of each state, as the entry numbers the states.
    changes: HashMap<u64, Vec<(usize, u64)>>,
}

impl Remains<'_> {
    pub(super) fn stream(&self, past: &Past, now: Time) -> StreamSummary {
        let program = ProgramDescription::of(past.program.clone());
        let (inputs, states) = (program.inputs(), program.states());
        let unfinished = past.cuts.range(past.ended + millis(1)..);
        let unfinished = unfinished.map(|(time, cut)| BatchSummary {
            time: *time,
            inputs: cut
                .inputs
                .iter()
                .filter_map(|cut| taken(*time, cut, &inputs))
                .collect(),
        });
        StreamSummary {
            zero: past.zero,
            last_done: Some(past.ended).filter(|ended| *ended > past.zero),
            unfinished: unfinished.collect(),
            missed: missed(past, now),
            inputs: (0..inputs.len())
                .filter_map(|input| self.input(past, input, &inputs))
                .collect(),
            states: (0..)
                .zip(states)
                .map(|(n, part)| self.state(past, n, part))
                .collect(),
            oldest_needed: past
                .oldest()
                .map_or(self.next, |oldest| oldest.0.min(self.next)),
            program,
        }
    }

    fn input(&self, past: &Past, input: usize, parts: &[PartDescription]) -> Option<InputSummary> {
        let cuts = past.cuts.iter();
        let taken: Vec<_> = cuts
            .flat_map(|(time, cut)| cut.inputs.iter().map(move |cut| (*time, cut)))
            .filter(|(_, cut)| cut.input == input)
            .collect();
        let of_done = |(time, cut): &(Time, &CutInput)| match cut.range {
            InputRange::Blocks { to, .. } if *time <= past.ended => Some(to),
            _ => None,
        };
        let waiting_from = taken.iter().filter_map(of_done).max().unwrap_or(0);
        let blocks = past.blocks.get(input)?;
        let part = parts.get(input)?.clone();
        let received = past.received.get(input)?;
        // What a source has there is where it began, not where it is.
        let position = (!asks_a_source(&part.operator)).then(|| received.position.clone());
        Some(InputSummary {
            part,
            waiting: self.entries.count(blocks.range(waiting_from..)),
            kept: self.entries.count(blocks.range(..waiting_from)),
            batches: taken.len(),
            last: taken
                .last()
                .and_then(|(time, cut)| self::taken(*time, cut, parts)),
            position: position.flatten(),
        })
    }

    fn state(&self, past: &Past, state: usize, part: PartDescription) -> StateSummary {
        let of_state = self.snapshots.iter().filter(|(one, _)| one.state == state);
        let changes: Vec<u64> = past
            .changes
            .values()
            .filter_map(|changes| {
                let sizes = self.entries.changes.get(&changes.at)?;
                let is_of_state = |named: usize| changes.states.get(named) == Some(&Some(state));
                let of_state = sizes.iter().filter(|(named, _)| is_of_state(*named));
                Some(of_state.map(|(_, bytes)| bytes).sum()).filter(|bytes| *bytes > 0)
            })
            .collect();
        let mut newest = BTreeMap::new();
        for (one, _) in of_state.clone().filter(|(one, _)| one.time <= past.ended) {
            let known = newest.entry(one.partition).or_insert(one.time);
            *known = one.time.max(*known);
        }
        let summary = |(one, summary): &(Snapshot, SnapshotSummary)| SnapshotSummary {
            is_used: newest.get(&one.partition) == Some(&one.time),
            ..summary.clone()
        };
        StateSummary {
            part,
            partitions: of_state.clone().map(|(one, _)| one.partitions).next(),
            snapshots: of_state.map(summary).collect(),
            changed_by: changes.len(),
            change_bytes: changes.iter().sum(),
        }
    }
}

impl Entries {
    pub(super) fn measure(&mut self, at: Sequence, entry: &Entry, bytes: usize) {
        match entry {
            Entry::Block { .. } => drop(self.blocks.insert(at.0, bytes as u64)),
            Entry::Ended { changes, .. } | Entry::EndedWith { changes, .. } => {
                let sizes = changes.iter();
                let sizes = sizes.map(|change| (change.state, change.bytes.len() as u64));
                self.changes.insert(at.0, sizes.collect());
            }
            _ => {}
        }
    }

    fn count<'a>(&self, blocks: impl Iterator<Item = (&'a u64, &'a Block)>) -> BlockCount {
        let mut count = BlockCount::default();
        for (_, block) in blocks {
            let parts = block.parts.iter().filter_map(|part| self.blocks.get(part));
            count.blocks += 1;
            count.records += block.records;
            count.bytes += parts.sum::<u64>();
        }
        count
    }
}

/// What an input gave to a batch, in words.
fn taken(time: Time, cut: &CutInput, inputs: &[PartDescription]) -> Option<TakenRange> {
    let part = inputs.get(cut.input)?;
    let range = match &cut.range {
        InputRange::Blocks { from, to } => RangeSummary::Blocks {
            from: *from,
            to: *to,
        },
        InputRange::Source(range) => match files_of_range(&part.operator, range) {
            Some(files) => RangeSummary::Files(
                files
                    .into_iter()
                    .map(|(path, bytes)| SelectedFileSummary { path, bytes })
                    .collect(),
            ),
            None => RangeSummary::Source {
                bytes: range.len() as u64,
                text: text(range),
            },
        },
        InputRange::Anew => return None,
    };
    Some(TakenRange {
        time,
        input: part.label.clone(),
        records: cut.records,
        range,
    })
}

/// The bytes, where they are meant to be read.
fn text(bytes: &[u8]) -> Option<String> {
    let text = str::from_utf8(bytes).ok()?;
    let is_readable = !text.is_empty() && !text.chars().any(char::is_control);
    is_readable.then(|| text.to_owned())
}

/// The batches between the last one that was begun and a time.
fn missed(past: &Past, now: Time) -> MissedBatches {
    let begun = past.cuts.keys().next_back().copied();
    let last = begun.map_or(past.ended, |begun| begun.max(past.ended));
    let step = millis(past.program.batch_ms.max(1));
    let batches = now.since(last).as_millis() / step.as_millis();
    MissedBatches {
        batches: u64::try_from(batches).unwrap_or(u64::MAX),
        between: (batches > 0).then(|| (last + step, now.floor_from(step, last))),
    }
}
