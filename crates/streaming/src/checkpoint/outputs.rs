//! Outputs keep their numbers when the program changes: sinks know by them what they have
//! stored. A function of both programs, as [`matching`](super::matching) is for what holds data.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::matching::{Allowed, label};
use super::program::Part;
use crate::graph::OutputNumber;

/// The outputs of a program, in the order of registration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Outputs {
    /// The outputs, and behind them the stream of each, in the same order. Directories of earlier
    /// days have no streams.
    parts: Vec<Part>,
    /// One for each output.
    numbers: Vec<OutputNumber>,
    /// How many numbers were given. Those of outputs that are gone are not given again: a sink
    /// may still hold batches under them.
    given: u64,
}

impl Outputs {
    /// Those of a program that has no past, each with its stream.
    pub(crate) fn new(outputs: impl IntoIterator<Item = (Part, Part)>) -> Self {
        let (mut parts, streams): (Vec<_>, Vec<_>) = outputs.into_iter().unzip();
        let numbers = vec![OutputNumber::default(); parts.len()];
        parts.extend(streams);
        let mut outputs = Outputs {
            parts,
            numbers,
            given: 0,
        };
        outputs.go_on_from(0, |_| None);
        outputs
    }

    /// The number of each.
    pub(crate) fn numbers(&self) -> &[OutputNumber] {
        &self.numbers
    }

    /// Takes over the numbers of an older program's outputs; new ones get new numbers.
    ///
    /// With batches that were begun and not done, it matters which output is which: some
    /// outputs may have stored them.
    pub(crate) fn take_over(&mut self, old: &Outputs, allowed: &Allowed, open: usize) -> Told {
        let matcher = Matcher::of(old, self, allowed);
        let told = matcher.told(open);
        let from = matcher.from;
        self.go_on_from(old.given, |new| {
            let old_place = from.get(new).copied().flatten()?;
            old.numbers.get(old_place).copied()
        });
        told
    }

    pub(super) fn parts(&self) -> &[Part] {
        self.parts.get(..self.numbers.len()).unwrap_or(&self.parts)
    }

    /// The name of an output's stream, if it tells more than the output's own.
    fn stream_beside_name(&self, place: usize) -> Option<&str> {
        let name = self.streams().get(place)?.name.as_deref();
        let own = self.parts().get(place)?.name.as_deref();
        name.filter(|name| Some(*name) != own)
    }

    /// The stream of each output; none if they are not known.
    fn streams(&self) -> &[Part] {
        self.parts.get(self.numbers.len()..).unwrap_or_default()
    }

    /// For each output, the place of the older program's that it goes on from.
    pub(super) fn places_in(&self, old: &Outputs, allowed: &Allowed) -> Vec<Option<usize>> {
        Matcher::of(old, self, allowed).from
    }

    fn go_on_from(&mut self, given: u64, number_of: impl Fn(usize) -> Option<OutputNumber>) {
        self.given = given;
        let numbers = (0..self.numbers.len()).map(|place| {
            number_of(place).unwrap_or_else(|| {
                let number = OutputNumber::new(self.given);
                self.given += 1;
                number
            })
        });
        self.numbers = numbers.collect();
    }
}

/// What tells outputs apart from then on.
const ADVICE: &str = "Give each a name of its own: its sink, or its stream (`named`)";

/// What has become of the outputs, in words.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) report: Vec<String>,
    /// What may be stored twice, or not at all.
    pub(crate) warnings: Vec<String>,
}

/// What outputs must have in common, beside the operator, to be alike.
type Key = Vec<Option<String>>;

/// Places of outputs that are alike.
type Groups = BTreeMap<(String, Key), Vec<usize>>;

/// What an output is called: as its sink, or as its stream.
struct Name {
    called: String,
    /// The name of the stream, if the output is not called by it.
    stream: Option<String>,
}

struct Matcher<'a> {
    old: &'a [Part],
    new: &'a [Part],
    taken: Vec<bool>,
    from: Vec<Option<usize>>,
    /// Places in the new program of outputs of one name that nothing but their order tells
    /// apart.
    alike: Vec<Vec<usize>>,
}

