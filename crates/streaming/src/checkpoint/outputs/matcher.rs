//! Which outputs of a program go on from which of an older one, by rules of which each looks at
//! what those before it have left.

use std::collections::BTreeMap;

use super::{Outputs, Told};
use crate::checkpoint::matching::{Allowed, label};
use crate::checkpoint::program::Part;

/// What tells outputs apart from then on.
const ADVICE: &str = "Give each a name of its own: its sink, or its stream (`named`)";

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

/// How the outputs of a program go on from those of an older one.
pub(super) struct Matcher<'a> {
    old: &'a [Part],
    new: &'a [Part],
    taken: Vec<bool>,
    /// For each output of the new program, the place of the old one that it goes on from.
    pub(super) from: Vec<Option<usize>>,
    /// Places in the new program of outputs of one name that nothing but their order tells
    /// apart.
    alike: Vec<Vec<usize>>,
}

impl<'a> Matcher<'a> {
    pub(super) fn of(old: &'a Outputs, new: &'a Outputs, allowed: &Allowed) -> Self {
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
    pub(super) fn told(&self, open: usize) -> Told {
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
