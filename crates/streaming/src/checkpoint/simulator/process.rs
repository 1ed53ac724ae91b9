//! A process: what is lost when it is killed. It acts as the runtime does, step by step, and
//! decides by the same functions.

use std::collections::{BTreeMap, VecDeque};

use headwater_journal::Sequence;

use super::super::commits::Commits;
use super::super::entry::{Change, CutInput, Entry};
use super::super::past::Past;
use super::super::plan::Limits;
use super::super::retention::Retained;
use super::Check;
use super::checkpoint::Checkpointing;
use super::disk::Disk;
use super::receiver::Receiver;
use super::setup::{BATCH, Places, Rule, Setup, batches};
use super::state::{Partition, share};
use super::truth::{Contents, Output, Truth};
use crate::batch::Schedule;
use crate::time::Time;

#[derive(Debug)]
pub(super) struct Process {
    /// The number of its first entry.
    pub(super) first: u64,
    pub(super) past: Past,
    pub(super) places: Places,
    pub(super) limits: Limits,
    pub(super) retained: Retained,
    pub(super) commits: Commits,
    pub(super) schedule: Schedule,
    /// By place.
    pub(super) receivers: Vec<Receiver>,
    /// The partitions of each state, by place.
    pub(super) states: Vec<Vec<Partition>>,
    /// The records of the batches that are remembered.
    pub(super) contents: BTreeMap<Time, Contents>,
    /// A batch whose cut is not known to be safe.
    pub(super) cutting: Option<(Time, Sequence)>,
    /// Batches that are cut and wait for a thread, and those that run.
    pub(super) waiting: VecDeque<Time>,
    pub(super) running: Vec<Time>,
    /// Ends that are not known to be safe.
    pub(super) ending: Option<(Sequence, Vec<Time>)>,
    /// Blocks that are not acknowledged.
    pub(super) storing: Vec<(Sequence, Vec<u64>)>,
    pub(super) checkpointing: Option<Checkpointing>,
    pub(super) last_checkpoint: Time,
    /// Nothing runs before the first manifest is there.
    pub(super) is_starting: bool,
}

impl Process {
    /// Writes an entry, and takes it in.
    pub(super) fn append(&mut self, disk: &mut Disk, entry: Entry) -> Check<Sequence> {
        let at = disk.append(&entry)?;
        self.past.apply(at, entry)?;
        Ok(at)
    }

    /// Writes what is gathered to the journal.
    pub(super) fn log_open(&mut self, disk: &mut Disk, place: usize) -> Check {
        if let Some(entry) = self.receivers[place].unlogged(place) {
            self.append(disk, entry)?;
        }
        Ok(())
    }

    /// Stores records as a block of their own, which will be acknowledged.
    pub(super) fn store(&mut self, disk: &mut Disk, place: usize, records: Vec<u64>) -> Check {
        self.log_open(disk, place)?;
        self.receivers[place].close();
        let entry = self.receivers[place].block(place, records.clone());
        let at = self.append(disk, entry)?;
        self.storing.push((at, records));
        Ok(())
    }

    /// Tells the senders what is safe.
    pub(super) fn acknowledge(&mut self, disk: &mut Disk, setup: &Setup, truth: &mut Truth) {
        if !setup.breaks(Rule::AckAfterSync) {
            disk.sync();
        }
        for (_, records) in self.storing.drain(..) {
            truth.acknowledged(&records);
        }
    }

    /// Gives what is stored to the next batch, unless an earlier process has done that.
    pub(super) fn cut(&mut self, disk: &mut Disk) -> Check {
        let time = self.schedule.next();
        if let Some(cut) = self.past.cuts.get(&time) {
            self.cutting = Some((time, Sequence(cut.at)));
            return Ok(());
        }
        let (mut inputs, mut contents): (Vec<CutInput>, Contents) = Default::default();
        contents.resize(self.receivers.len(), Vec::new());
        for place in 0..self.receivers.len() {
            self.log_open(disk, place)?;
            self.receivers[place].close();
            let (cut, records) = self.receivers[place].allocate(place);
            inputs.push(cut);
            contents[self.places.inputs[place]] = records;
        }
        let at = self.append(disk, Entry::Cut { time, inputs })?;
        self.contents.insert(time, contents);
        self.cutting = Some((time, at));
        Ok(())
    }

