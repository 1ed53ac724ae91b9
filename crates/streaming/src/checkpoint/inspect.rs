//! Looks into a checkpoint directory, which may belong to a stream that runs.

use std::collections::{BTreeMap, HashMap};

use headwater_journal::{Damage, Journal, JournalError, Recovered, Sequence, Torn};
use headwater_store::{Location, StoreError};

use super::describe::{PartDescription, ProgramDescription};
use super::entry::{CutInput, Entry, InputRange};
use super::keeper::STATES;
use super::locate;
use super::manifest::{FORMAT, Manifest, Snapshot, read_sealed};
use super::past::{Block, Past};
use super::restart;
use super::restore::{Found, JOURNAL};
use super::summary::{
    BatchSummary, BlockCount, CheckpointSummary, DamageSummary, InputSummary, JournalSummary,
    ManifestSummary, MissedBatches, RangeSummary, Restart, SelectedFileSummary, SnapshotSummary,
    StateSummary, StreamSummary, TakenRange, TornSummary,
};
use crate::error::StreamError;
use crate::input::files_of_range;
use crate::time::{Time, millis};

/// How often a directory is looked at anew because its stream let go of what was looked at.
const ATTEMPTS_MAX: usize = 16;

impl CheckpointSummary {
    /// Looks into a checkpoint directory, or the URL of one, as of a time: that of the clock, in
    /// general. Nothing is changed, nobody is kept out, and a stream that runs there goes on.
    ///
    /// Everything that a restart would read is read and checked. What is damaged is told in
    /// [`problems`](CheckpointSummary::problems); a directory that is empty or not there holds
    /// no [`stream`](CheckpointSummary::stream).
    ///
    /// ```
    /// use headwater_streaming::checkpoint::CheckpointSummary;
    /// use headwater_streaming::testing::TestStream;
    /// use headwater_streaming::time::{Time, seconds};
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let directory = dir.path().to_str().unwrap();
    /// let test = TestStream::new(seconds(1));
    /// test.context().checkpoint(directory).unwrap();
    /// test.collect(&test.context().stream_by_time(|time| vec![time]));
    /// test.run(2);
    ///
    /// let summary = CheckpointSummary::read(directory, Time::from_millis(5_500)).unwrap();
    /// let stream = summary.stream.unwrap();
    /// assert_eq!(stream.last_done, Some(Time::from_millis(2_000)));
    /// assert_eq!(stream.missed.batches, 3);
    /// ```
    ///
    /// # Errors
    /// [`StreamError::Checkpoint`] when the URL is not understood or the directory cannot be
    /// listed.
    pub fn read(directory: &str, now: Time) -> Result<Self, StreamError> {
        let at = locate(directory)?;
        let failed = |error: StoreError| StreamError::Checkpoint {
            directory: directory.to_owned(),
            message: error.to_string(),
        };
        let mut attempt = 1;
        loop {
            let manifests = Manifest::list(&at).map_err(failed)?;
            let inspection = Inspection::of(&at, &manifests).map_err(failed)?;
            let manifests = Manifest::list(&at).map_err(failed)?;
            if let Some(steady) = inspection.steady(&manifests, attempt == ATTEMPTS_MAX) {
                return Ok(steady.finish(directory, now));
            }
            attempt += 1;
        }
    }
}

/// What was found in a directory.
struct Inspection {
    files: Files,
    manifests: Vec<ManifestSummary>,
    used: Option<Manifest>,
    found: Option<Found>,
    journal: JournalSummary,
    entries: Entries,
    /// Where the journal says something that cannot be true.
    unfit: Option<String>,
    /// A part of the journal was forgotten while it was read.
    is_disturbed: bool,
    snapshots: Vec<(Snapshot, SnapshotSummary)>,
}

/// The files of a directory.
struct Files {
    top: String,
    /// Their lengths, by their names below the directory.
    bytes: BTreeMap<String, u64>,
    written: Option<Time>,
}

/// How long things in the journal are.
#[derive(Default)]
struct Entries {
    /// The block parts.
    blocks: HashMap<u64, u64>,
    /// The changes of each state, as the entry numbers the states.
    changes: HashMap<u64, Vec<(usize, u64)>>,
}

