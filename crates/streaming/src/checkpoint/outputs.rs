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
    parts: Vec<Part>,
    numbers: Vec<OutputNumber>,
    /// How many numbers were given. Those of outputs that are gone are not given again: a sink
    /// may still hold batches under them.
    given: u64,
}

impl Outputs {
    /// Those of a program that has no past.
    pub(crate) fn new(parts: Vec<Part>) -> Self {
        let mut outputs = Outputs {
            parts,
            ..Outputs::default()
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
        &self.parts
    }

    /// For each output, the place of the older program's that it goes on from.
    pub(super) fn places_in(&self, old: &Outputs, allowed: &Allowed) -> Vec<Option<usize>> {
        Matcher::of(old, self, allowed).from
    }

    fn go_on_from(&mut self, given: u64, number_of: impl Fn(usize) -> Option<OutputNumber>) {
        self.given = given;
        let numbers = (0..self.parts.len()).map(|place| {
            number_of(place).unwrap_or_else(|| {
                let number = OutputNumber::new(self.given);
                self.given += 1;
                number
            })
        });
        self.numbers = numbers.collect();
    }
}

/// What has become of the outputs, in words.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) report: Vec<String>,
    /// What may be stored twice, or not at all.
    pub(crate) warnings: Vec<String>,
}

/// Places of outputs that are alike.
type Groups = BTreeMap<(String, String), Vec<usize>>;

struct Matcher<'a> {
    old: &'a [Part],
    new: &'a [Part],
    taken: Vec<bool>,
    from: Vec<Option<usize>>,
}

impl<'a> Matcher<'a> {
    fn of(old: &'a Outputs, new: &'a Outputs, allowed: &Allowed) -> Self {
        let mut matcher = Matcher {
            old: &old.parts,
            new: &new.parts,
            taken: vec![false; old.parts.len()],
            from: vec![None; new.parts.len()],
        };
        matcher.by_name(allowed);
        matcher.by_order();
        matcher.by_first_name();
        matcher
    }

    /// Named outputs, by operator and name: what is printed under a name is not what is written
    /// under it.
    fn by_name(&mut self, allowed: &Allowed) {
        let old = self.old_groups(|place, part| {
            let called = label(self.old, place);
            let is_called = part.name.is_some() || allowed.is_old_name(&called);
            is_called.then_some(called)
        });
        let new = self.new_groups(|_, part| {
            let name = part.name.as_ref()?;
            let old_name = allowed.old_name(name, self.old);
            Some(old_name.unwrap_or(name).to_owned())
        });
        self.pair(&old, &new);
    }

    /// Outputs without a name, by operator, record type and order.
    fn by_order(&mut self) {
        let unnamed = |_, part: &Part| part.name.is_none().then(|| part.records.clone());
        let (old, new) = (self.old_groups(unnamed), self.new_groups(unnamed));
        self.pair(&old, &new);
    }

    /// An output that has got its first name, if there is no doubt which it is.
    fn by_first_name(&mut self) {
        let unnamed = |_, part: &Part| part.name.is_none().then(|| part.records.clone());
        let mut old = self.old_groups(unnamed);
        old.retain(|_, places| places.len() == 1);
        let new = self.new_groups(|_, part| Some(part.records.clone()));
        self.pair(&old, &new);
    }

    /// Groups of as many outputs go on from one another, in their order.
    fn pair(&mut self, old: &Groups, new: &Groups) {
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
        }
    }

    fn old_groups(&self, key: impl Fn(usize, &Part) -> Option<String>) -> Groups {
        let is_left = |place| self.taken.get(place) == Some(&false);
        groups(self.old, is_left, key)
    }

    fn new_groups(&self, key: impl Fn(usize, &Part) -> Option<String>) -> Groups {
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
        let by_operator = |_, _: &Part| Some(String::new());
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
                     stored by the old ones, they are stored again. Outputs of streams with \
                     names (`named`) are found again; for those with new names \
                     streaming.checkpoint.allow takes rename:OLD=NEW",
                    list(self.new, new)
                ),
            });
        }
        told
    }
}

fn groups(
    parts: &[Part],
    is_left: impl Fn(usize) -> bool,
    key: impl Fn(usize, &Part) -> Option<String>,
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
        Outputs::new(parts(of))
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
        let mut printed = Outputs::new(printed);
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
}
