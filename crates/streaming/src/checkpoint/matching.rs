//! Which parts of a program go on from which parts of an older one. A function of both: it
//! reads nothing, so that it can be asked before anything runs.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use super::program::{Part, Program};

/// What the user has confirmed: Headwater drops and renames nothing that holds data unasked.
///
/// Written as `drop:NAME`, `rename:OLD=NEW` and `damage`, with commas between; what has no name is
/// called by the label that the report gives it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Allowed {
    dropped: BTreeSet<String>,
    /// The old name of each new one.
    renamed: BTreeMap<String, String>,
    damage: bool,
}

impl Allowed {
    /// Whether to go on without entries of the journal that are damaged.
    pub(crate) fn damage(&self) -> bool {
        self.damage
    }

    /// What a name was among older parts. One that is there no more was renamed at an earlier
    /// start already, and stays allowed.
    pub(super) fn old_name(&self, name: &str, old: &[Part]) -> Option<&String> {
        let old_name = self.renamed.get(name)?;
        let is_there = (0..old.len()).any(|place| label(old, place) == *old_name);
        is_there.then_some(old_name)
    }

    /// Whether something with this name goes on under another one.
    pub(super) fn is_old_name(&self, name: &str) -> bool {
        self.renamed.values().any(|old| old == name)
    }

    /// Whether a part may go that has no place any more.
    pub(super) fn drops(&self, label: &str) -> bool {
        self.dropped.contains(label)
    }
}

/// As it is read.
impl fmt::Display for Allowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dropped = self.dropped.iter().map(|name| format!("drop:{name}"));
        let renamed = self.renamed.iter();
        let renamed = renamed.map(|(new, old)| format!("rename:{old}={new}"));
        let damage = self.damage.then(|| "damage".to_owned());
        let all: Vec<_> = dropped.chain(renamed).chain(damage).collect();
        f.write_str(&all.join(","))
    }
}

impl FromStr for Allowed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut allowed = Allowed::default();
        let entries = text.split(',').map(str::trim);
        for entry in entries.filter(|entry| !entry.is_empty()) {
            let (kind, of) = entry.split_once(':').unwrap_or((entry, ""));
            match (kind, of.split_once('=')) {
                ("damage", None) if of.is_empty() => allowed.damage = true,
                ("drop", None) if !of.is_empty() => {
                    allowed.dropped.insert(of.to_owned());
                }
                ("rename", Some((old, new))) if !old.is_empty() && !new.is_empty() => {
                    allowed.renamed.insert(new.to_owned(), old.to_owned());
                }
                _ => {
                    return Err(format!(
                        "{entry:?} is none of drop:NAME, rename:OLD=NEW and damage"
                    ));
                }
            }
        }
        Ok(allowed)
    }
}

/// How the parts of a program go on from those of an older one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Matching {
    /// For each part of the new program, the place of the old one that it goes on from.
    pub(crate) from: Vec<Option<usize>>,
    /// The parts of the new program that cannot take what the old one has of them.
    pub(crate) misfits: Vec<usize>,
    /// What happens to each part, in words.
    pub(crate) report: Vec<String>,
    /// What has to be changed or confirmed first.
    pub(crate) problems: Vec<String>,
}

/// What the parts are, for the words of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    State,
    Input,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::State => "state",
            Kind::Input => "input",
        })
    }
}

/// Why a program cannot go on from another one whose batches have another length.
pub(crate) fn other_batches(old: &Program, new: &Program) -> Option<String> {
    (old.batch_ms != new.batch_ms).then(|| {
        format!(
            "its batches are {} ms apart, and those of the program {} ms; batches cannot change \
             their length, begin with an empty directory",
            old.batch_ms, new.batch_ms
        )
    })
}

/// Matches the states and the inputs of a new program with those of an old one.
pub(crate) fn match_programs(
    old: &Program,
    new: &Program,
    allowed: &Allowed,
) -> (Matching, Matching) {
    let becomes = |before: &Part, place: usize| {
        let is = new.states.get(place)?.form.as_ref()?;
        Some(is.takes_over(before.form.as_ref()?))
    };
    let states = match_parts(Kind::State, &old.states, &new.states, allowed, becomes);
    let inputs = match_parts(Kind::Input, &old.inputs, &new.inputs, allowed, |_, _| None);
    (states, inputs)
}

