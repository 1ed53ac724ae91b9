//! The numbers of outputs after changes of a program, and what is told of them.

use super::*;

fn outputs(of: &[(&str, &str)]) -> Outputs {
    outputs_of(parts(of), &[])
}

/// Outputs of streams with names, or with none.
fn outputs_of(parts: Vec<Part>, streams: &[&str]) -> Outputs {
    let stream = |place: usize, part: &Part| Part {
        name: (streams.get(place).copied())
            .filter(|name| !name.is_empty())
            .map(str::to_owned),
        operator: "map".to_owned(),
        ..part.clone()
    };
    let with_stream = |(place, part)| {
        let stream = stream(place, &part);
        (part, stream)
    };
    Outputs::new(parts.into_iter().enumerate().map(with_stream))
}

fn parts(of: &[(&str, &str)]) -> Vec<Part> {
    let part = |(name, records): &(&str, &str)| Part {
        name: (!name.is_empty()).then(|| (*name).to_owned()),
        operator: "write_to".to_owned(),
        records: (*records).to_owned(),
        form: None,
        slide_ms: 1000,
        site: format!("write_to at main.rs:{}", name.len()),
    };
    of.iter().map(part).collect()
}

/// The numbers of a program after another, and what is told of them.
fn after(old: &Outputs, new: &[(&str, &str)], allow: &str, open: usize) -> (Vec<u64>, Told) {
    let mut new = outputs(new);
    let told = new.take_over(old, &allow.parse().unwrap(), open);
    (new.numbers().iter().map(|one| one.get()).collect(), told)
}

#[test]
fn numbers_follow_names_and_are_not_given_twice() {
    let old = outputs(&[("a", "i64"), ("b", "i64")]);
    let (numbers, told) = after(&old, &[("c", "u8"), ("b", "i64"), ("a", "u8")], "", 3);
    assert_eq!(numbers, [2, 1, 0]);
    assert_eq!(
        told.report,
        ["output c is new", "output b goes on", "output a goes on"]
    );
    assert!(told.warnings.is_empty(), "{told:?}");
    let mut dropped = outputs(&[("a", "i64")]);
    dropped.take_over(&old, &Allowed::default(), 0);
    let (numbers, _) = after(&dropped, &[("b", "i64"), ("a", "i64")], "", 0);
    assert_eq!(numbers, [2, 0]);
}

#[test]
fn outputs_without_a_name_are_told_apart_by_what_they_write() {
    let old = outputs(&[("", "i64"), ("", "u8"), ("", "i64")]);
    let (numbers, _) = after(&old, &[("", "u8"), ("", "i64"), ("", "i64")], "", 1);
    assert_eq!(numbers, [1, 0, 2]);
    let mut printed = parts(&[("", "u8")]);
    printed[0].operator = "print".to_owned();
    let mut printed = outputs_of(printed, &[]);
    printed.take_over(&old, &Allowed::default(), 1);
    assert_eq!(printed.numbers(), [OutputNumber::new(3)]);
}

#[test]
fn what_is_in_doubt_is_new_and_told_where_it_matters() {
    let old = outputs(&[("", "i64")]);
    let new = [("", "i64"), ("", "i64")];
    let (numbers, told) = after(&old, &new, "", 2);
    assert_eq!(numbers, [1, 2]);
    assert_eq!(told.warnings.len(), 1);
    let warning = &told.warnings[0];
    for part in ["write_to-0 (write_to at", "2 batches", "`named`"] {
        assert!(warning.contains(part), "{warning}");
    }
    let (_, quiet) = after(&old, &new, "", 0);
    assert!(quiet.warnings.is_empty(), "{quiet:?}");
    assert!(
        quiet
            .report
            .iter()
            .any(|line| line.contains("gone: output write_to-0"))
    );
}

#[test]
fn an_output_that_is_gone_is_told_of_while_batches_are_open() {
    let old = outputs(&[("a", "i64"), ("b", "i64")]);
    let (_, told) = after(&old, &[("a", "i64")], "", 1);
    assert!(told.warnings[0].contains("output b"), "{told:?}");
    assert!(after(&old, &[("a", "i64")], "", 0).1.warnings.is_empty());
}

#[test]
fn first_names_and_allowed_renames_are_followed() {
    let old = outputs(&[("", "i64"), ("a", "u8"), ("", "u8"), ("", "u8")]);
    let new = [("b", "u8"), ("first", "i64"), ("second", "u8"), ("", "u8")];
    let (numbers, _) = after(&old, &new, "rename:a=b,rename:write_to-3=second", 0);
    assert_eq!(numbers, [1, 0, 3, 2]);
    assert_eq!(after(&old, &new, "", 0).0, [4, 0, 5, 6]);
    // What was renamed stays allowed at later starts.
    let renamed = outputs(&[("b", "u8")]);
    assert_eq!(after(&renamed, &[("b", "u8")], "rename:a=b", 0).0, [0]);
}

