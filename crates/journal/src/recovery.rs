//! Opening: reading every segment once, cutting off a torn end, setting damage aside. Looking is
//! the same without the last two.

use std::collections::{BTreeMap, VecDeque};
use std::fs::OpenOptions;
use std::ops::Range;
use std::path::Path;

use headwater_store::{Child, Durability, Location, StoreError};

use crate::error::JournalError;
use crate::format::{DAMAGED_SUFFIX, SegmentHeader, VERSION, parse_segment_name, segment_name};
use crate::medium::Disk;
use crate::recovered::{Damage, Recovered, Torn};
use crate::scan::{Scan, scan};
use crate::segments::{Log, Segment};
use crate::sequence::Sequence;

/// What is known of a journal while its segments are read, oldest first.
#[derive(Default)]
struct Findings {
    segments: VecDeque<Segment>,
    /// The number that comes next.
    end: Sequence,
    damaged: Vec<Damage>,
    /// The unreadable end of the segment before.
    rest: Option<(String, Range<u64>)>,
}

/// Whether a journal is read to go on with it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Write,
    /// Nothing in the directory is changed.
    Look,
}

/// Reads what is in the directory and puts it in order. `disk` is there for a local one.
pub(crate) fn recover(
    directory: &Location,
    disk: Option<&dyn Disk>,
) -> Result<(Log, Recovered), JournalError> {
    let (findings, torn) = read(directory, Purpose::Write)?;
    findings.report();
    if let (Some(disk), Some(path)) = (disk, directory.as_path()) {
        sync(disk, path, findings.segments.back())?;
    }
    let log = Log {
        segments: findings.segments.clone(),
        end: findings.end,
    };
    Ok((log, findings.into_recovered(torn)))
}

/// Reads what is in the directory and changes nothing in it.
pub(crate) fn look(directory: &Location) -> Result<Recovered, JournalError> {
    let (findings, torn) = read(directory, Purpose::Look)?;
    Ok(findings.into_recovered(torn))
}

/// Reads every segment, and does what the purpose allows about what cannot be read.
fn read(directory: &Location, purpose: Purpose) -> Result<(Findings, Option<Torn>), JournalError> {
    let found = segments_in(directory)?;
    let mut findings = Findings::default();
    let mut torn = None;
    let count = found.len();
    let is_local = directory.as_path().is_some();
    for (index, (first, segment)) in found.into_iter().enumerate() {
        let may_be_torn = index + 1 == count && is_local && !segment.is_damaged;
        let bytes = segment.location.get()?;
        refuse_other_versions(&segment.location, &bytes)?;
        let scan = scan(&bytes, first, findings.end);
        let mut segment = Segment {
            bytes: bytes.len() as u64,
            groups: scan.groups.clone(),
            ..segment
        };
        drop(bytes);
        if may_be_torn && scan.gaps.is_empty() {
            torn = torn_end(&segment, &scan.rest);
            if let (Some(torn), Purpose::Write) = (&torn, purpose) {
                cut(&mut segment, torn)?;
            }
            findings.add(segment, scan.without_rest());
        } else {
            let is_sound = scan.gaps.is_empty() && scan.rest.is_empty();
            if !is_sound && !segment.is_damaged && purpose == Purpose::Write {
                set_aside(&mut segment)?;
            }
            findings.add(segment, scan);
        }
    }
    let end = findings.end;
    findings.explain_rest(end);
    Ok((findings, torn))
}

/// The segments by their first records. Of a damaged one and a whole one with the same number
/// the whole one counts: it was begun where nothing could be read.
fn segments_in(directory: &Location) -> Result<BTreeMap<Sequence, Segment>, JournalError> {
    let mut segments = BTreeMap::new();
    let children = match directory.children() {
        Err(StoreError::NotFound { .. }) => Vec::new(),
        children => children?,
    };
    for child in children {
        let Child::File(entry) = child else { continue };
        let Some((first, is_damaged)) = parse_segment_name(&entry.location.name()) else {
            continue;
        };
        let segment = Segment {
            first,
            location: entry.location,
            bytes: entry.bytes,
            is_damaged,
            groups: Vec::new(),
        };
        if !is_damaged || !segments.contains_key(&first) {
            segments.insert(first, segment);
        }
    }
    Ok(segments)
}

