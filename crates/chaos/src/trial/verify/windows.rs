//! Windows must hold what the batches in them hold.

use std::collections::BTreeMap;

use super::{Expected, Findings, Totals, compare, totals_of};
use crate::trial::driver::{BATCH_MS, PLAIN_SLIDE_MS, PLAIN_WINDOW_MS, WINDOW_MS};
use crate::trial::event::Event;
use crate::trial::stored::{KeyTotal, Stored};

/// A kind of window of the stream.
struct Kind {
    name: &'static str,
    length_ms: i64,
    slide_ms: i64,
}

/// The records of each batch.
type Batches<'a> = BTreeMap<i64, Vec<&'a Event>>;

/// Computes all windows again, from the batches as they are stored.
pub(super) fn check(expected: &Expected<'_>, stored: &Stored, findings: &mut Findings) {
    let mut batches = Batches::new();
    for (event, batch) in &stored.records {
        batches.entry(*batch).or_default().push(event);
    }
    let inverse = Kind {
        name: "windows with an inverse function",
        length_ms: WINDOW_MS as i64,
        slide_ms: BATCH_MS as i64,
    };
    check_kind(&inverse, expected, &batches, &stored.inverse, findings);
    let plain = Kind {
        name: "windows without an inverse function",
        length_ms: PLAIN_WINDOW_MS as i64,
        slide_ms: PLAIN_SLIDE_MS as i64,
    };
    check_kind(&plain, expected, &batches, &stored.plain, findings);
}

fn check_kind(
    kind: &Kind,
    expected: &Expected<'_>,
    batches: &Batches<'_>,
    stored: &[KeyTotal],
    findings: &mut Findings,
) {
    let mut found: BTreeMap<i64, Totals> = BTreeMap::new();
    for row in stored {
        let window = found.entry(row.batch).or_default();
        if window.insert(row.key, (row.count, row.sum)).is_some() {
            findings.wrong(format!(
                "{}: batch {} has key {} twice",
                kind.name, row.batch, row.key
            ));
        }
    }
    let Some((first, _)) = batches.first_key_value() else {
        return;
    };
    let done = expected.completed.last();
    let last = [batches.keys().last(), found.keys().last(), done];
    let Some(last) = last.into_iter().flatten().max() else {
        return;
    };
    // Windows end at multiples of the slide after the stream's beginning, which is not known.
    let Some((some_end, _)) = found.first_key_value() else {
        findings.wrong(format!("{}: there are none", kind.name));
        return;
    };
    let phase = some_end.rem_euclid(kind.slide_ms);
    for time in found
        .keys()
        .filter(|time| time.rem_euclid(kind.slide_ms) != phase)
    {
        findings.wrong(format!("{}: no window ends at {time}", kind.name));
    }
    let ahead = (phase - first).rem_euclid(kind.slide_ms);
    let mut time = first + ahead;
    while time <= *last {
        let in_window = batches.range(time - kind.length_ms + 1..=time);
        let events = in_window.flat_map(|(_, events)| events.iter().copied());
        let found = found.get(&time).cloned().unwrap_or_default();
        let place = format!("{}, batch {time}", kind.name);
        compare(&place, &totals_of(events), &found, findings);
        time += kind.slide_ms;
    }
}
