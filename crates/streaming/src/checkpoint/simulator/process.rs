//! A process: what is lost when it is killed. It acts as the runtime does, step by step, and
//! decides by the same functions.

use std::collections::{BTreeMap, VecDeque};

use headwater_journal::Sequence;

use super::super::commits::Commits;
use super::super::cutting::{Share, cut_batch};
use super::super::entry::{Change, Entry};
use super::super::past::Past;
use super::super::plan::Limits;
use super::super::retention::Retained;
use super::Check;
use super::checkpoint::Checkpointing;
use super::disk::Disk;
use super::receiver::Receiver;
use super::setup::{BATCH, Places, Rule, Setup, batches};
use super::source::Source;
use super::state::{Partition, share};
use super::truth::{Contents, Output, Truth};
use crate::batch::{BatchEnd, Schedule};
use crate::time::Time;

/// What batches get something from.
#[derive(Debug)]
pub(super) enum Input {
    Receiver(Receiver),
    Source(Source),
}

/// What came of cutting a batch.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cutting {
    pub(super) is_cut: bool,
    pub(super) source_failed: bool,
}

/// Why an input has given nothing.
enum Refused {
    SourceFailed,
    Wrong(String),
}

/// With which batch a state begins after a restart.
#[derive(Debug, Clone, Copy)]
pub(super) struct Beginning {
    pub(super) after: Time,
    /// Whether readers look back further.
    pub(super) is_late: bool,
}

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
    pub(super) inputs: Vec<Input>,
    /// The partitions of each state, by place.
    pub(super) states: Vec<Vec<Partition>>,
    /// By place, too.
    pub(super) begins: Vec<Beginning>,
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
        if let Input::Receiver(receiver) = &mut self.inputs[place]
            && let Some(entry) = receiver.unlogged(place)
        {
            self.append(disk, entry)?;
        }
        Ok(())
    }

    /// Lets a record join the block that is being gathered.
    pub(super) fn gather(&mut self, place: usize, record: u64) {
        if let Input::Receiver(receiver) = &mut self.inputs[place] {
            receiver.gather(record);
        }
    }

    /// Stores records as a block of their own, which will be acknowledged.
    pub(super) fn store(&mut self, disk: &mut Disk, place: usize, records: Vec<u64>) -> Check {
        self.log_open(disk, place)?;
        let Input::Receiver(receiver) = &mut self.inputs[place] else {
            return Ok(());
        };
        receiver.close();
        let entry = receiver.block(place, records.clone());
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

    /// Has where sources begin written; from then on what comes is theirs.
    pub(super) fn begin_sources(
        &mut self,
        disk: &mut Disk,
        setup: &Setup,
        truth: &mut Truth,
    ) -> Check {
        for place in 0..self.inputs.len() {
            let Input::Source(source) = &mut self.inputs[place] else {
                continue;
            };
            let origin = source.begin(place, truth);
            if let Some(entry) = origin.filter(|_| !setup.breaks(Rule::OriginFirst)) {
                self.append(disk, entry)?;
                disk.sync();
            }
            truth.begins(self.places.inputs[place]);
        }
        Ok(())
    }

    /// Cuts the next batch.
    pub(super) fn cut(
        &mut self,
        disk: &mut Disk,
        setup: &Setup,
        truth: &Truth,
        mut fails: impl FnMut() -> bool,
    ) -> Check<Cutting> {
        let time = self.schedule.next();
        let known = self.past.cuts.get(&time).cloned();
        let mut source_failed = false;
        let mut given = vec![Vec::new(); setup.inputs.len()];
        let named = cut_batch(known.as_ref(), self.inputs.len(), |place, share| {
            let is_new = match setup.breaks(Rule::NamedAlone) {
                true => !matches!(share, Share::Named(_)),
                false => share == Share::Waiting,
            };
            if !is_new {
                return Ok(None);
            }
            self.log_open(disk, place).map_err(Refused::Wrong)?;
            let (range, records) = match &mut self.inputs[place] {
                Input::Receiver(receiver) => receiver.allocate(),
                Input::Source(_) if fails() => {
                    source_failed = true;
                    return match setup.goes_on {
                        true => Ok(None),
                        false => Err(Refused::SourceFailed),
                    };
                }
                Input::Source(source) => source.compute(truth),
            };
            let count = records.len() as u64;
            given[self.places.inputs[place]] = records;
            Ok(Some((range, count)))
        });
        let at = match (named, known) {
            (Ok(Some(inputs)), _) => self.append(disk, Entry::Cut { time, inputs })?,
            (Ok(None), known) => Sequence(known.map_or(0, |cut| cut.at)),
            (Err(Refused::Wrong(message)), _) => return Err(message),
            (Err(Refused::SourceFailed), _) => {
                return Ok(Cutting {
                    is_cut: false,
                    source_failed,
                });
            }
        };
        let nothing = || vec![Vec::new(); setup.inputs.len()];
        let contents = self.contents.entry(time).or_insert_with(nothing);
        for (contents, given) in contents.iter_mut().zip(given) {
            contents.extend(given);
        }
        self.cutting = Some((time, at));
        Ok(Cutting {
            is_cut: true,
            source_failed,
        })
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
                    records.extend(setup.for_states(self.contents_of(batch)?));
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
            let place = place.unwrap_or_default();
            let at = |time| {
                let parts = self.states[place].iter();
                parts.map(|part| part.version(time)).collect::<Check<_>>()
            };
            let back = setup.step_at(number, time - batches(self.places.reaches[number]), zero);
            let begin = self.begins[place];
            let is_shown = back > zero && (!begin.is_late || back > begin.after);
            let back = is_shown.then(|| at(back).map(|values| (back, values)));
            let back = back.transpose()?;
            states.push((number, at(time)?, back));
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
        let is_unplanned = false;
        self.commits.done(
            time,
            BatchEnd {
                failure,
                is_unplanned,
            },
        );
        let mut ended = (Sequence(0), Vec::new());
        loop {
            let first_open = match setup.breaks(Rule::EndsInOrder) {
                true => Some(time),
                false => self.past.first_open(),
            };
            let (states, zero) = (&self.states, self.past.zero);
            let (places, setups) = (&self.places.states, &setup.states);
            let has_come_to = |state: usize, batch| {
                let slide = batches(setups[places[state]].slide);
                let parts = states[state].iter();
                parts.map(|part| part.at.unwrap_or(zero) + slide).min() > Some(batch)
            };
            let Some((time, mut end)) = self.commits.next_end(first_open, has_come_to) else {
                break;
            };
            self.commits.have_ended(&end);
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
        let needed = setup.input_memory(&self.places.reaches);
        self.contents = self.contents.split_off(&(ended - needed + BATCH));
        for (state, parts) in self.states.iter_mut().enumerate() {
            let number = self.places.states[state];
            let reach = batches(self.places.reaches[number]);
            let oldest = setup.step_at(number, ended - reach, self.past.zero);
            parts.iter_mut().for_each(|part| part.forget(oldest));
        }
        Ok(())
    }
}

/// Loses a change, as if its batch had taken it along too late.
fn leave_out_last(end: &mut Entry) {
    if let Entry::Ended { changes, .. } | Entry::EndedWith { changes, .. } = end {
        changes.pop();
    }
}
