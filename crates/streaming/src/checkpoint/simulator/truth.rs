//! What the world has seen, which no crash takes back; and what must hold of it.

use std::collections::{BTreeMap, BTreeSet};

use super::Check;
use super::setup::{BATCH, Setup, batches};
use super::state::{Value, share};
use crate::time::Time;

/// How long the world remembers batches; longer than any process does.
const MEMORY: u32 = 60;

/// The records of a batch, by input.
pub(super) type Contents = Vec<Vec<u64>>;

/// What an output writes of a state.
type StateOutput = (usize, Vec<Value>, Option<(Time, Vec<Value>)>);

/// What an output writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Output {
    pub(super) contents: Contents,
    /// Of the window that ends with the batch.
    pub(super) window: Vec<u64>,
    /// Of each state with a step in this batch: now, and as far back as its readers look, with
    /// the batch that that is; none if nothing is shown of it.
    pub(super) states: Vec<StateOutput>,
}

#[derive(Debug, Default)]
pub(super) struct Truth {
    /// The batch to which each record belongs.
    batch_of: Vec<Option<Time>>,
    /// The input of each record.
    input_of: Vec<usize>,
    /// What lies where sources read, by input, and whose sources have begun.
    logs: BTreeMap<usize, Vec<u64>>,
    begun: BTreeSet<usize>,
    /// The records that were acknowledged, or came to a source that had begun, and are in no batch
    /// that is done.
    owed: BTreeSet<u64>,
    pub(super) zero: Option<Time>,
    /// What belongs to the batches that have run.
    cuts: BTreeMap<Time, Contents>,
    last_cut: Option<Time>,
    /// The state after each step, by state and partition.
    states: Vec<BTreeMap<Time, Vec<Value>>>,
    sink: BTreeMap<Time, Output>,
    /// The batches that may have been given up.
    may_have_failed: BTreeSet<Time>,
    /// The last batch that was told to be done.
    reported: Option<Time>,
}

impl Truth {
    pub(super) fn new(setup: &Setup) -> Self {
        Truth {
            states: vec![BTreeMap::new(); setup.states.len()],
            ..Truth::default()
        }
    }

    pub(super) fn new_record(&mut self, input: usize) -> u64 {
        self.batch_of.push(None);
        self.input_of.push(input);
        self.batch_of.len() as u64 - 1
    }

    /// Something comes to where a source reads.
    pub(super) fn arrives(&mut self, input: usize) {
        let record = self.new_record(input);
        self.logs.entry(input).or_default().push(record);
        if self.begun.contains(&input) {
            self.owed.insert(record);
        }
    }

    /// What has come to where a source reads.
    pub(super) fn log(&self, input: usize) -> &[u64] {
        self.logs.get(&input).map_or(&[], Vec::as_slice)
    }

    /// A source has begun: what comes from now on is owed.
    pub(super) fn begins(&mut self, input: usize) {
        self.begun.insert(input);
    }

    /// A changed program is without an input, and nothing of it is shown or owed any more.
    pub(super) fn goes(&mut self, input: usize) {
        self.begun.remove(&input);
        let input_of = &self.input_of;
        self.owed
            .retain(|record| input_of.get(*record as usize) != Some(&input));
        for contents in self.cuts.values_mut().filter_map(|cut| cut.get_mut(input)) {
            contents.clear();
        }
    }

    pub(super) fn records(&self) -> u64 {
        self.batch_of.len() as u64
    }

    pub(super) fn batch_of(&self, record: u64) -> Option<Time> {
        self.batch_of[record as usize]
    }

    pub(super) fn acknowledged(&mut self, records: &[u64]) {
        let reported = self.reported;
        let is_done = |record: &u64| {
            let batch = self.batch_of[*record as usize];
            batch.is_some_and(|batch| reported.is_some_and(|reported| batch <= reported))
        };
        let owed: Vec<_> = records
            .iter()
            .filter(|one| !is_done(one))
            .copied()
            .collect();
        self.owed.extend(owed);
    }

    pub(super) fn owed(&self) -> &BTreeSet<u64> {
        &self.owed
    }

    /// A batch begins to run. It must be the next one, or have what it had before.
    pub(super) fn runs(&mut self, time: Time, contents: &Contents, setup: &Setup) -> Check {
        if let Some(first) = self.cuts.get(&time) {
            return match first == contents {
                true => Ok(()),
                false => Err(format!("batch {time} had {first:?} and has {contents:?}")),
            };
        }
        let zero = self.zero.unwrap_or(time - BATCH);
        let expected = self.last_cut.unwrap_or(zero) + BATCH;
        if time != expected {
            return Err(format!("batch {time} is cut, {expected} should be"));
        }
        for record in contents.iter().flatten() {
            if let Some(other) = self.batch_of[*record as usize].replace(time) {
                return Err(format!("record {record} is in batches {other} and {time}"));
            }
        }
        self.last_cut = Some(time);
        self.cuts.insert(time, contents.clone());
        self.take_steps(time, zero, setup);
        self.forget(time);
        Ok(())
    }

