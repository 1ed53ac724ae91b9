//! What has happened so far, as far as it still matters: a fold over the entries of the
//! journal. It reads nothing and decides nothing.

use std::collections::{BTreeMap, BTreeSet};

use std::time::Duration;

use headwater_journal::Sequence;
use serde::{Deserialize, Serialize};

use super::cutting::drop_cuts;
use super::entry::{Again, Change, CutInput, Entry, InputRange, Reformed};
use super::program::Program;
use crate::time::Time;

/// What the entries say, with references to where the large things lie.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Past {
    pub(crate) program: Program,
    /// When time began, exclusive: windows are aligned to it.
    pub(crate) zero: Time,
    /// Every batch up to this one is done.
    pub(crate) ended: Time,
    /// The batch that was done before that one.
    pub(crate) ended_before: Option<Time>,
    pub(crate) cuts: BTreeMap<Time, Cut>,
    /// The blocks of each input of the program, by number.
    pub(crate) blocks: Vec<BTreeMap<u64, Block>>,
    /// How far each input of the program has come, blocks that are long done included.
    pub(crate) received: Vec<Received>,
    /// Where the changes of state of each batch are.
    pub(crate) changes: BTreeMap<Time, Changes>,
    /// The batch after which each state of the program began: time's, or that at which a changed
    /// program added it.
    pub(crate) states_begun: Vec<Time>,
    /// The batch after which each state of the program can be brought back; none where all of
    /// its changes are still there.
    pub(crate) states_since: Vec<Option<Time>>,
    /// Manifests have it behind everything else.
    #[serde(skip)]
    pub(crate) since: Since,
}

/// What the past has come to know since there was the first release.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Since {
    /// Batches up to this one may have been run before something of the journal was lost that
    /// may have told of them; none once they are done.
    pub(crate) may_have_run: Option<Time>,
    /// What was computed again, and takes the place of older changes.
    pub(crate) replaced: Vec<Replaced>,
    /// The batches of which some state has gone on without what it could not be given.
    pub(crate) unplanned: BTreeSet<Time>,
}

