//! Looks whether everything was counted exactly once.

mod windows;

use std::collections::{BTreeMap, BTreeSet};

use super::event::Event;
use super::stored::{Counted, KeyTotal, Stored};

/// What must be found.
pub(crate) struct Expected<'a> {
    /// What the source sent.
    pub(crate) events: &'a [Event],
    /// The times of the batches that the stream reported as done, as far as known.
    pub(crate) completed: &'a BTreeSet<i64>,
}

/// What is wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Findings {
    /// How many records are missing where they should be stored.
    pub(crate) lost: usize,
    /// How many are there once more than they should.
    pub(crate) duplicated: usize,
    /// How many counts and sums differ from what the records make.
    pub(crate) wrong: usize,
    /// All of that in words.
    pub(crate) messages: Vec<String>,
}

impl Findings {
    pub(crate) fn is_good(&self) -> bool {
        self.lost + self.duplicated + self.wrong == 0
    }

    fn wrong(&mut self, message: String) {
        self.wrong += 1;
        self.messages.push(message);
    }
}

/// The count and the sum of some records of each key.
type Totals = BTreeMap<i64, (i64, i64)>;

/// Compares what is stored with what was sent.
pub(crate) fn verify(expected: &Expected<'_>, stored: &Stored) -> Findings {
    let mut findings = Findings::default();
    let batches = records_once("records", expected.events, &stored.records, &mut findings);
    let files = records_once("files", expected.events, &stored.files, &mut findings);
    counted_once(expected.events, &stored.counted, &batches, &mut findings);
    for (number, batch) in &files {
        let other = batches.get(number).filter(|other| *other != batch);
        if let Some(other) = other {
            findings.wrong(format!(
                "record {number} is in the files of batch {batch} and in the table at {other}"
            ));
        }
    }
    last_totals(expected.events, &stored.totals, &mut findings);
    windows::check(expected, stored, &mut findings);
    findings
}

/// Looks for each number once; the batch of each.
fn census(
    place: &str,
    events: &[Event],
    numbers: impl Iterator<Item = (i64, i64)>,
    findings: &mut Findings,
) -> BTreeMap<i64, i64> {
    let mut batches = BTreeMap::new();
    for (number, batch) in numbers {
        if let Some(other) = batches.insert(number, batch) {
            findings.duplicated += 1;
            let message = format!("{place}: record {number} is in batches {other} and {batch}");
            findings.messages.push(message);
        }
    }
    for event in events
        .iter()
        .filter(|event| !batches.contains_key(&event.number))
    {
        findings.lost += 1;
        findings
            .messages
            .push(format!("{place}: record {} is missing", event.number));
    }
    batches
}

fn records_once(
    place: &str,
    events: &[Event],
    stored: &[(Event, i64)],
    findings: &mut Findings,
) -> BTreeMap<i64, i64> {
    let sent: BTreeMap<i64, &Event> = events.iter().map(|event| (event.number, event)).collect();
    for (event, batch) in stored
        .iter()
        .filter(|(event, _)| sent.get(&event.number) != Some(&event))
    {
        findings.wrong(format!(
            "{place}: batch {batch} has `{event}`, which nobody sent"
        ));
    }
    let numbers = stored.iter().map(|(event, batch)| (event.number, *batch));
    census(place, events, numbers, findings)
}

/// The counts of a key go up by one with each of its records, and the sums by their values.
fn counted_once(
    events: &[Event],
    stored: &[Counted],
    batches: &BTreeMap<i64, i64>,
    findings: &mut Findings,
) {
    let numbers = stored.iter().map(|row| (row.number, row.batch));
    census("state", events, numbers, findings);
    let sent: BTreeMap<i64, &Event> = events.iter().map(|event| (event.number, event)).collect();
    let mut rows = stored.to_vec();
    rows.sort_by_key(|row| (row.key, row.count));
    let mut totals = Totals::new();
    for row in rows {
        let event = sent.get(&row.number).filter(|event| event.key == row.key);
        let total = totals.entry(row.key).or_default();
        *total = (total.0 + 1, total.1 + event.map_or(0, |event| event.value));
        if *total != (row.count, row.sum) || event.is_none() {
            let (count, sum) = *total;
            findings.wrong(format!(
                "state: {row:?} should have count {count} and sum {sum}"
            ));
            // What comes after is judged by itself.
            *total = (row.count, row.sum);
        }
        let batch = batches
            .get(&row.number)
            .filter(|batch| **batch != row.batch);
        if let Some(batch) = batch {
            findings.wrong(format!("state: {row:?} is of a record of batch {batch}"));
        }
    }
}

fn last_totals(events: &[Event], stored: &[KeyTotal], findings: &mut Findings) {
    let expected = totals_of(events);
    let found: Totals = stored
        .iter()
        .map(|row| (row.key, (row.count, row.sum)))
        .collect();
    compare("totals", &expected, &found, findings);
}

fn totals_of<'a>(events: impl IntoIterator<Item = &'a Event>) -> Totals {
    let mut totals = Totals::new();
    for event in events {
        let total = totals.entry(event.key).or_default();
        *total = (total.0 + 1, total.1 + event.value);
    }
    totals
}

/// Tells the keys whose totals differ.
fn compare(place: &str, expected: &Totals, found: &Totals, findings: &mut Findings) {
    let keys: BTreeSet<_> = expected.keys().chain(found.keys()).collect();
    for key in keys {
        let (expected, found) = (expected.get(key), found.get(key));
        if expected != found {
            findings.wrong(format!(
                "{place}: key {key} has count and sum {found:?} instead of {expected:?}"
            ));
        }
    }
}

#[cfg(test)]
mod tests;
