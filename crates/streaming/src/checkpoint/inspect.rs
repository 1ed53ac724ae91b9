//! Looks into a checkpoint directory, which may belong to a stream that runs.

use std::collections::BTreeMap;

use headwater_journal::{Damage, Journal, JournalError, Recovered, Sequence, Torn};
use headwater_store::{Location, StoreError};

use super::damage::{Losses, Mending};
use super::entry::Entry;
use super::keeper::STATES;
use super::locate;
use super::manifest::{FORMAT, Manifest, Snapshot, Unreadable, read_sealed};
use super::parts::Joined;
use super::plan::snapshots_at;
use super::remains::{Entries, Remains};
use super::restart;
use super::restore::{Found, JOURNAL};
use super::snapshots;
use super::summary::{
    CheckpointSummary, DamageSummary, JournalSummary, ManifestSummary, Restart, SnapshotSummary,
    TornSummary,
};
use super::unreadable::without_damaged;
use super::whole::{Incomplete, Parts};
use crate::error::StreamError;
use crate::time::Time;

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
    /// What belongs to the rest and is not there.
    incomplete: Option<Incomplete>,
    /// What a restart lacks.
    losses: Losses,
    /// Where the journal says something that cannot be true.
    unfit: Option<String>,
    /// A part of the journal was forgotten while it was read.
    is_disturbed: bool,
    snapshots: Vec<(Snapshot, SnapshotSummary)>,
    /// What a restart lacks of states, or why that cannot be told.
    lacks_states: Option<Result<String, String>>,
}

/// The files of a directory.
struct Files {
    top: String,
    /// Their lengths, by their names below the directory.
    bytes: BTreeMap<String, u64>,
    written: Option<Time>,
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
        let (manifests, manifests_read) = read_manifests(manifests, &files);
        let used = manifests_read.last();
        let used = used.map(|(_, manifest)| manifest.clone());
        let mut inspection = Inspection {
            found: used.as_ref().map(Found::of),
            files,
            manifests,
            used,
            journal: JournalSummary::default(),
            entries: Entries::default(),
            incomplete: None,
            losses: Losses::default(),
            unfit: None,
            is_disturbed: false,
            snapshots: Vec::new(),
            lacks_states: None,
        };
        let opened = Journal::inspect(&dir.join(JOURNAL));
        match &opened {
            Ok(recovered) => {
                inspection.read_journal(recovered);
                let snapshots = snapshots::list(&dir.join(STATES))?;
                inspection.compare(snapshots.len(), recovered.is_unwritten());
            }
            Err(error) => inspection.journal.error = Some(error.to_string()),
        }
        let found = inspection.found.clone();
        let snapshots = found.as_ref().map(|found| found.snapshots.clone());
        let read = |one: Snapshot| {
            let summary = inspection.files.snapshot(dir, &one);
            (one, summary)
        };
        inspection.snapshots = snapshots.into_iter().flatten().map(read).collect();
        if let (Ok(recovered), Some(found)) = (&opened, found)
            && inspection.lacks_states(&found)
        {
            let forgets_nothing = |_: &mut Found| {};
            let left = without_damaged(dir, found, &manifests_read, recovered, forgets_nothing);
            inspection.lacks_states = Some(left.map(|(_, lacks)| lacks));
        }
        Ok(inspection)
    }

    /// Whether a file cannot be read with which a state begins.
    fn lacks_states(&self, found: &Found) -> bool {
        let begins = |one: &Snapshot| {
            let newest = snapshots_at(&found.snapshots, one.state, found.past.ended);
            newest
                .get(&one.partition)
                .is_some_and(|newest| *newest == one)
        };
        let mut snapshots = self.snapshots.iter();
        snapshots.any(|(one, summary)| summary.error.is_some() && begins(one))
    }

    /// Sees whether what belongs together is all there. Where no manifest can be read, that is
    /// what is told.
    fn compare(&mut self, snapshots: usize, is_unwritten: bool) {
        if self.used.is_some() || self.manifests.is_empty() {
            let parts = Parts {
                known: self.used.as_ref().map(|manifest| manifest.next),
                entries: self.journal.first..self.journal.next,
                is_unwritten,
                snapshots,
            };
            self.incomplete = parts.incomplete();
        }
    }

    /// Reads every entry once: what it says, and how long what it holds is.
    fn read_journal(&mut self, recovered: &Recovered) {
        let next = self.used.as_ref().map_or(Sequence(0), Manifest::next);
        let mut mending = self.used.as_ref().map(|one| Mending::of(one, recovered));
        let mut joined = Joined::default();
        for record in recovered.records_from(Sequence(0)) {
            if let Err(message) = self.read_record(record, &mut joined, next, mending.as_mut()) {
                self.unfit.get_or_insert(message);
            }
        }
        if let Some((found, losses)) = mending.map(Mending::finish) {
            (self.found, self.losses) = (Some(found), losses);
        }
        let size = recovered.size();
        let damaged = recovered.damaged().iter();
        self.journal = JournalSummary {
            segments: size.segments,
            bytes: size.bytes,
            first: recovered.first().0,
            next: recovered.end().0,
            torn: recovered.torn().map(torn),
            damaged: damaged.map(|one| damage(one, &self.losses)).collect(),
            error: None,
        };
    }

    fn read_record(
        &mut self,
        record: Result<(Sequence, Vec<u8>), JournalError>,
        joined: &mut Joined,
        next: Sequence,
        mending: Option<&mut Mending>,
    ) -> Result<(), String> {
        let is_forgotten = matches!(
            record,
            Err(JournalError::Store(StoreError::NotFound { .. }))
        );
        self.is_disturbed |= is_forgotten;
        let (at, bytes) = record.map_err(|error| error.to_string())?;
        let Some((at, bytes)) = joined.take(at, bytes) else {
            return Ok(());
        };
        let entry = match Entry::from_bytes(&bytes) {
            // Of what nobody needs any more nothing has to be understood.
            Err(_) if at < next => return Ok(()),
            entry => entry?,
        };
        self.entries.measure(at, &entry, bytes.len());
        match mending {
            Some(mending) if self.unfit.is_none() => mending.take_in(at, entry),
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
        let remains = Remains {
            next: self.used.as_ref().map_or(0, |manifest| manifest.next),
            entries: &self.entries,
            snapshots: &self.snapshots,
        };
        let stream = past.map(|past| remains.stream(past, now));
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
        summary.problems = restart::problems(
            &summary,
            self.incomplete,
            self.unfit,
            self.losses.message(),
            self.lacks_states,
        );
        summary.restart = restart::restart(&summary);
        summary
    }
}