/// Matches the parts of a new program with those of an old one.
///
/// A name matches itself. Parts without a name match by operator, record type and their order
/// among those that are alike, as long as both programs have as many of them. A part that has
/// got its first name is found in the same way. What a new part can migrate matches as if it
/// were alike, a part without a name if there is no doubt which it is. Nothing else matches.
///
/// `migrates` says whether an old part can become the new one at a place although they are not
/// alike, or why not; `None` where there is no such thing.
pub(crate) fn match_parts(
    kind: Kind,
    old: &[Part],
    new: &[Part],
    allowed: &Allowed,
    migrates: impl Fn(&Part, usize) -> Option<Result<(), String>>,
) -> Matching {
    let mut matcher = Matcher {
        kind,
        old,
        new,
        is_taken: vec![false; old.len()],
        matching: Matching {
            from: vec![None; new.len()],
            ..Matching::default()
        },
    };
    matcher.by_name(allowed, &migrates);
    matcher.by_order(&migrates);
    matcher.by_first_name(&migrates);
    matcher.by_migration(&migrates);
    matcher.what_is_left(allowed, &migrates);
    matcher.matching
}

struct Matcher<'a> {
    kind: Kind,
    old: &'a [Part],
    new: &'a [Part],
    is_taken: Vec<bool>,
    matching: Matching,
}

impl Matcher<'_> {
    fn take(&mut self, old: usize, new: usize, how: &str) {
        if let (Some(is_taken), Some(from)) =
            (self.is_taken.get_mut(old), self.matching.from.get_mut(new))
        {
            *is_taken = true;
            *from = Some(old);
        }
        let line = format!("{} {} goes on{how}", self.kind, label(self.new, new));
        self.matching.report.push(line);
    }

    fn is_new_taken(&self, new: usize) -> bool {
        self.matching.from.get(new).is_some_and(Option::is_some)
    }

    /// Takes an old part for a new one, even if the one cannot be read as the other: that is a
    /// problem then.
    fn take_or_tell(&mut self, old: usize, new: usize, how: &str, migrates: &impl Migrates) {
        let (Some(before), Some(part)) = (self.old.get(old), self.new.get(new)) else {
            return;
        };
        if before.is_like(part) {
            return self.take(old, new, how);
        }
        let migrated = match before.operator == part.operator {
            true => migrates(before, new),
            false => None,
        };
        let problem = match migrated {
            Some(Ok(())) => {
                let version = before.form.as_ref().map_or(0, |form| form.version);
                let how = format!("{how}, migrated from version {version}");
                return self.take(old, new, &how);
            }
            Some(Err(message)) => message,
            None => format!(
                "it was kept by {} as {}, and is now kept by {} as {}; give the new one another \
                 name",
                before.operator, before.records, part.operator, part.records
            ),
        };
        let problem = format!("{} {}: {problem}", self.kind, label(self.new, new));
        self.take(old, new, "");
        self.matching.misfits.push(new);
        self.matching.problems.push(problem);
    }

    fn by_name(&mut self, allowed: &Allowed, migrates: &impl Migrates) {
        for (place, part) in self.new.iter().enumerate() {
            let Some(name) = &part.name else { continue };
            let old_name = allowed.old_name(name, self.old);
            let wanted = old_name.unwrap_or(name);
            let found = (0..self.old.len()).find(|old| {
                let is_called = label(self.old, *old) == *wanted;
                is_called && !self.is_taken.get(*old).copied().unwrap_or(true)
            });
            let Some(found) = found else { continue };
            let how = old_name.map_or(String::new(), |old| format!(" from {old}"));
            self.take_or_tell(found, place, &how, migrates);
        }
    }

    /// The places of parts without a name that are not matched, by what they are like.
    fn unnamed(&self, parts: &[Part], is_taken: impl Fn(usize) -> bool) -> Groups {
        let mut groups = Groups::new();
        for (place, part) in parts.iter().enumerate() {
            if part.name.is_none() && !is_taken(place) {
                let key = (part.operator.clone(), part.records.clone());
                groups.entry(key).or_default().push(place);
            }
        }
        groups
    }

    fn by_order(&mut self, migrates: &impl Migrates) {
        let old = self.unnamed(self.old, |place| {
            self.is_taken.get(place).copied().unwrap_or(true)
        });
        let new = self.unnamed(self.new, |place| self.is_new_taken(place));
        for (like, new) in new {
            let old = old.get(&like).map(Vec::as_slice).unwrap_or_default();
            if old.len() == new.len() {
                for (old, new) in old.iter().zip(new) {
                    self.take_or_tell(*old, new, "", migrates);
                }
            }
        }
    }

    /// A part that had no name and has one now, if there is no doubt which it is.
    fn by_first_name(&mut self, migrates: &impl Migrates) {
        let old = self.unnamed(self.old, |place| {
            self.is_taken.get(place).copied().unwrap_or(true)
        });
        for ((operator, records), old) in old {
            let is_like = |part: &Part| part.operator == operator && part.records == records;
            let new: Vec<usize> = (0..self.new.len())
                .filter(|place| !self.is_new_taken(*place))
                .filter(|place| self.new.get(*place).is_some_and(is_like))
                .collect();
            if let ([old], [new]) = (old.as_slice(), new.as_slice()) {
                self.take_or_tell(*old, *new, "; it had no name before", migrates);
            }
        }
    }

    /// A part without a name whose records are of another type now, if there is no doubt which
    /// it is.
    fn by_migration(&mut self, migrates: &impl Migrates) {
        let becomes = |(old, new): &(usize, usize)| {
            let parts = self.old.get(*old).zip(self.new.get(*new));
            parts.is_some_and(|(before, part)| {
                let is_free = before.name.is_none() && before.operator == part.operator;
                is_free && migrates(before, *new) == Some(Ok(()))
            })
        };
        let left = |old: &usize| self.is_taken.get(*old) == Some(&false);
        let old = (0..self.old.len()).filter(left);
        let pairs = old.flat_map(|old| {
            let new = (0..self.new.len()).filter(|new| !self.is_new_taken(*new));
            new.map(move |new| (old, new))
        });
        let pairs: Vec<_> = pairs.filter(becomes).collect();
        for (old, new) in &pairs {
            let rivals = pairs.iter().filter(|(a, b)| a == old || b == new);
            if rivals.count() == 1 {
                self.take_or_tell(*old, *new, "", migrates);
            }
        }
    }

    fn what_is_left(&mut self, allowed: &Allowed, migrates: &impl Migrates) {
        for new in 0..self.new.len() {
            if !self.is_new_taken(new) {
                let line = format!("{} {} is new", self.kind, label(self.new, new));
                self.matching.report.push(line);
            }
        }
        let left = |is_taken: &bool| !*is_taken;
        let places: Vec<usize> = (0..self.old.len())
            .filter(|place| self.is_taken.get(*place).is_some_and(left))
            .collect();
        for place in places {
            let label = label(self.old, place);
            if allowed.drops(&label) {
                let line = format!("{} {label} is dropped", self.kind);
                self.matching.report.push(line);
            } else {
                let problem = self.missing(place, &label, migrates);
                self.matching.problems.push(problem);
            }
        }
    }

    /// Says that an old part has no place any more, and what can be done.
    fn missing(&self, place: usize, label: &str, migrates: &impl Migrates) -> String {
        let Some(part) = self.old.get(place) else {
            return String::new();
        };
        let alike = (0..self.new.len()).find(|new| {
            let is_like = self.new.get(*new).is_some_and(|new| new.is_like(part));
            is_like && !self.is_new_taken(*new)
        });
        let name = alike.and_then(|new| self.new.get(new)?.name.clone());
        let renamed = match (&name, alike) {
            (Some(name), _) => format!("allow rename:{label}={name} if it is {name} now, or "),
            (None, Some(_)) => {
                "give the operator that goes on from it a name and allow a rename, or ".to_owned()
            }
            (None, None) => String::new(),
        };
        let refused = (0..self.new.len()).find_map(|new| {
            let is_free = self.new.get(new)?.operator == part.operator && !self.is_new_taken(new);
            let refused = is_free.then(|| migrates(part, new))??.err()?;
            Some(format!(
                "if it is {} now: {refused}; or ",
                self::label(self.new, new)
            ))
        });
        format!(
            "{} {label} ({}) has no place in the program; {renamed}{}allow drop:{label}",
            self.kind,
            part.site,
            refused.unwrap_or_default()
        )
    }
}

