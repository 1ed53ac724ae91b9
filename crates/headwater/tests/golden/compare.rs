//! Whether what came out is what was recorded.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::Value;

use crate::case::{Case, Entry};

/// The absolute slack of floating numbers.
const SLACK: f64 = 1e-9;

/// One thing that happened, in the words of the recorded cases.
#[derive(Debug, Clone)]
pub(crate) struct Happened {
    /// The life of the program, where it has several.
    pub(crate) run: Option<usize>,
    pub(crate) time_ms: i64,
    pub(crate) out: Option<String>,
    pub(crate) what: What,
}

#[derive(Debug, Clone)]
pub(crate) enum What {
    /// An output operation fired; the records of each partition.
    Batch(Vec<Vec<Value>>),
    /// The answer to `slice`; the records of each batch.
    Slice(Vec<Vec<Value>>),
    /// A function called the log.
    Event(String),
    /// Text was written to the console in this batch.
    Console(String),
    /// Files were there, each with its text.
    Files(BTreeMap<String, String>),
}

/// Compares what happened with what was recorded: the same entries in the same order.
///
/// # Errors
/// Says what differs, with the whole of both.
pub(crate) fn compare(case: &Case, happened: &[Happened]) -> Result<(), String> {
    let tolerance = case.tolerance();
    let same = case.expected.len() == happened.len();
    let wrong = case
        .expected
        .iter()
        .zip(happened)
        .position(|(entry, actual)| !entry_agrees(entry, actual, case.ordered, tolerance));
    if same && wrong.is_none() {
        return Ok(());
    }
    let at = wrong.unwrap_or_else(|| case.expected.len().min(happened.len()));
    Err(report(case, happened, at))
}

fn report(case: &Case, happened: &[Happened], at: usize) -> String {
    let mut text = format!("{}: {}\n{}\n", case.case, case.about, case.pipeline);
    let _ = writeln!(text, "entry {at} differs (marked)");
    for number in 0..case.expected.len().max(happened.len()) {
        let mark = if number == at { '>' } else { ' ' };
        let _ = writeln!(text, "{mark} recorded {:?}", case.expected.get(number));
        let _ = writeln!(text, "{mark} happened {:?}", happened.get(number));
    }
    text
}

fn entry_agrees(entry: &Entry, actual: &Happened, ordered: bool, tolerance: f64) -> bool {
    let same_place = entry.run == actual.run && entry.time_ms == actual.time_ms;
    if !same_place || entry.out != actual.out {
        return false;
    }
    match &actual.what {
        What::Event(event) => entry.event.as_ref() == Some(event),
        What::Console(text) => entry.console.as_ref() == Some(text),
        What::Files(files) => entry.files.as_ref() == Some(files),
        What::Slice(rdds) => entry.rdds.as_ref().is_some_and(|expected| {
            expected.len() == rdds.len()
                && expected
                    .iter()
                    .zip(rdds)
                    .all(|(a, b)| bags_agree(a, b, tolerance))
        }),
        What::Batch(partitions) => batch_agrees(entry, partitions, ordered, tolerance),
    }
}

fn batch_agrees(entry: &Entry, partitions: &[Vec<Value>], ordered: bool, tolerance: f64) -> bool {
    if entry
        .partitions
        .is_some_and(|count| count != partitions.len())
    {
        return false;
    }
    match (&entry.glom, &entry.records) {
        (Some(glom), None) => {
            glom.len() == partitions.len()
                && glom
                    .iter()
                    .zip(partitions)
                    .all(|(a, b)| lists_agree(a, b, tolerance))
        }
        (None, Some(records)) if ordered => lists_agree(records, &partitions.concat(), tolerance),
        (None, Some(records)) => bags_agree(records, &partitions.concat(), tolerance),
        _ => false,
    }
}

fn lists_agree(expected: &[Value], actual: &[Value], tolerance: f64) -> bool {
    expected.len() == actual.len()
        && expected
            .iter()
            .zip(actual)
            .all(|(a, b)| values_agree(a, b, tolerance))
}

/// As multisets. The batches are small, so each record looks for its partner.
fn bags_agree(expected: &[Value], actual: &[Value], tolerance: f64) -> bool {
    let mut left: Vec<&Value> = actual.iter().collect();
    expected.len() == actual.len()
        && expected.iter().all(|record| {
            let partner = left
                .iter()
                .position(|other| values_agree(record, other, tolerance));
            partner.map(|at| left.swap_remove(at)).is_some()
        })
}

fn values_agree(expected: &Value, actual: &Value, tolerance: f64) -> bool {
    match (expected, actual) {
        (Value::Array(a), Value::Array(b)) => lists_agree(a, b, tolerance),
        (Value::Number(a), Value::Number(b)) if a.is_f64() || b.is_f64() => {
            a.is_f64() && b.is_f64() && floats_agree(a.as_f64(), b.as_f64(), tolerance)
        }
        _ => expected == actual,
    }
}

fn floats_agree(expected: Option<f64>, actual: Option<f64>, tolerance: f64) -> bool {
    expected
        .zip(actual)
        .is_some_and(|(a, b)| (a - b).abs() <= (tolerance * a.abs().max(b.abs())).max(SLACK))
}

/// A group in the order in which the cases write it: by the JSON text of its values.
pub(crate) fn bag<V: serde::Serialize>(group: Vec<V>) -> Vec<Value> {
    let mut values: Vec<Value> = group.iter().map(json).collect();
    values.sort_by_cached_key(Value::to_string);
    values
}

/// A record in the words of the cases: a pair is a list of two, an absent value is null.
pub(crate) fn json<T: serde::Serialize>(record: &T) -> Value {
    serde_json::to_value(record).expect("the records of the cases can be written as JSON")
}

#[test]
fn bags_ignore_order_but_not_number_and_numbers_have_a_tolerance() {
    let bag = |text: &str| serde_json::from_str::<Vec<Value>>(text).unwrap();
    assert!(bags_agree(&bag("[1, 2, 2]"), &bag("[2, 1, 2]"), 1e-6));
    assert!(!bags_agree(&bag("[1, 2, 2]"), &bag("[1, 1, 2]"), 1e-6));
    assert!(bags_agree(
        &bag(r#"[["a", 1.0]]"#),
        &bag(r#"[["a", 1.0000001]]"#),
        1e-6
    ));
    assert!(!bags_agree(&bag("[1.0]"), &bag("[1.1]"), 1e-6));
    assert!(bags_agree(&bag("[1.0]"), &bag("[1.1]"), 0.2));
    assert!(!bags_agree(&bag("[1]"), &bag("[1.0]"), 1e-6));
}