/// Reads the manifests, of which the newest comes first, and says which one is used: of those
/// that can be read, in the order in which they were written, it is the last.
fn read_manifests(
    places: &[Location],
    files: &Files,
) -> (Vec<ManifestSummary>, Vec<(Location, Manifest)>) {
    let (mut read, mut summaries) = (Vec::new(), Vec::new());
    for at in places {
        let file = files.name(at);
        let (format, ended, error) = match Manifest::read(at) {
            Ok(manifest) => {
                let ended = manifest.past.ended;
                read.push((at.clone(), manifest));
                (Some(FORMAT), Some(ended), None)
            }
            Err(Unreadable::Newer { file, format }) => {
                let known = FORMAT;
                let newer = StreamError::CheckpointNewer {
                    file,
                    format,
                    known,
                };
                (Some(format), None, Some(newer.to_string()))
            }
            Err(Unreadable::Damaged(message)) => (None, None, Some(message)),
        };
        summaries.push(ManifestSummary {
            bytes: files.bytes_of(&file),
            file,
            format,
            ended,
            error,
            is_used: false,
        });
    }
    read.reverse();
    Manifest::sort(&mut read);
    let used = read.last();
    for summary in &mut summaries {
        let is_it = |(at, _): &(Location, Manifest)| files.name(at) == summary.file;
        summary.is_used = used.is_some_and(is_it);
    }
    (summaries, read)
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
            error: read_sealed(&at).err().map(|error| error.to_string()),
            is_used: false,
        }
    }
}

fn torn(torn: &Torn) -> TornSummary {
    TornSummary {
        segment: torn.segment.clone(),
        offset: torn.offset,
        bytes: torn.bytes,
    }
}

fn damage(damage: &Damage, losses: &Losses) -> DamageSummary {
    DamageSummary {
        segment: damage.segment.clone(),
        bytes: (damage.bytes.start, damage.bytes.end),
        lost: (damage.lost.start.0, damage.lost.end.0),
        is_needed: losses.is_needed(damage.lost.clone()),
    }
}