/// Batches of a state that were computed again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Replaced {
    again: Again,
    /// The end that says so: what entries before it hold of these batches is replaced.
    at: u64,
    /// The batch of that end.
    ended: Time,
    /// Up to which batch the state was whole before, without what was written of single ones.
    since: Option<Time>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Changes {
    /// The entry that holds them.
    pub(crate) at: u64,
    /// The place in the program of each state that the entry names.
    pub(crate) states: Vec<Option<usize>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cut {
    pub(crate) at: u64,
    pub(crate) inputs: Vec<CutInput>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Received {
    /// The number after that of the last block. No number is given twice: an older manifest
    /// and the entries after it must not take two blocks for one.
    pub(crate) next_block: u64,
    /// Where the source was after what was stored last.
    pub(crate) position: Option<Vec<u8>>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Block {
    pub(crate) records: u64,
    /// What they take in the journal.
    pub(crate) bytes: u64,
    /// The entries that hold its parts, in their order.
    pub(crate) parts: Vec<u64>,
}

impl Past {
    /// A program that has done nothing yet.
    pub(crate) fn new(program: Program, zero: Time) -> Self {
        Past {
            blocks: vec![BTreeMap::new(); program.inputs.len()],
            received: vec![Received::default(); program.inputs.len()],
            states_begun: vec![zero; program.states.len()],
            states_since: vec![None; program.states.len()],
            program,
            zero,
            ended: zero,
            ended_before: None,
            cuts: BTreeMap::new(),
            changes: BTreeMap::new(),
            since: Since::default(),
        }
    }

    /// Takes in a block, of whose bytes the number is given.
    pub(crate) fn apply_block(
        &mut self,
        at: Sequence,
        entry: Entry,
        bytes: usize,
    ) -> Result<(), String> {
        let Entry::Block {
            input,
            block,
            records,
            position,
            ..
        } = entry
        else {
            return Err(format!("entry {} is no block", at.0));
        };
        let places = self.blocks.get_mut(input).zip(self.received.get_mut(input));
        let (blocks, received) = places
            .ok_or_else(|| format!("entry {} is of input {input}, which is not there", at.0))?;
        if records > 0 {
            received.next_block = received.next_block.max(block.saturating_add(1));
            let block = blocks.entry(block).or_default();
            block.records = block.records.saturating_add(records);
            block.bytes = block.bytes.saturating_add(bytes as u64);
            block.parts.push(at.0);
        }
        if position.is_some() {
            received.position = position;
        }
        Ok(())
    }

    /// Takes in the next entry.
    pub(crate) fn apply(&mut self, at: Sequence, entry: Entry) -> Result<(), String> {
        match entry {
            Entry::Began {
                program,
                states_from,
                inputs_from,
                reformed,
            } => {
                self.go_on_as(program, &states_from, &inputs_from);
                reformed.iter().for_each(|state| self.begin_anew(state));
            }
            Entry::Block { ref bytes, .. } => {
                let bytes = bytes.len();
                self.apply_block(at, entry, bytes)?;
            }
            Entry::Cut { time, inputs } => {
                // A batch that is cut again was cut by a process that could not know it.
                self.cuts.entry(time).or_insert(Cut { at: at.0, inputs });
            }
            Entry::Ended { time, changes, .. } => self.end(at, time, &changes)?,
            Entry::EndedWith {
                time,
                changes,
                again,
                is_unplanned,
                ..
            } => {
                self.end(at, time, &changes)?;
                if is_unplanned {
                    self.since.unplanned.insert(time);
                }
                again
                    .into_iter()
                    .for_each(|again| self.replace(again, at, time));
            }
        }
        Ok(())
    }

    fn end(&mut self, at: Sequence, time: Time, changes: &[Change]) -> Result<(), String> {
        if time < self.ended {
            return Err(format!(
                "entry {} ends the batch at {time}, and that at {} was done before",
                at.0, self.ended
            ));
        }
        if time > self.ended {
            self.ended_before = Some(self.ended);
            self.ended = time;
        }
        let since = &mut self.since;
        since.may_have_run = since.may_have_run.filter(|last| *last > time);
        // Of a batch that a restart has run again the later run counts.
        self.forget_end(time);
        if !changes.is_empty() {
            let is_changed = |state: &usize| changes.iter().any(|change| change.state == *state);
            let states = 0..self.program.states.len();
            let states = states.map(|state| Some(state).filter(is_changed)).collect();
            self.changes.insert(time, Changes { at: at.0, states });
        }
        Ok(())
    }

    /// Goes on with another program, whose parts come from those of this one.
    pub(crate) fn go_on_as(
        &mut self,
        program: Program,
        states_from: &[Option<usize>],
        inputs_from: &[Option<usize>],
    ) {
        for state in self.changes.values_mut().flat_map(|of| &mut of.states) {
            *state = state.and_then(|old| states_from.iter().position(|from| *from == Some(old)));
        }
        self.since.replaced.retain_mut(|replaced| {
            let old = Some(replaced.again.state);
            let new = states_from.iter().position(|from| *from == old);
            replaced.again.state = new.unwrap_or_default();
            new.is_some()
        });
        let inputs = program.inputs.len();
        self.blocks = taken_over(&self.blocks, inputs, inputs_from);
        self.received = taken_over(&self.received, inputs, inputs_from);
        let begun = |from: &Option<usize>| self.states_begun.get((*from)?).copied();
        let begun = states_from
            .iter()
            .map(|from| begun(from).unwrap_or(self.ended));
        self.states_begun = begun.collect();
        let since = |from: &Option<usize>| self.states_since.get((*from)?).copied().flatten();
        self.states_since = states_from.iter().map(since).collect();
        for cut in self.cuts.values_mut() {
            let inputs = std::mem::take(&mut cut.inputs).into_iter();
            let renumbered = inputs.filter_map(|cut| {
                let input = inputs_from.iter().position(|old| *old == Some(cut.input))?;
                Some(CutInput { input, ..cut })
            });
            cut.inputs = renumbered.collect();
        }
        self.program = program;
    }

    /// How many batches were begun and not done.
    pub(crate) fn open_batches(&self) -> usize {
        let after = self.ended + Duration::from_millis(1);
        self.cuts.range(after..).count()
    }

    /// Goes on with a state in another form, to which no change that was written belongs.
    fn begin_anew(&mut self, reformed: &Reformed) {
        self.forget_changes(reformed.state, |_| true);
        if let Some(since) = self.states_since.get_mut(reformed.state) {
            *since = reformed.snapshots.iter().map(|one| one.time).max();
        }
    }

    /// Whether what an entry says of a batch of a state was computed again since.
    pub(super) fn is_replaced(&self, state: usize, time: Time, at: u64) -> bool {
        let mut replaced = self.since.replaced.iter();
        replaced.any(|by| by.again.state == state && time > by.again.after && at < by.at)
    }

    /// Goes on with what was computed again of a state.
    fn replace(&mut self, again: Again, at: Sequence, ended: Time) {
        let since = self.states_since.get_mut(again.state);
        let before = since.and_then(|since| {
            let before = *since;
            // All that was computed again is there.
            *since = before.min(Some(again.after));
            before
        });
        self.since.replaced.push(Replaced {
            again,
            at: at.0,
            ended,
            since: before,
        });
    }

    /// Whether a state cannot be brought back to before the last batch: what that computed again
    /// was written of it only as it was later.
    pub(super) fn is_replaced_by_last(&self, state: usize) -> bool {
        let mut by_last = self.since.replaced.iter();
        by_last.any(|by| {
            by.ended == self.ended
                && by.again.state == state
                && by.since.is_some_and(|since| since > by.again.after)
        })
    }

    /// As if the end of a batch had not been written.
    fn forget_end(&mut self, time: Time) {
        self.changes.remove(&time);
        self.since.replaced.retain(|by| by.ended != time);
        self.since.unplanned.remove(&time);
    }

    /// Lets go of the changes of a state that ends of batches hold.
    pub(super) fn forget_changes(&mut self, state: usize, is_gone: impl Fn(Time) -> bool) {
        let replaced = &mut self.since.replaced;
        replaced.retain(|by| by.again.state != state || !is_gone(by.ended));
        self.changes.retain(|time, of| {
            let mut states = of.states.iter_mut().filter(|_| is_gone(*time));
            if let Some(named) = states.find(|named| **named == Some(state)) {
                *named = None;
            }
            of.states.iter().any(Option::is_some)
        });
    }

    /// As if the last batch were not done, as Spark does after a restart.
    pub(crate) fn forget_last_end(&mut self) {
        if let Some(before) = self.ended_before.take() {
            self.forget_end(self.ended);
            self.ended = before;
        }
    }

    /// The first batch that was cut and has not ended.
    pub(crate) fn first_open(&self) -> Option<Time> {
        let after = self.ended + Duration::from_millis(1);
        self.cuts.range(after..).next().map(|(time, _)| *time)
    }

    /// The number of the first block of an input that belongs to no batch.
    pub(crate) fn first_unallocated(&self, input: usize) -> u64 {
        let cuts = self.cuts.values().flat_map(|cut| &cut.inputs);
        let ends = cuts.filter_map(|cut| match cut.range {
            InputRange::Blocks { to, .. } if cut.input == input => Some(to),
            _ => None,
        });
        let known = self
            .blocks
            .get(input)
            .and_then(|blocks| blocks.keys().next());
        let next = || self.received.get(input).map_or(0, |of| of.next_block);
        ends.max().or(known.copied()).unwrap_or_else(next)
    }

    /// Drops what no restart will ask for: cuts and blocks of batches that nothing remembers,
    /// changes that every snapshot contains.
    pub(crate) fn prune(&mut self, remembered: Duration, snapshots_at: Option<Time>) {
        let batch = Duration::from_millis(self.program.batch_ms);
        let dropped = drop_cuts(&mut self.cuts, (self.ended, remembered), batch);
        for cut in dropped.values().flat_map(|cut| &cut.inputs) {
            if let (InputRange::Blocks { to, .. }, Some(blocks)) =
                (&cut.range, self.blocks.get_mut(cut.input))
            {
                *blocks = blocks.split_off(to);
            }
        }
        if let Some(at) = snapshots_at {
            self.changes = self.changes.split_off(&(at + Duration::from_millis(1)));
            for since in &mut self.states_since {
                *since = (*since).max(Some(at));
            }
        }
        self.since.unplanned = self.since.unplanned.split_off(&(self.ended - remembered));
        let changes = &self.changes;
        let is_older = |by: &Replaced| changes.values().any(|changes| changes.at < by.at);
        self.since.replaced.retain(is_older);
    }

    /// The oldest entry of the journal that is still referred to.
    pub(crate) fn oldest(&self) -> Option<Sequence> {
        let blocks = self.blocks.iter().flat_map(BTreeMap::values);
        let blocks = blocks.flat_map(|block| block.parts.first()).copied();
        let changes = self.changes.values().map(|changes| changes.at);
        blocks.chain(changes).min().map(Sequence)
    }
}

/// What belongs to the parts of a new program, of what belonged to those of an old one.
fn taken_over<T: Clone + Default>(old: &[T], parts: usize, from: &[Option<usize>]) -> Vec<T> {
    let from = |new: usize| from.get(new).copied().flatten();
    let old = (0..parts).map(|new| from(new).and_then(|old_place| old.get(old_place)));
    old.map(|old| old.cloned().unwrap_or_default()).collect()
}

#[cfg(test)]
mod tests;
