//! What a journal still says of a stream where parts of it are lost: one function of what was
//! found, for who starts and for who only looks.
//!
//! Three rules make what is left exact, or lost by name. Ends of batches are written in the order
//! of the batches, so each says that those before it are done; but changes of state hold only on
//! top of all changes before them ([`states`]). A process begins a segment of the journal, and
//! what it writes first says how it numbers its states and inputs: where the beginning of a
//! segment is lost, nothing but the times of the entries behind it is understood. And blocks go
//! to batches in their order, so the batches before and after tell which were between ([`batches`]).

mod batches;
mod snapshots;
mod states;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::ops::Range;

use headwater_journal::{Recovered, Sequence};

pub(super) use self::snapshots::without_snapshots;
use self::states::LostChanges;
use super::entry::Entry;
use super::manifest::Manifest;
use super::parts;
use super::past::Past;
use super::report::plural;
use super::restore::Found;
use crate::time::{Time, millis};

/// What to do about damage.
pub(super) const ADVICE: &str = "restore the file from a copy, or allow damage \
     (streaming.checkpoint.allow=damage) to go on without what is lost";

/// A part of the journal that is lost, with entries in it.
struct Gap {
    /// Where it is, in words.
    place: String,
    lost: Range<u64>,
    /// The entry that began before it and has a record in it, if the manifest needs one that does.
    cut_short: Option<u64>,
    /// Whether it may hold the first entry of a process.
    may_hold_program: bool,
    is_needed: bool,
}

/// Brings the past of a manifest up to date, entry by entry, as far as the journal is there.
pub(super) struct Mending {
    found: Found,
    next: u64,
    /// Oldest first.
    gaps: Vec<Gap>,
    /// How many of them the entries are past.
    passed: usize,
    /// Another process has begun since the manifest, perhaps to run the last batch again.
    has_begun: bool,
    /// A gap was passed since the last end of a batch.
    lacks_ends: bool,
    /// The last batch that was known before the first gap was passed.
    known_up_to: Option<Time>,
    /// The numbers of states and inputs are not known any more.
    is_unnumbered: bool,
    not_understood: NotUnderstood,
    changes: LostChanges,
    /// Blocks that the manifest knows and that are lost: the input, and the number.
    blocks: Vec<(usize, u64)>,
}

/// What was read behind a gap that may hold a program, and belongs to nobody.
#[derive(Default)]
struct NotUnderstood {
    entries: u64,
    records: u64,
    /// The batches to which they belonged.
    batches: BTreeSet<Time>,
}

/// What damage means for a restart.
#[derive(Default)]
pub(super) struct Losses {
    places: Vec<String>,
    needed: Vec<Range<u64>>,
    /// What is lost, and what becomes of it.
    lines: Vec<String>,
}

impl Losses {
    /// What a restart lacks, if it lacks something.
    pub(super) fn message(&self) -> Option<String> {
        (!self.places.is_empty()).then(|| {
            let (places, lines) = (self.places.join("; "), self.lines.join("\n  "));
            format!("the journal is damaged: {places}; a restart lacks\n  {lines}\n")
        })
    }

    /// Whether a restart reads some of these entries.
    pub(super) fn is_needed(&self, lost: Range<Sequence>) -> bool {
        self.needed.contains(&(lost.start.0..lost.end.0))
    }
}

impl Mending {
    /// Begins with a manifest of which the journal may lack something.
    pub(super) fn of(manifest: &Manifest, recovered: &Recovered) -> Self {
        let begun: Vec<_> = recovered.segments_begun().map(|first| first.0).collect();
        let gap = |lost: Range<u64>, place, is_file_missing| Gap {
            may_hold_program: is_file_missing || begun.iter().any(|first| lost.contains(first)),
            place,
            cut_short: cut_short(manifest, recovered, lost.start),
            lost,
            is_needed: false,
        };
        let first = recovered.first();
        let place = format!("its entries before {first} are missing");
        let front = gap(0..first.0, place, true);
        let damaged = recovered.damaged().iter().map(|damage| {
            let lost = damage.lost.start.0..damage.lost.end.0;
            gap(lost, damage.to_string(), damage.bytes.is_empty())
        });
        let gaps = std::iter::once(front).chain(damaged);
        Mending::over(manifest, gaps.filter(|gap| !gap.lost.is_empty()).collect())
    }

    fn over(manifest: &Manifest, gaps: Vec<Gap>) -> Self {
        let mut mending = Mending {
            found: Found::of(manifest),
            next: manifest.next,
            gaps,
            passed: 0,
            has_begun: false,
            lacks_ends: false,
            known_up_to: None,
            is_unnumbered: false,
            not_understood: NotUnderstood::default(),
            changes: LostChanges::default(),
            blocks: Vec::new(),
        };
        mending.let_go_of_lost();
        mending
    }

    /// Takes what the manifest knows of lost entries out of the past.
    fn let_go_of_lost(&mut self) {
        let Mending { found, gaps, .. } = self;
        let mut is_lost = |at: u64| {
            let mut gaps = gaps.iter_mut();
            let gap = gaps.find(|gap| gap.lost.contains(&at) || gap.cut_short == Some(at));
            gap.map(|gap| gap.is_needed = true).is_some()
        };
        for (input, blocks) in found.past.blocks.iter_mut().enumerate() {
            // All of a block or nothing: how much each of its parts held is not known.
            let lost = blocks.extract_if(.., |_, block| {
                block.parts.iter().filter(|at| is_lost(**at)).count() > 0
            });
            self.blocks.extend(lost.map(|(number, _)| (input, number)));
        }
        let changes = found.past.changes.iter();
        let lost = changes.filter(|(_, changes)| is_lost(changes.at));
        self.changes.of.extend(lost.map(|(time, _)| *time));
    }

