//! What differs between the batches that were expected and those that came, to be read.

use std::fmt::{Debug, Write};

use crate::time::Time;

/// How many records of a list are written.
const SHOWN: usize = 20;

/// Whether the order of the records of a batch counts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Counts,
    IsFree,
}

/// All batches with what differs, or nothing if nothing does.
pub(super) fn difference<T: PartialEq + Debug>(
    expected: &[Vec<T>],
    came: &[(Time, Vec<T>)],
    order: Order,
) -> Option<String> {
    let count = expected.len().max(came.len());
    let mut different = 0;
    let mut text = String::new();
    for place in 0..count {
        let (wanted, given) = (expected.get(place), came.get(place));
        // What was expected has no times; the batch belongs after the last one that came.
        let time = match (given, came.last()) {
            (Some((time, _)), _) => time.to_string(),
            (None, Some((last, _))) => format!("after {last}"),
            (None, None) => "never".to_owned(),
        };
        let wrong = describe(wanted, given.map(|(_, records)| records), order);
        different += usize::from(wrong.is_some());
        let (mark, lines) = match wrong {
            Some(lines) => ('>', lines),
            None => (
                ' ',
                vec![("as expected", list(wanted.into_iter().flatten()))],
            ),
        };
        let _ = writeln!(text, "{mark} {time}");
        for (what, records) in lines {
            let _ = writeln!(text, "    {what:<11} {records}");
        }
    }
    (different > 0).then(|| format!("{different} of {count} batches differ:\n{text}"))
}

/// The lines about one batch, if it differs.
fn describe<T: PartialEq + Debug>(
    wanted: Option<&Vec<T>>,
    given: Option<&Vec<T>>,
    order: Order,
) -> Option<Vec<(&'static str, String)>> {
    let (Some(wanted), Some(given)) = (wanted, given) else {
        let text = |batch: Option<&Vec<T>>| batch.map_or("no batch".to_owned(), list);
        return Some(vec![("expected", text(wanted)), ("came", text(given))]);
    };
    let missing = left_over(wanted, given);
    let extra = left_over(given, wanted);
    let same_records = missing.is_empty() && extra.is_empty();
    if same_records && (order == Order::IsFree || wanted == given) {
        return None;
    }
    let mut lines = vec![("expected", list(wanted)), ("came", list(given))];
    if same_records {
        let first = wanted.iter().zip(given).position(|(a, b)| a != b);
        let place = first.unwrap_or_default();
        let words = format!("the same records in another order, from place {place} on");
        lines.push(("differs", words));
    }
    if !missing.is_empty() {
        lines.push(("missing", list(missing)));
    }
    if !extra.is_empty() {
        lines.push(("extra", list(extra)));
    }
    Some(lines)
}

/// The records of one batch that have no partner in another. Records need not be sortable,
/// and the batches of tests are small, so each looks for its partner.
fn left_over<'a, T: PartialEq>(records: &'a [T], others: &[T]) -> Vec<&'a T> {
    let mut partners: Vec<&T> = others.iter().collect();
    let alone = records.iter().filter(|record| {
        let partner = partners.iter().position(|other| other == record);
        partner.map(|place| partners.swap_remove(place)).is_none()
    });
    alone.collect()
}

fn list<T: Debug>(records: impl IntoIterator<Item = T>) -> String {
    let mut records = records.into_iter();
    let shown: Vec<_> = records
        .by_ref()
        .take(SHOWN)
        .map(|record| format!("{record:?}"))
        .collect();
    let rest = match records.count() {
        0 => String::new(),
        count => format!(", and {count} more"),
    };
    format!("[{}{rest}]", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn came(batches: &[&[i32]]) -> Vec<(Time, Vec<i32>)> {
        let times = (1..).map(|second| Time::from_millis(second * 1000));
        times
            .zip(batches.iter().map(|batch| batch.to_vec()))
            .collect()
    }

    #[test]
    fn the_same_batches_do_not_differ() {
        let expected = [vec![1, 2], vec![]];
        let given = came(&[&[1, 2], &[]]);
        assert_eq!(difference(&expected, &given, Order::Counts), None);
        let given = came(&[&[2, 1], &[]]);
        assert_eq!(difference(&expected, &given, Order::IsFree), None);
        assert_eq!(difference::<i32>(&[], &[], Order::Counts), None);
    }

    #[test]
    fn a_difference_says_what_is_missing_and_what_is_extra() {
        let expected = [vec![1], vec![2, 2, 3], vec![4]];
        let given = came(&[&[1], &[3, 2, 5]]);
        let text = difference(&expected, &given, Order::IsFree).unwrap();
        let lines = "2 of 3 batches differ:
\x20 1000 ms
    as expected [1]
> 2000 ms
    expected    [2, 2, 3]
    came        [3, 2, 5]
    missing     [2]
    extra       [5]
> after 2000 ms
    expected    [4]
    came        no batch
";
        assert_eq!(text, lines);
    }

    #[test]
    fn another_order_and_another_batch_are_said() {
        let text = difference(&[vec![1, 2, 3]], &came(&[&[1, 3, 2], &[]]), Order::Counts).unwrap();
        assert!(text.contains("in another order, from place 1 on"), "{text}");
        assert!(
            text.contains("expected    no batch\n    came        []"),
            "{text}"
        );
        let text = difference(&[vec![1]], &[], Order::Counts).unwrap();
        assert!(text.contains("> never"), "{text}");
    }

    #[test]
    fn long_lists_are_cut() {
        let text = difference(&[vec![0; 25]], &came(&[&[]]), Order::Counts).unwrap();
        assert!(text.contains("0, 0, and 5 more]"), "{text}");
    }
}