impl<'a> Matcher<'a> {
    fn of(old: &'a Outputs, new: &'a Outputs, allowed: &Allowed) -> Self {
        let mut matcher = Matcher {
            old: old.parts(),
            new: new.parts(),
            taken: vec![false; old.parts().len()],
            from: vec![None; new.parts().len()],
            alike: Vec::new(),
        };
        matcher.by_name(&old_names(old, allowed), &new_names(old, new, allowed));
        matcher.by_order();
        matcher.by_first_name();
        matcher
    }

    /// Named outputs, by operator and name: what is printed under a name is not what is written
    /// under it. Where several have one name, as two with one sink, by the names of their streams
    /// too, then by record type, and by order only at last.
    fn by_name(&mut self, old: &[Option<Name>], new: &[Option<Name>]) {
        let called = |name: &Name, _: &Part| Some(vec![Some(name.called.clone())]);
        self.pair_single(named(old, called), named(new, called));
        let of_stream = |name: &Name, _: &Part| {
            let stream = name.stream.clone()?;
            Some(vec![Some(name.called.clone()), Some(stream)])
        };
        self.pair_single(named(old, of_stream), named(new, of_stream));
        let of_records = |name: &Name, part: &Part| {
            let (called, records) = (name.called.clone(), part.records.clone());
            Some(vec![Some(called), name.stream.clone(), Some(records)])
        };
        let old_groups = self.old_groups(named(old, of_records));
        let paired = self.pair(&old_groups, &self.new_groups(named(new, of_records)));
        self.alike = paired
            .into_iter()
            .filter(|places| places.len() > 1)
            .collect();
    }

    /// Outputs without a name, by operator, record type and order.
    fn by_order(&mut self) {
        let (old, new) = (self.old_groups(unnamed), self.new_groups(unnamed));
        self.pair(&old, &new);
    }

    /// An output that has got its first name, if there is no doubt which it is.
    fn by_first_name(&mut self) {
        self.pair_single(unnamed, |_, part| Some(vec![Some(part.records.clone())]));
    }

    /// Outputs that have no like in either program.
    fn pair_single(
        &mut self,
        old: impl Fn(usize, &Part) -> Option<Key>,
        new: impl Fn(usize, &Part) -> Option<Key>,
    ) {
        let mut old = self.old_groups(old);
        old.retain(|_, places| places.len() == 1);
        self.pair(&old, &self.new_groups(new));
    }

    /// Groups of as many outputs go on from one another, in their order. Gives the places in the
    /// new program.
    fn pair(&mut self, old: &Groups, new: &Groups) -> Vec<Vec<usize>> {
        let mut paired = Vec::new();
        for (like, new) in new {
            let old = old.get(like).map(Vec::as_slice).unwrap_or_default();
            if old.len() != new.len() {
                continue;
            }
            for (old, new) in old.iter().zip(new) {
                if let (Some(taken), Some(from)) =
                    (self.taken.get_mut(*old), self.from.get_mut(*new))
                {
                    *taken = true;
                    *from = Some(*old);
                }
            }
            paired.push(new.clone());
        }
        paired
    }

    fn old_groups(&self, key: impl Fn(usize, &Part) -> Option<Key>) -> Groups {
        let is_left = |place| self.taken.get(place) == Some(&false);
        groups(self.old, is_left, key)
    }

    fn new_groups(&self, key: impl Fn(usize, &Part) -> Option<Key>) -> Groups {
        let is_left = |place| self.from.get(place) == Some(&None);
        groups(self.new, is_left, key)
    }