/// Whether an old part can become the new one at a place although they are not alike.
trait Migrates: Fn(&Part, usize) -> Option<Result<(), String>> {}

impl<F: Fn(&Part, usize) -> Option<Result<(), String>>> Migrates for F {}

type Groups = BTreeMap<(String, String), Vec<usize>>;

/// What a part is called in reports: its name, or operator and place among all parts.
pub(crate) fn label(parts: &[Part], place: usize) -> String {
    let Some(part) = parts.get(place) else {
        return place.to_string();
    };
    let unnamed = || format!("{}-{place}", part.operator);
    part.name.clone().unwrap_or_else(unnamed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(name: &str, operator: &str, records: &str) -> Part {
        Part {
            name: (!name.is_empty()).then(|| name.to_owned()),
            operator: operator.to_owned(),
            records: records.to_owned(),
            form: None,
            slide_ms: 1000,
            site: format!("{operator} at main.rs:1"),
        }
    }

    fn matched(old: &[Part], new: &[Part], allowed: &str) -> Matching {
        let allowed = allowed.parse().unwrap();
        match_parts(Kind::State, old, new, &allowed, |_, _| None)
    }

    #[test]
    fn names_match_wherever_they_are() {
        let old = [part("a", "update", "i64"), part("b", "map", "i64")];
        let new = [
            part("b", "map", "i64"),
            part("c", "map", "i64"),
            part("a", "update", "i64"),
        ];
        let matching = matched(&old, &new, "");
        assert_eq!(matching.from, [Some(1), None, Some(0)]);
        assert!(matching.problems.is_empty());
        assert_eq!(
            matching.report,
            ["state b goes on", "state a goes on", "state c is new"]
        );
    }

    #[test]
    fn what_has_no_name_matches_by_order_among_its_like() {
        let old = [
            part("", "map", "i64"),
            part("", "update", "i64"),
            part("", "map", "i64"),
        ];
        let new = [
            part("", "update", "i64"),
            part("", "map", "i64"),
            part("", "map", "i64"),
        ];
        assert_eq!(matched(&old, &new, "").from, [Some(1), Some(0), Some(2)]);
    }

    #[test]
    fn what_is_in_doubt_is_not_guessed() {
        let old = [part("", "map", "i64")];
        let new = [part("", "map", "i64"), part("", "map", "i64")];
        let matching = matched(&old, &new, "");
        assert_eq!(matching.from, [None, None]);
        assert!(
            matching.problems[0].contains("allow drop:map-0"),
            "{matching:?}"
        );
        let other = matched(&old, &[part("", "map", "u8")], "");
        assert_eq!(other.from, [None]);
        assert_eq!(other.problems.len(), 1);
    }

    #[test]
    fn a_first_name_is_no_new_part() {
        let old = [part("", "map", "i64"), part("", "update", "i64")];
        let new = [part("visits", "map", "i64"), part("", "update", "i64")];
        let matching = matched(&old, &new, "");
        assert_eq!(matching.from, [Some(0), Some(1)]);
        assert!(matching.problems.is_empty());
        // Two could be it.
        let new = [
            part("x", "map", "i64"),
            part("y", "map", "i64"),
            part("", "update", "i64"),
        ];
        assert_eq!(matched(&old, &new, "").from, [None, None, Some(1)]);
    }

    #[test]
    fn renaming_and_dropping_have_to_be_allowed() {
        let old = [part("a", "map", "i64")];
        let new = [part("b", "map", "i64")];
        let refused = matched(&old, &new, "");
        assert_eq!(refused.from, [None]);
        assert!(
            refused.problems[0].contains("allow rename:a=b"),
            "{refused:?}"
        );
        let renamed = matched(&old, &new, "rename:a=b");
        assert_eq!(renamed.from, [Some(0)]);
        assert_eq!(renamed.report, ["state b goes on from a"]);
        let renamed_before = matched(&new, &new, "rename:a=b");
        assert_eq!(renamed_before.from, [Some(0)]);
        assert_eq!(renamed_before.report, ["state b goes on"]);
        let dropped = matched(&old, &new, "drop:a");
        assert_eq!((dropped.from, dropped.problems), (vec![None], vec![]));
    }

    #[test]
    fn another_type_under_the_same_name_needs_a_migration() {
        let old = [part("a", "map", "i64")];
        let new = [part("a", "map", "String")];
        let message = &matched(&old, &new, "").problems[0];
        assert!(message.contains("another name"), "{message}");
        assert_eq!(with_migration(&old, &new, Ok(())).from, [Some(0)]);
        let refused = with_migration(&old, &new, Err("declare it".to_owned()));
        assert_eq!(refused.problems, ["state a: declare it"]);
        // Another operator keeps it otherwise, whatever the values are.
        let new = [part("a", "update", "i64")];
        assert_eq!(with_migration(&old, &new, Ok(())).problems.len(), 1);
    }

    #[test]
    fn a_migrated_part_without_a_name_is_found_if_there_is_no_doubt() {
        let old = [part("", "map", "i64"), part("", "update", "i64")];
        let new = [part("", "map", "String"), part("", "update", "i64")];
        let migrated = with_migration(&old, &new, Ok(()));
        assert_eq!(
            (migrated.from, migrated.problems),
            (vec![Some(0), Some(1)], vec![])
        );
        let two = [part("", "map", "String"), part("", "map", "char")];
        assert_eq!(with_migration(&old, &two, Ok(())).from, [None, None]);
    }

    fn with_migration(old: &[Part], new: &[Part], migrates: Result<(), String>) -> Matching {
        let migrates = |_: &Part, _| Some(migrates.clone());
        match_parts(Kind::State, old, new, &Allowed::default(), migrates)
    }

    #[test]
    fn what_is_allowed_is_read_from_text() {
        let allowed: Allowed = " drop:a, rename:b=c ,".parse().unwrap();
        assert!(allowed.dropped.contains("a"));
        assert_eq!(allowed.renamed["c"], "b");
        for wrong in ["drop:", "rename:a", "a", "rename:=b", "keep:a"] {
            assert!(wrong.parse::<Allowed>().is_err(), "{wrong}");
        }
    }
}