    /// The batch that was cut may run.
    pub(super) fn submit(&mut self, disk: &mut Disk, setup: &Setup, truth: &mut Truth) -> Check {
        let Some((time, at)) = self.cutting.take() else {
            return Ok(());
        };
        if !setup.breaks(Rule::RunAfterSync) && !disk.is_synced(at) {
            disk.sync();
        }
        self.schedule.cut();
        self.waiting.push_back(time);
        truth.runs(time, self.contents_of(time)?, setup)
    }

    fn contents_of(&self, time: Time) -> Check<&Contents> {
        let contents = self.contents.get(&time);
        contents.ok_or_else(|| format!("the records of batch {time} are not there"))
    }

    /// Takes one step of a partition that a batch needs; `false` when all are taken.
    pub(super) fn take_step(&mut self, time: Time, setup: &Setup) -> Check<bool> {
        let zero = self.past.zero;
        for state in 0..self.states.len() {
            let number = self.places.states[state];
            let slide = batches(setup.states[number].slide);
            for partition in 0..self.states[state].len() {
                let next = self.states[state][partition].at.unwrap_or(zero) + slide;
                if next > time {
                    continue;
                }
                let mut records = Vec::new();
                for batch in (next - slide + BATCH).to(next, BATCH) {
                    records.extend(self.contents_of(batch)?.concat());
                }
                let records = share(&records, partition, setup.states[number].partitions);
                let bytes = postcard::to_stdvec(&records).map_err(|error| error.to_string())?;
                self.commits.changed(Change {
                    state,
                    partition,
                    time: next,
                    bytes,
                });
                self.states[state][partition].step(next, &records);
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What the output of a batch writes.
    pub(super) fn output(&self, time: Time, setup: &Setup) -> Check<Output> {
        let zero = self.past.zero;
        let mut window = Vec::new();
        let first = (time - batches(setup.window)).max(zero) + BATCH;
        for batch in first.to(time, BATCH) {
            window.extend(self.contents_of(batch)?.concat());
        }
        let mut states = Vec::new();
        for number in 0..setup.states.len() {
            if setup.step_at(number, time, zero) != time {
                continue;
            }
            let place = self.places.states.iter().position(|one| *one == number);
            let parts = &self.states[place.unwrap_or_default()];
            let at = |time| parts.iter().map(move |part| part.version(time)).collect();
            let back = setup.step_at(number, time - batches(setup.states[number].reach), zero);
            let back = match back > zero {
                true => at(back),
                false => Ok(Vec::new()),
            };
            states.push((number, at(time)?, back?));
        }
        Ok(Output {
            contents: self.contents_of(time)?.clone(),
            window,
            states,
        })
    }

    /// A batch is done: writes the ends that can be written.
    pub(super) fn end(
        &mut self,
        disk: &mut Disk,
        time: Time,
        failure: Option<String>,
        setup: &Setup,
    ) -> Check {
        self.running.retain(|running| *running != time);
        self.commits.done(time, failure);
        let mut ended = (Sequence(0), Vec::new());
        loop {
            let first_open = match setup.breaks(Rule::EndsInOrder) {
                true => Some(time),
                false => self.past.first_open(),
            };
            let Some((time, mut end)) = self.commits.next_end(first_open) else {
                break;
            };
            if setup.breaks(Rule::ChangesWithTheirBatch) {
                leave_out_last(&mut end);
            }
            ended.0 = self.append(disk, end)?;
            ended.1.push(time);
        }
        if !ended.1.is_empty() {
            self.ending = Some(ended);
        }
        Ok(())
    }

    /// Reports the ends that were written, and forgets what windows do not need any more.
    pub(super) fn report(&mut self, disk: &mut Disk, setup: &Setup, truth: &mut Truth) -> Check {
        let Some((at, times)) = self.ending.take() else {
            return Ok(());
        };
        if !disk.is_synced(at) {
            disk.sync();
        }
        truth.ended(&times)?;
        let ended = self.past.ended;
        self.contents = self.contents.split_off(&(ended - setup.needed() + BATCH));
        for (state, parts) in self.states.iter_mut().enumerate() {
            let number = self.places.states[state];
            let reach = batches(setup.states[number].reach);
            let oldest = setup.step_at(number, ended - reach, self.past.zero);
            parts.iter_mut().for_each(|part| part.forget(oldest));
        }
        Ok(())
    }
}

/// Loses a change, as if its batch had taken it along too late.
fn leave_out_last(end: &mut Entry) {
    if let Entry::Ended { changes, .. } = end {
        changes.pop();
    }
}
