//! Outputs keep their numbers when the program changes: sinks know by them what they have
//! stored. A function of both programs, as [`matching`](super::matching) is for what holds data.

mod matcher;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use matcher::Matcher;

use super::matching::Allowed;
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

/// What has become of the outputs, in words.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) report: Vec<String>,
    /// What may be stored twice, or not at all.
    pub(crate) warnings: Vec<String>,
}