impl Files {
    fn list(dir: &Location) -> Result<Self, StoreError> {
        let top = dir.to_string();
        let entries = match dir.list() {
            Err(StoreError::NotFound { .. }) => Vec::new(),
            entries => entries?,
        };
        let written = entries.iter().map(|entry| Time::from(entry.modified)).max();
        let mut files = Files {
            top,
            bytes: BTreeMap::new(),
            written,
        };
        for entry in entries {
            let name = files.name(&entry.location);
            files.bytes.insert(name, entry.bytes);
        }
        Ok(files)
    }

    /// What a file is called below the directory.
    fn name(&self, at: &Location) -> String {
        let place = at.to_string();
        let below = place.strip_prefix(self.top.as_str());
        below.map_or(place.clone(), |name| {
            name.trim_start_matches(['/', '\\']).to_owned()
        })
    }

    fn bytes_of(&self, name: &str) -> u64 {
        self.bytes.get(name).copied().unwrap_or_default()
    }

    /// The files that no checkpoint has.
    fn others(&self) -> Vec<String> {
        let (journal, states) = (format!("{JOURNAL}/"), format!("{STATES}/"));
        let is_other = |name: &&String| {
            !Manifest::is_called(name) && !name.starts_with(&journal) && !name.starts_with(&states)
        };
        self.bytes.keys().filter(is_other).cloned().collect()
    }
}

impl Inspection {
    fn of(dir: &Location, manifests: &[Location]) -> Result<Self, StoreError> {
        let files = Files::list(dir)?;
        let (manifests, used) = read_manifests(manifests, &files);
        let mut inspection = Inspection {
            found: used.as_ref().map(Found::of),
            files,
            manifests,
            used,
            journal: JournalSummary::default(),
            entries: Entries::default(),
            unfit: None,
            is_disturbed: false,
            snapshots: Vec::new(),
        };
        match Journal::inspect(&dir.join(JOURNAL)) {
            Ok(recovered) => inspection.read_journal(&recovered),
            Err(error) => inspection.journal.error = Some(error.to_string()),
        }
        let found = inspection.found.as_ref();
        let snapshots = found.map(|found| found.snapshots.clone());
        let read = |one: Snapshot| {
            let summary = inspection.files.snapshot(dir, &one);
            (one, summary)
        };
        inspection.snapshots = snapshots.into_iter().flatten().map(read).collect();
        Ok(inspection)
    }

    /// Reads every entry once: what it says, and how long what it holds is.
    fn read_journal(&mut self, recovered: &Recovered) {
        let next = self.used.as_ref().map_or(Sequence(0), Manifest::next);
        let size = recovered.size();
        self.journal = JournalSummary {
            segments: size.segments,
            bytes: size.bytes,
            first: recovered.first().0,
            next: recovered.end().0,
            torn: recovered.torn().map(torn),
            damaged: recovered
                .damaged()
                .iter()
                .map(|one| damage(one, next))
                .collect(),
            error: None,
        };
        for record in recovered.records_from(Sequence(0)) {
            if let Err(message) = self.read_entry(record, next) {
                self.unfit.get_or_insert(message);
            }
        }
    }

    fn read_entry(
        &mut self,
        record: Result<(Sequence, Vec<u8>), JournalError>,
        next: Sequence,
    ) -> Result<(), String> {
        let is_forgotten = matches!(
            record,
            Err(JournalError::Store(StoreError::NotFound { .. }))
        );
        self.is_disturbed |= is_forgotten;
        let (at, bytes) = record.map_err(|error| error.to_string())?;
        let entry = match Entry::from_bytes(&bytes) {
            // Of what nobody needs any more nothing has to be understood.
            Err(_) if at < next => return Ok(()),
            entry => entry?,
        };
        self.entries.measure(at, &entry, bytes.len());
        match &mut self.found {
            Some(found) if at >= next && self.unfit.is_none() => found.take_in(at, entry),
            _ => Ok(()),
        }
    }

    /// What was found, if the stream has not let go of it meanwhile: that it keeps for as long
    /// as it keeps the manifest. Otherwise `anyway`.
    fn steady(mut self, manifests: &[Location], anyway: bool) -> Option<Self> {
        let left: Vec<_> = manifests.iter().map(|at| self.files.name(at)).collect();
        let used = self.manifests.iter().find(|one| one.is_used);
        let is_steady = match used {
            Some(used) => left.contains(&used.file),
            None => self.manifests.len() == left.len(),
        };
        self.manifests
            .retain(|one| anyway || left.contains(&one.file));
        (anyway || (is_steady && !self.is_disturbed)).then_some(self)
    }