    /// What has happened to all.
    fn told(&self, open: usize) -> Told {
        let mut told = Told::default();
        for (place, from) in self.from.iter().enumerate() {
            let name = label(self.new, place);
            told.report.push(match from {
                None => format!("output {name} is new"),
                Some(old) if label(self.old, *old) == name => format!("output {name} goes on"),
                Some(old) => format!("output {name} goes on from {}", label(self.old, *old)),
            });
        }
        let by_operator = |_, _: &Part| Some(Key::new());
        let new = self.new_groups(by_operator);
        for (like, gone) in self.old_groups(by_operator) {
            let names = list(self.old, &gone);
            told.report.push(format!("gone: output {names}"));
            if open == 0 {
                continue;
            }
            told.warnings.push(match new.get(&like) {
                None => format!(
                    "output {names} is gone; it may lack {open} batches that were begun and not \
                     done"
                ),
                Some(new) => format!(
                    "which of the new outputs {} goes on from which of {names} is not known, so \
                     that all count as new; if {open} batches that were begun and not done were \
                     stored by the old ones, they are stored again. {ADVICE}; \
                     for those with new names streaming.checkpoint.allow takes rename:OLD=NEW",
                    list(self.new, new)
                ),
            });
        }
        if open > 0 {
            let alike = self.alike.iter().map(|places| list(self.new, places));
            told.warnings.extend(alike.map(|names| {
                format!(
                    "outputs {names} are alike, so that each goes on from the one that was in its \
                     place among them; if they have changed places, {open} batches that were \
                     begun and not done may be missing in one and be stored twice by another. \
                     {ADVICE}"
                )
            }));
        }
        told
    }
}

/// The names of an older program's outputs, those that are allowed to have become others included.
fn old_names(old: &Outputs, allowed: &Allowed) -> Vec<Option<Name>> {
    let name = |(place, part): (usize, &Part)| {
        let called = label(old.parts(), place);
        let is_called = part.name.is_some() || allowed.is_old_name(&called);
        is_called.then(|| Name {
            called,
            stream: old.stream_beside_name(place).map(str::to_owned),
        })
    };
    old.parts().iter().enumerate().map(name).collect()
}

/// The names of outputs, as they were in the older program.
fn new_names(old: &Outputs, new: &Outputs, allowed: &Allowed) -> Vec<Option<Name>> {
    let before = |name: &str, old: &[Part]| {
        let old_name = allowed.old_name(name, old).map(String::as_str);
        old_name.unwrap_or(name).to_owned()
    };
    let name = |(place, part): (usize, &Part)| {
        let called = before(part.name.as_ref()?, old.parts());
        // What is not known of the old ones tells nothing apart.
        let stream = new.stream_beside_name(place);
        let stream = stream.filter(|_| !old.streams().is_empty());
        Some(Name {
            called,
            stream: stream.map(|stream| before(stream, old.streams())),
        })
    };
    new.parts().iter().enumerate().map(name).collect()
}

/// A rule about named outputs.
fn named(
    names: &[Option<Name>],
    key: impl Fn(&Name, &Part) -> Option<Key>,
) -> impl Fn(usize, &Part) -> Option<Key> {
    move |place, part| key(names.get(place)?.as_ref()?, part)
}

/// The rule about those without a name.
fn unnamed(_: usize, part: &Part) -> Option<Key> {
    part.name
        .is_none()
        .then(|| vec![Some(part.records.clone())])
}

fn groups(
    parts: &[Part],
    is_left: impl Fn(usize) -> bool,
    key: impl Fn(usize, &Part) -> Option<Key>,
) -> Groups {
    let mut groups = Groups::new();
    for (place, part) in parts
        .iter()
        .enumerate()
        .filter(|(place, _)| is_left(*place))
    {
        if let Some(key) = key(place, part) {
            let like = (part.operator.clone(), key);
            groups.entry(like).or_default().push(place);
        }
    }
    groups
}

/// Outputs as a message names them, with their lines.
fn list(parts: &[Part], places: &[usize]) -> String {
    let named = |place: &usize| {
        let site = parts.get(*place).map_or("", |part| &part.site);
        format!("{} ({site})", label(parts, *place))
    };
    let all: Vec<_> = places.iter().map(named).collect();
    all.join(", ")
}

#[cfg(test)]
mod tests {
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
}