    fn take_steps(&mut self, time: Time, zero: Time, setup: &Setup) {
        for (number, state) in setup.states.iter().enumerate() {
            if setup.step_at(number, time, zero) != time {
                continue;
            }
            let first = time - batches(state.slide) + BATCH;
            let of_step = self.cuts.range(first..=time);
            let records: Vec<u64> = of_step.flat_map(|(_, cut)| setup.for_states(cut)).collect();
            let versions = &mut self.states[number];
            let before = match versions.last_key_value() {
                Some((_, before)) => before.clone(),
                None => vec![Value::default(); state.partitions],
            };
            let parts = before.into_iter().enumerate();
            let after =
                parts.map(|(part, value)| value.plus(&share(&records, part, state.partitions)));
            versions.insert(time, after.collect());
        }
    }

    fn forget(&mut self, now: Time) {
        let before = now - batches(MEMORY);
        self.cuts = self.cuts.split_off(&before);
        self.sink = self.sink.split_off(&before);
        self.may_have_failed = self.may_have_failed.split_off(&before);
        for versions in &mut self.states {
            *versions = versions.split_off(&before);
        }
    }

    pub(super) fn contents(&self, time: Time) -> Option<&Contents> {
        self.cuts.get(&time)
    }

    /// An output stores a batch in one transaction, together with its id.
    pub(super) fn stored(
        &mut self,
        time: Time,
        output: Output,
        twice: bool,
        setup: &Setup,
    ) -> Check {
        let expected = self.expected(time, &output.states, setup)?;
        if output != expected {
            return Err(format!(
                "batch {time} wrote {output:?} and not {expected:?}"
            ));
        }
        if self.sink.insert(time, output).is_some() && twice {
            return Err(format!("batch {time} is stored twice"));
        }
        Ok(())
    }

    pub(super) fn has_stored(&self, time: Time) -> bool {
        self.sink.contains_key(&time)
    }

    /// What an output writes that looks back so far.
    fn expected(&self, time: Time, written: &[StateOutput], setup: &Setup) -> Check<Output> {
        let gone = || format!("the world has forgotten batch {time}");
        let zero = self.zero.unwrap_or(time - BATCH);
        let first = time - batches(setup.window) + BATCH;
        let window = self.cuts.range(first..=time);
        let mut states = Vec::new();
        for (number, state) in setup.states.iter().enumerate() {
            if setup.step_at(number, time, zero) == time {
                let versions = &self.states[number];
                let now = versions.get(&time).cloned().ok_or_else(gone)?;
                let furthest = setup.step_at(number, time - batches(state.reach), zero);
                let mut back = (furthest > zero).then_some(furthest);
                if setup.reach_changes {
                    let written = written.iter().find(|(one, ..)| *one == number);
                    let written = written.and_then(|(.., back)| back.as_ref());
                    back = written.map(|(at, _)| *at);
                }
                let version = |at| {
                    let known = versions.get(&at).cloned();
                    known.map(|values| (at, values)).ok_or_else(gone)
                };
                states.push((number, now, back.map(version).transpose()?));
            }
        }
        Ok(Output {
            contents: self.cuts.get(&time).cloned().ok_or_else(gone)?,
            window: window.flat_map(|(_, cut)| cut.concat()).collect(),
            states,
        })
    }

    pub(super) fn failed(&mut self, time: Time) {
        self.may_have_failed.insert(time);
    }

    /// A process says that batches are done: the next ones, each of which the sink has.
    pub(super) fn ended(&mut self, times: &[Time]) -> Check {
        for time in times {
            let zero = self.zero.unwrap_or(*time - BATCH);
            let expected = self.reported.unwrap_or(zero) + BATCH;
            // The last batch is run again where that is asked for.
            if *time != expected && *time + BATCH != expected {
                return Err(format!("batch {time} is done, {expected} should be"));
            }
            self.reported = Some(*time).max(self.reported);
            self.done_up_to(*time)?;
        }
        Ok(())
    }

    /// A restart finds that every batch up to one is done. What was reported is, but for the
    /// last batch where an earlier restart has begun to run that again.
    pub(super) fn found_ended(&mut self, ended: Time, setup: &Setup) -> Check {
        let least = match setup.runs_last_again {
            true => ended + BATCH,
            false => ended,
        };
        if let Some(reported) = self.reported.filter(|reported| *reported > least) {
            return Err(format!(
                "batch {reported} was done, and after a restart only {ended} is"
            ));
        }
        let zero = self.zero.unwrap_or(ended);
        for time in (self.reported.unwrap_or(zero) + BATCH).to(ended, BATCH) {
            self.done_up_to(time)?;
            self.reported = Some(time);
        }
        Ok(())
    }

    fn done_up_to(&mut self, time: Time) -> Check {
        if !self.sink.contains_key(&time) && !self.may_have_failed.contains(&time) {
            return Err(format!(
                "batch {time} is done, and the sink does not have it"
            ));
        }
        let contents = self.cuts.get(&time).into_iter().flatten().flatten();
        contents.for_each(|record| {
            self.owed.remove(record);
        });
        Ok(())
    }
}