    fn finish(self, directory: &str, now: Time) -> CheckpointSummary {
        let past = self.found.as_ref().map(|found| &found.past);
        let missing = past.map(|past| self.entries.missing(past));
        let stream = past.map(|past| self.stream(past, now));
        let mut summary = CheckpointSummary {
            directory: directory.to_owned(),
            now,
            files: self.files.bytes.len(),
            bytes: self.files.bytes.values().sum(),
            written: self.files.written,
            other_files: self.files.others(),
            stream,
            manifests: self.manifests,
            journal: self.journal,
            problems: Vec::new(),
            restart: Restart::default(),
        };
        summary.problems = restart::problems(&summary, self.unfit, missing.unwrap_or_default());
        summary.restart = restart::restart(&summary);
        summary
    }

    fn stream(&self, past: &Past, now: Time) -> StreamSummary {
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
        let next = self.used.as_ref().map_or(0, |manifest| manifest.next);
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
            oldest_needed: past.oldest().map_or(next, |oldest| oldest.0.min(next)),
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
        Some(InputSummary {
            part: parts.get(input)?.clone(),
            waiting: self.entries.count(blocks.range(waiting_from..)),
            kept: self.entries.count(blocks.range(..waiting_from)),
            batches: taken.len(),
            last: taken
                .last()
                .and_then(|(time, cut)| self::taken(*time, cut, parts)),
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

/// Reads the manifests, of which the newest comes first; the first whole one is used.
fn read_manifests(places: &[Location], files: &Files) -> (Vec<ManifestSummary>, Option<Manifest>) {
    let mut used = None;
    let mut summaries = Vec::new();
    for at in places {
        let file = files.name(at);
        let read = Manifest::read(at);
        let whole = read.as_ref().ok();
        summaries.push(ManifestSummary {
            bytes: files.bytes_of(&file),
            file,
            format: whole.map(|_| FORMAT),
            ended: whole.map(|manifest| manifest.past.ended),
            error: read.as_ref().err().cloned(),
            is_used: used.is_none() && whole.is_some(),
        });
        used = used.or(read.ok());
    }
    (summaries, used)
}

impl Files {
    /// Reads a snapshot, to know whether it is whole.
    fn snapshot(&self, dir: &Location, one: &Snapshot) -> SnapshotSummary {
        let at = dir.join(STATES).join(&one.file);
        let file = self.name(&at);
        SnapshotSummary {
            partition: one.partition,
            time: one.time,
            bytes: self.bytes_of(&file),
            file,
            error: read_sealed(&at).err(),
            is_used: false,
        }
    }
}

impl Entries {
    fn measure(&mut self, at: Sequence, entry: &Entry, bytes: usize) {
        match entry {
            Entry::Block { .. } => drop(self.blocks.insert(at.0, bytes as u64)),
            Entry::Ended { changes, .. } => {
                let sizes = changes.iter();
                let sizes = sizes.map(|change| (change.state, change.bytes.len() as u64));
                self.changes.insert(at.0, sizes.collect());
            }
            _ => {}
        }
    }

    /// How many entries a restart needs that are not there.
    fn missing(&self, past: &Past) -> usize {
        let blocks = past.blocks.iter().flat_map(BTreeMap::values);
        let parts = blocks.flat_map(|block| &block.parts);
        let parts = parts.filter(|part| !self.blocks.contains_key(part));
        let changes = past.changes.values();
        let changes = changes.filter(|changes| !self.changes.contains_key(&changes.at));
        parts.count() + changes.count()
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

fn torn(torn: &Torn) -> TornSummary {
    TornSummary {
        segment: torn.segment.clone(),
        offset: torn.offset,
        bytes: torn.bytes,
    }
}

fn damage(damage: &Damage, next: Sequence) -> DamageSummary {
    DamageSummary {
        segment: damage.segment.clone(),
        bytes: (damage.bytes.start, damage.bytes.end),
        lost: (damage.lost.start.0, damage.lost.end.0),
        is_needed: damage.lost.end > next,
    }
}