    /// Takes in the next entry that is there, those that the manifest knows included.
    pub(super) fn take_in(&mut self, at: Sequence, entry: Entry) -> Result<(), String> {
        if at.0 < self.next {
            return Ok(());
        }
        self.pass(at.0);
        match entry {
            Entry::Ended { time, .. } | Entry::EndedWith { time, .. }
                if !self.is_sure_of_changes(time) =>
            {
                let end = Entry::Ended {
                    time,
                    changes: Vec::new(),
                    failure: None,
                };
                self.found.take_in(at, end)
            }
            Entry::Cut { time, .. } if self.is_unnumbered => {
                self.not_understood.batches.insert(time);
                let inputs = Vec::new();
                self.found.past.apply(at, Entry::Cut { time, inputs })
            }
            Entry::Began { .. } | Entry::Block { .. } if self.is_unnumbered => {
                let left_out = &mut self.not_understood;
                left_out.entries += 1;
                if let Entry::Block { records, .. } = entry {
                    left_out.records = left_out.records.saturating_add(records);
                }
                Ok(())
            }
            entry => {
                self.has_begun |= matches!(entry, Entry::Began { .. });
                self.found.take_in(at, entry)
            }
        }
    }

    /// Notes the gaps before an entry.
    fn pass(&mut self, at: u64) {
        while let Some(gap) = self.gaps.get_mut(self.passed) {
            if gap.lost.start >= at {
                return;
            }
            self.passed += 1;
            if gap.lost.end <= self.next {
                continue;
            }
            gap.is_needed = true;
            self.lacks_ends = true;
            self.is_unnumbered |= gap.may_hold_program;
            let past = &self.found.past;
            self.known_up_to.get_or_insert_with(|| last_known(past));
        }
    }

    /// Whether what the end of a batch says of states goes on from what is there: the gap before
    /// it held no end, neither that of a batch between nor another one of the same batch.
    fn is_sure_of_changes(&mut self, time: Time) -> bool {
        let past = &self.found.past;
        let next = past.ended + millis(past.program.batch_ms);
        if std::mem::take(&mut self.lacks_ends) {
            let goes_on = time == next && !self.has_begun && !self.is_unnumbered;
            if !goes_on {
                self.changes.from.get_or_insert(next.min(time));
            }
        }
        self.changes.from.is_none()
    }

    /// The past, without anything that is not sure, and what that is.
    pub(super) fn finish(mut self) -> (Found, Losses) {
        self.pass(u64::MAX);
        let needed: Vec<_> = self.gaps.iter().filter(|gap| gap.is_needed).collect();
        if needed.is_empty() {
            return (self.found, Losses::default());
        }
        let mut losses = Losses {
            places: needed.iter().map(|gap| gap.place.clone()).collect(),
            needed: needed.iter().map(|gap| gap.lost.clone()).collect(),
            lines: Vec::new(),
        };
        let past = &mut self.found.past;
        let lines = &mut losses.lines;
        let NotUnderstood {
            entries,
            records,
            batches: mut unrecorded,
        } = self.not_understood;
        if let Some(known) = self.known_up_to {
            self.found.may_have_run_more = true;
            lines.push(format!(
                "whatever it said of batches after {known}, and what receivers had stored in it \
                 for them, as far as nothing else tells"
            ));
            unrecorded.extend(batches::fill_in(past, known, self.is_unnumbered, lines));
        }
        if entries > 0 {
            lines.push(format!(
                "{} behind it with {}: it may have said to which inputs they belong",
                plural(entries, "entry", "entries"),
                plural(records, "record", "records"),
            ));
        }
        unrecorded.extend(batches::without_blocks(past, &self.blocks, lines));
        states::settle(&mut self.found, &self.changes, &unrecorded, lines);
        (self.found, losses)
    }
}

/// The last entry before a record whose changes a manifest needs, unless all of its records are
/// there: it may lie in several.
fn cut_short(manifest: &Manifest, recovered: &Recovered, before: u64) -> Option<u64> {
    let changes = manifest.past.changes.values();
    let last = changes.map(|one| one.at).filter(|at| *at < before).max()?;
    let first = Sequence(last);
    (!parts::is_whole(first, recovered.records_from(first))).then_some(last)
}

/// The last batch that was begun or done.
fn last_known(past: &Past) -> Time {
    let begun = past.cuts.keys().next_back().copied();
    begun.map_or(past.ended, |begun| begun.max(past.ended))
}

/// Batches, from which to which where they follow each other.
fn in_words(times: &[Time], batch_ms: u64) -> String {
    let step = millis(batch_ms.max(1));
    let runs = times.chunk_by(|one, next| *one + step == *next);
    let run = |run: &[Time]| match run {
        [first, .., last] => format!("{first} to {last}"),
        _ => run.first().map_or(String::new(), Time::to_string),
    };
    runs.map(run).collect::<Vec<_>>().join(", ")
}
