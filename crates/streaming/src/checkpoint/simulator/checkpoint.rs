//! A checkpoint, step by step: between any two of them others go on, or the process is killed.

use headwater_journal::Sequence;

use super::super::entry::{CutInput, InputRange};
use super::super::manifest::{Manifest, Snapshot};
use super::super::past::Cut;
use super::super::retention::Surplus;
use super::Check;
use super::disk::Disk;
use super::process::Process;
use super::setup::{BATCH, Rule, Setup};
use super::truth::Truth;
use crate::time::Time;

#[derive(Debug)]
pub(super) enum Checkpointing {
    /// The snapshot of a partition of a state is next.
    Snapshots(usize, usize),
    Manifest,
    Tidy(Surplus),
}

impl Process {
    /// Goes one step on with the checkpoint that is being written.
    pub(super) fn checkpoint(
        &mut self,
        disk: &mut Disk,
        setup: &Setup,
        truth: &mut Truth,
    ) -> Check {
        self.checkpointing = match self.checkpointing.take() {
            None => None,
            Some(Checkpointing::Snapshots(state, partition)) => {
                Some(self.snapshot(disk, (state, partition)))
            }
            Some(Checkpointing::Manifest) => {
                let surplus = self.write_manifest(disk, setup)?;
                Some(Checkpointing::Tidy(surplus))
            }
            Some(Checkpointing::Tidy(mut surplus)) => {
                let goes_on = disk.delete_some(&mut surplus);
                if !goes_on {
                    self.begin_sources(disk, setup, truth)?;
                    self.is_starting = false;
                    disk.check_listed()?;
                }
                goes_on.then_some(Checkpointing::Tidy(surplus))
            }
        };
        Ok(())
    }

    fn snapshot(&mut self, disk: &mut Disk, (state, partition): (usize, usize)) -> Checkpointing {
        let Some(parts) = self.states.get(state) else {
            return Checkpointing::Manifest;
        };
        if partition == 0 {
            self.retained.still_computes(self.commits.computed_again());
        }
        let is_left_out = self.retained.is_on_its_way(state);
        let Some(part) = parts.get(partition).filter(|_| !is_left_out) else {
            return Checkpointing::Snapshots(state + 1, 0);
        };
        if let Some(time) = part.at {
            let snapshot =
                Snapshot::of((state, partition), parts.len(), time, Sequence(self.first));
            disk.write_snapshot(&snapshot, part.value);
            self.retained.add(snapshot);
        }
        Checkpointing::Snapshots(state, partition + 1)
    }

    fn write_manifest(&mut self, disk: &mut Disk, setup: &Setup) -> Check<Surplus> {
        self.retained.still_computes(self.commits.computed_again());
        let contained = self
            .retained
            .keep_needed(&self.past, self.limits.state_reaches_back);
        self.past.prune(self.limits.remembered, contained);
        let manifest = Manifest {
            past: self.past.clone(),
            next: disk.next(),
            snapshots: self.retained.snapshots.clone(),
        };
        if !setup.breaks(Rule::JournalBeforeManifest) {
            disk.sync();
        }
        disk.write_manifest(&manifest)?;
        let name = manifest.name();
        let mut surplus = self
            .retained
            .written(name, &manifest, self.limits.manifests);
        if self.is_starting {
            surplus
                .files
                .extend(self.retained.unlisted(disk.snapshots()));
        }
        if setup.breaks(Rule::KeepForOldest) {
            surplus.entries_before = Some(Sequence(manifest.next));
        }
        if setup.breaks(Rule::KeepListed) {
            surplus
                .files
                .extend(manifest.snapshots.first().map(|one| one.file.clone()));
        }
        self.check_kept()?;
        Ok(surplus)
    }

    /// What is kept is what is needed.
    fn check_kept(&self) -> Check {
        let past = &self.past;
        let forgotten = past.ended - self.limits.remembered;
        let is_newest = |time: Time, input: usize| {
            let later = past.cuts.range(time + BATCH..);
            let mut later = later.flat_map(|(_, cut)| &cut.inputs);
            !later.any(|one| one.input == input)
        };
        // What a source gave last is kept, however long it fails, and next to others the whole cut.
        let is_needed = |time: Time, cut: &Cut| {
            let is_last = |one: &CutInput| {
                matches!(one.range, InputRange::Source(_)) && is_newest(time, one.input)
            };
            let is_next = past.cuts.contains_key(&(time + BATCH));
            let mut named = cut.inputs.iter();
            time > forgotten
                || match is_next {
                    true => named.any(is_last),
                    false => named.all(is_last),
                }
        };
        if let Some((time, _)) = past.cuts.iter().find(|(time, cut)| !is_needed(**time, cut)) {
            return Err(format!(
                "batch {time} is kept, and nothing needs it after {forgotten}"
            ));
        }
        let mut known: Vec<_> = self.retained.snapshots.iter().collect();
        known.sort_by_key(|one| (one.state, one.partition, one.time));
        let base = past.ended - self.limits.state_reaches_back;
        for pair in known.windows(2) {
            let is_same = (pair[0].state, pair[0].partition) == (pair[1].state, pair[1].partition);
            if is_same && pair[1].time <= base && pair[0].time < pair[1].time {
                return Err(format!("{:?} is kept beside {:?}", pair[0], pair[1]));
            }
        }
        let blocks: usize = past
            .blocks
            .iter()
            .map(std::collections::BTreeMap::len)
            .sum();
        let used = past
            .cuts
            .values()
            .flat_map(|cut| &cut.inputs)
            .map(|one| &one.range);
        let used = used.map(|range| match range {
            InputRange::Blocks { from, to } => to - from,
            InputRange::Source(_) | InputRange::Anew => 0,
        });
        let unallocated: usize = (0..past.blocks.len())
            .map(|input| {
                past.blocks[input]
                    .range(past.first_unallocated(input)..)
                    .count()
            })
            .sum();
        match blocks as u64 > used.sum::<u64>() + unallocated as u64 {
            true => Err(format!("{blocks} blocks are kept, and fewer are needed")),
            false => Ok(()),
        }
    }
}
