//! Everything that can be wrong is found.

use super::*;
use crate::trial::driver::{BATCH_MS, PLAIN_SLIDE_MS, PLAIN_WINDOW_MS, WINDOW_MS};
use crate::trial::event::events;

const FIRST_BATCH: i64 = 600_000;
const IN_BATCH: usize = 10;

/// A round in which nothing went wrong: each ten records are a batch, and after them come
/// some without any.
struct Case {
    events: Vec<Event>,
    completed: BTreeSet<i64>,
    stored: Stored,
}

fn batch_of(number: i64) -> i64 {
    FIRST_BATCH + (number - 1) / IN_BATCH as i64 * BATCH_MS as i64
}

fn windows(events: &[Event], times: &[i64], length_ms: u64, slide_ms: u64) -> Vec<KeyTotal> {
    let ends = times.iter().filter(|time| *time % slide_ms as i64 == 0);
    let window = |end: &i64| {
        let (end, begin) = (*end, *end - length_ms as i64);
        let inside = |event: &&Event| (begin + 1..=end).contains(&batch_of(event.number));
        let totals = totals_of(events.iter().filter(inside)).into_iter();
        let row = move |(key, (count, sum))| KeyTotal {
            key,
            count,
            sum,
            batch: end,
        };
        totals.map(row).collect::<Vec<_>>()
    };
    ends.flat_map(window).collect()
}

fn case() -> Case {
    let events = events(11, 300);
    let times: Vec<i64> = (0..40).map(|n| FIRST_BATCH + n * BATCH_MS as i64).collect();
    let records: Vec<_> = events
        .iter()
        .map(|event| (*event, batch_of(event.number)))
        .collect();
    let mut totals = Totals::new();
    let mut count = |event: &Event| {
        let total = totals.entry(event.key).or_default();
        *total = (total.0 + 1, total.1 + event.value);
        *total
    };
    let counted = events.iter().map(|event| {
        let (count, sum) = count(event);
        let (number, key, batch) = (event.number, event.key, batch_of(event.number));
        Counted {
            number,
            key,
            count,
            sum,
            batch,
        }
    });
    let counted = counted.collect();
    let last = totals_of(&events).into_iter();
    let row = |(key, (count, sum))| KeyTotal {
        key,
        count,
        sum,
        batch: times[39],
    };
    let stored = Stored {
        files: records.clone(),
        records,
        counted,
        totals: last.map(row).collect(),
        inverse: windows(&events, &times, WINDOW_MS, BATCH_MS),
        plain: windows(&events, &times, PLAIN_WINDOW_MS, PLAIN_SLIDE_MS),
    };
    let completed = times.into_iter().collect();
    Case {
        events,
        completed,
        stored,
    }
}

/// What is found after something was done to what is stored.
fn findings(harm: impl FnOnce(&mut Stored)) -> Findings {
    let mut case = case();
    harm(&mut case.stored);
    let expected = Expected {
        events: &case.events,
        completed: &case.completed,
    };
    verify(&expected, &case.stored)
}

fn counts(findings: &Findings) -> (usize, usize) {
    (findings.lost, findings.duplicated)
}

#[test]
fn nothing_is_found_where_nothing_is_wrong() {
    let found = findings(|_| ());
    assert_eq!(found, Findings::default());
    assert!(found.is_good());
}

#[test]
fn a_missing_record_is_lost() {
    let found = findings(|stored| {
        let _ = stored.records.remove(17);
    });
    assert_eq!(counts(&found), (1, 0));
    assert_eq!(found.messages[0], "records: record 18 is missing");
    // The windows are computed from what is stored, and had it.
    assert!(found.wrong > 0);
    let found = findings(|stored| {
        let _ = stored.files.pop();
    });
    assert_eq!((counts(&found), found.wrong), ((1, 0), 0));
    let found = findings(|stored| {
        let _ = stored.counted.remove(40);
    });
    assert_eq!(counts(&found), (1, 0));
}

#[test]
fn a_record_that_is_there_twice_is_duplicated() {
    let found = findings(|stored| stored.records.push(stored.records[5]));
    assert_eq!(counts(&found), (0, 1));
    assert!(
        found.messages[0].starts_with("records: record 6 is in batches"),
        "{found:?}"
    );
    let found = findings(|stored| stored.files.push(stored.files[5]));
    assert_eq!((counts(&found), found.wrong), ((0, 1), 0));
    let found = findings(|stored| stored.counted.push(stored.counted[5]));
    assert_eq!(counts(&found), (0, 1));
}

#[test]
fn a_record_that_nobody_sent_is_wrong() {
    let found = findings(|stored| stored.files[7].0.value += 1);
    assert_eq!((counts(&found), found.wrong), ((0, 0), 1));
    let found = findings(|stored| stored.files[7].1 += BATCH_MS as i64);
    assert_eq!((counts(&found), found.wrong), ((0, 0), 1));
}

#[test]
fn state_that_missed_a_record_or_saw_it_twice_is_wrong() {
    let found = findings(|stored| stored.counted[299].count += 1);
    assert_eq!((counts(&found), found.wrong), ((0, 0), 1));
    let found = findings(|stored| stored.counted[299].sum -= 1);
    assert_eq!(found.wrong, 1);
    let found = findings(|stored| stored.counted[299].batch += 1);
    assert_eq!(found.wrong, 1);
    let found = findings(|stored| stored.totals[2].count += 1);
    assert_eq!((counts(&found), found.wrong), ((0, 0), 1));
    let found = findings(|stored| {
        let _ = stored.totals.pop();
    });
    assert_eq!(found.wrong, 1);
}

#[test]
fn a_window_that_holds_something_else_is_wrong() {
    for windows in [
        (|stored| &mut stored.inverse) as fn(&mut Stored) -> &mut Vec<KeyTotal>,
        |stored| &mut stored.plain,
    ] {
        let found = findings(|stored| windows(stored)[30].sum += 1);
        assert_eq!((counts(&found), found.wrong), ((0, 0), 1));
        let found = findings(|stored| {
            let _ = windows(stored).remove(30);
        });
        assert_eq!(found.wrong, 1);
        let found = findings(|stored| {
            let row = windows(stored)[30];
            windows(stored).push(row);
        });
        assert_eq!(found.wrong, 1);
        let found = findings(|stored| {
            let last = windows(stored).last().map_or(0, |row| row.batch);
            windows(stored).retain(|row| row.batch != last);
        });
        assert!(found.wrong > 0);
        assert_eq!(findings(|stored| windows(stored).clear()).wrong, 1);
    }
}

#[test]
fn a_window_at_a_time_of_no_window_is_wrong() {
    let found = findings(|stored| {
        let last = stored.plain.len() - 1;
        stored.plain[last].batch += BATCH_MS as i64;
    });
    assert!(
        found
            .messages
            .iter()
            .any(|message| message.contains("no window ends at"))
    );
}