fn refuse_other_versions(place: &Location, bytes: &[u8]) -> Result<(), JournalError> {
    match SegmentHeader::decode(bytes) {
        Some(header) if header.version != VERSION => Err(JournalError::NewerVersion {
            segment: place.to_string(),
            version: header.version,
            known: VERSION,
        }),
        _ => Ok(()),
    }
}

impl Scan {
    fn without_rest(self) -> Self {
        Scan { rest: 0..0, ..self }
    }
}

impl Findings {
    /// Takes the next segment, and says what is missing between it and the one before.
    fn add(&mut self, segment: Segment, scan: Scan) {
        let is_first = self.segments.is_empty();
        if !is_first && self.end < segment.first && self.rest.is_none() {
            let missing = segment.location.with_name(&segment_name(self.end));
            self.rest = Some((missing.to_string(), 0..0));
        }
        self.explain_rest(segment.first);
        let name = segment.location.to_string();
        self.damaged.extend(scan.gaps.into_iter().map(|gap| Damage {
            segment: name.clone(),
            bytes: gap.bytes,
            lost: gap.lost,
        }));
        self.rest = Some((name, scan.rest)).filter(|(_, rest)| !rest.is_empty());
        self.end = scan.end;
        self.segments.push_back(segment);
    }

    /// The unreadable end of a segment held the numbers up to the next segment.
    fn explain_rest(&mut self, next: Sequence) {
        if let Some((segment, bytes)) = self.rest.take() {
            let lost = self.end..self.end.max(next);
            self.damaged.push(Damage {
                segment,
                bytes,
                lost,
            });
        }
    }

    /// Tells about damage.
    fn report(&self) {
        for damage in &self.damaged {
            let Damage {
                segment,
                bytes,
                lost,
            } = damage;
            tracing::error!(
                %segment, ?bytes, first_lost = lost.start.0, next = lost.end.0,
                "the journal is damaged"
            );
        }
    }

    fn into_recovered(self, torn: Option<Torn>) -> Recovered {
        Recovered {
            segments: self.segments,
            end: self.end,
            torn,
            damaged: self.damaged,
        }
    }
}

/// What a process left half written.
fn torn_end(segment: &Segment, rest: &Range<u64>) -> Option<Torn> {
    (!rest.is_empty()).then(|| Torn {
        segment: segment.location.to_string(),
        offset: rest.start,
        bytes: rest.end - rest.start,
    })
}

/// Cuts off what a process left half written.
fn cut(segment: &mut Segment, torn: &Torn) -> Result<(), JournalError> {
    if let Some(path) = segment.location.as_path() {
        let file = OpenOptions::new().write(true).open(path);
        file.and_then(|file| file.set_len(torn.offset))
            .map_err(|error| segment.location.failed("cut", error))?;
    }
    segment.bytes = torn.offset;
    tracing::warn!(
        segment = torn.segment,
        offset = torn.offset,
        bytes = torn.bytes,
        "the end of the journal was half written and is cut off"
    );
    Ok(())
}

/// Gives a damaged segment the name under which nothing is written.
fn set_aside(segment: &mut Segment) -> Result<(), StoreError> {
    let name = format!("{}{DAMAGED_SUFFIX}", segment.location.name());
    let aside = segment.location.with_name(&name);
    segment.location.rename_to(&aside, Durability::Synced)?;
    segment.location = aside;
    segment.is_damaged = true;
    Ok(())
}

/// What was read may be in the system's memory only: a process that was killed never synced
/// it. It has to be durable before anybody acts on it.
fn sync(disk: &dyn Disk, directory: &Path, last: Option<&Segment>) -> Result<(), JournalError> {
    let Some(segment) = last else {
        return Ok(());
    };
    let synced = match segment.location.as_path() {
        Some(path) if segment.bytes > 0 => disk.sync_file(path),
        _ => Ok(()),
    };
    let synced = synced.and_then(|()| disk.sync_directory(directory));
    synced.map_err(|error| JournalError::Store(segment.location.failed("sync", error)))
}