/// Outputs to one sink, by the names and record types of their streams.
fn of_one_sink(streams: &[(&str, &str)]) -> Outputs {
    let sinks: Vec<_> = streams.iter().map(|(_, records)| ("t", *records)).collect();
    let names: Vec<_> = streams.iter().map(|(name, _)| *name).collect();
    outputs_of(parts(&sinks), &names)
}

fn after_one_sink(
    old: &[(&str, &str)],
    new: &[(&str, &str)],
    allow: &str,
) -> (Vec<u64>, Vec<String>) {
    let mut new = of_one_sink(new);
    let told = new.take_over(&of_one_sink(old), &allow.parse().unwrap(), 1);
    (
        new.numbers().iter().map(|one| one.get()).collect(),
        told.warnings,
    )
}

#[test]
fn outputs_of_one_name_are_told_apart_by_their_streams_and_by_what_they_write() {
    let swaps: [[&[(&str, &str)]; 2]; 3] = [
        [&[("a", "i64"), ("b", "i64")], &[("b", "i64"), ("a", "i64")]],
        // Also where one writes something else now.
        [&[("a", "i64"), ("b", "i64")], &[("b", "u8"), ("a", "i64")]],
        [&[("", "i64"), ("", "u8")], &[("", "u8"), ("", "i64")]],
    ];
    for [old, new] in swaps {
        assert_eq!(after_one_sink(old, new, ""), (vec![1, 0], vec![]));
    }
    let old = [("a", "i64"), ("b", "i64")];
    let renamed = [("new", "i64"), ("a", "i64")];
    let (numbers, _) = after_one_sink(&old, &renamed, "rename:b=new");
    assert_eq!(numbers, [1, 0]);
    let (numbers, warnings) = after_one_sink(&old, &renamed, "");
    assert_eq!((numbers, warnings.len()), (vec![2, 0], 1));
    let three = [("c", "i64"), ("b", "i64"), ("a", "i64")];
    assert_eq!(after_one_sink(&old, &three, ""), (vec![2, 1, 0], vec![]));
}

#[test]
fn outputs_that_only_their_order_tells_apart_are_told_of_while_batches_are_open() {
    let alike = [("", "i64"), ("", "i64"), ("b", "u8")];
    let (numbers, warnings) = after_one_sink(&alike, &alike, "");
    assert_eq!((numbers, warnings.len()), (vec![0, 1, 2], 1));
    for part in [
        "t (write_to at main.rs:1), t (write_to",
        "1 batches",
        "a name of its own",
    ] {
        assert!(warnings[0].contains(part), "{warnings:?}");
    }
    let told = of_one_sink(&alike).take_over(&of_one_sink(&alike), &Allowed::default(), 0);
    assert!(told.warnings.is_empty(), "{told:?}");
    // As many as before are not there, so that nothing tells which is which.
    let three = [("", "i64"), ("", "i64"), ("", "i64")];
    let (numbers, warnings) = after_one_sink(&three[..2], &three, "");
    assert_eq!((numbers, warnings.len()), (vec![2, 3, 4], 1));
    assert!(
        warnings[0].contains("its sink, or its stream"),
        "{warnings:?}"
    );
}

#[test]
fn a_directory_that_does_not_know_the_streams_tells_outputs_apart_by_order() {
    // As earlier days have written it.
    let numbers: Vec<_> = [0, 1].map(OutputNumber::new).into();
    let written = (parts(&[("t", "i64"), ("t", "i64")]), numbers, 2_u64);
    let written = postcard::to_stdvec(&written).unwrap();
    let old: Outputs = postcard::from_bytes(&written).unwrap();
    assert_eq!(old.parts().len(), 2);
    let mut new = of_one_sink(&[("a", "i64"), ("b", "i64")]);
    let told = new.take_over(&old, &Allowed::default(), 1);
    assert_eq!(new.numbers(), old.numbers());
    assert_eq!(told.warnings.len(), 1);
    // From then on they are known.
    let mut swapped = of_one_sink(&[("b", "i64"), ("a", "i64")]);
    swapped.take_over(&new, &Allowed::default(), 1);
    assert_eq!(swapped.numbers(), [1, 0].map(OutputNumber::new));
}
