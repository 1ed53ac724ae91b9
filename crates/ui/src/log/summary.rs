//! What a list of programs shows of each.

use headwater_store::{Durability, Location};
use serde::{Deserialize, Serialize};

use super::reader::{read, read_on};
use super::{LogError, SUMMARY};
use crate::model::{Limits, Model};
use crate::record::{Application, At, Record, Took};

/// A program in a few words; written beside its parts now and then, and at its end.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Summary {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) user: String,
    pub(crate) slots: usize,
    pub(crate) started: At,
    /// When something happened last.
    pub(crate) last: At,
    /// `None` while the program runs, and if it was killed.
    pub(crate) ended: Option<At>,
    pub(crate) is_stream: bool,
    /// Completed ones.
    pub(crate) batches: u64,
    pub(crate) failed_batches: u64,
    /// Events that were not written, since writing was too slow or failed.
    pub(crate) dropped: u64,
    /// Everything before this place is in the summary.
    pub(crate) reach: Option<Reach>,
}

/// A place in a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reach {
    pub(super) part: u64,
    /// Where a line of the part begins, or where the part ends.
    pub(super) bytes: u64,
}

impl Summary {
    pub(super) fn new(application: &Application) -> Self {
        Summary {
            id: application.id.clone(),
            name: application.name.clone(),
            version: application.version.clone(),
            user: application.user.clone(),
            slots: application.slots,
            started: application.started,
            last: application.started,
            ..Summary::default()
        }
    }

    pub(super) fn apply(&mut self, record: &Record) {
        self.last = self.last.max(record.at().unwrap_or_default());
        match record {
            Record::ApplicationEnded { at } => self.ended = Some(*at),
            Record::StreamStarted(_) => self.is_stream = true,
            Record::BatchCompleted(batch) => {
                self.batches += 1;
                self.failed_batches += u64::from(batch.failure().is_some());
            }
            Record::Dropped { events, .. } => self.dropped += events,
            _ => {}
        }
    }

    /// Of a program whose history is known.
    pub(crate) fn of(model: &Model) -> Self {
        let streaming = model.streaming.as_ref();
        Summary {
            last: model.last,
            ended: model.ended,
            is_stream: streaming.is_some(),
            batches: streaming.map_or(0, |streaming| streaming.completed_total),
            failed_batches: streaming.map_or(0, |streaming| streaming.failed_total),
            dropped: model.dropped,
            ..Summary::new(&model.application)
        }
    }

    /// Writes it beside the parts, which it knows up to a place.
    pub(super) fn write(&mut self, dir: &Location, reach: Reach) -> Result<(), LogError> {
        self.reach = Some(reach);
        Ok(dir.join(SUMMARY).put(&self.bytes(), Durability::Cached)?)
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        // There is nothing in it that JSON cannot hold.
        serde_json::to_vec_pretty(self).unwrap_or_default()
    }

    /// From its start to its end, or to what is known last.
    pub(crate) fn took(&self) -> Took {
        self.ended.unwrap_or(self.last).since(self.started)
    }
}

/// The summary of the program that logs into this directory. It is written now and then only: of
/// one that runs or was killed, what was logged since is read.
pub(crate) fn summary_of(dir: &Location) -> Result<Summary, LogError> {
    let written = dir.join(SUMMARY).get().ok();
    let summary = written.and_then(|bytes| serde_json::from_slice::<Summary>(&bytes).ok());
    let known = summary.and_then(|mut summary| Some((summary.reach.take()?, summary)));
    if let Some((reach, mut summary)) = known
        && (summary.ended.is_some() || read_on(dir, reach, |record| summary.apply(record))?)
    {
        return Ok(summary);
    }
    // It is missing, unreadable or without a place only if the program was killed early, or by
    // other hands. It tells what the log does not hold if the program was killed before that was
    // written, as object stores are written more rarely.
    Ok(Summary::of(&read(dir, Limits::default())?))
}
