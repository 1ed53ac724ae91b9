//! A source that is asked for each batch, and what it reads: a log that the world keeps.

use super::super::entry::{Entry, InputRange};
use super::super::past::Past;
use super::Check;
use super::truth::Truth;

#[derive(Debug)]
pub(super) struct Source {
    /// Which input it is, wherever its line stands.
    number: usize,
    /// How much of the log batches have; `None` until it is known where the source begins.
    next: Option<usize>,
}

impl Source {
    /// Goes on after the last batch that has something of it, or where it has begun.
    pub(super) fn restored(past: &Past, place: usize, number: usize) -> Check<Self> {
        let cuts = past.cuts.values().flat_map(|cut| &cut.inputs);
        let named = cuts.filter(|one| one.input == place);
        let ends: Vec<_> = named
            .map(|one| Ok(offsets(&one.range)?.1))
            .collect::<Check<_>>()?;
        let origin = past.received.get(place).and_then(|of| of.position.as_ref());
        let origin = origin.map(|bytes| read(bytes)).transpose()?;
        let next = ends.into_iter().max().or(origin);
        Ok(Source { number, next })
    }

    /// Where it begins, if that is to be written: after all that was there before.
    pub(super) fn begin(&mut self, place: usize, truth: &Truth) -> Option<Entry> {
        if self.next.is_some() {
            return None;
        }
        let origin = truth.log(self.number).len();
        self.next = Some(origin);
        Some(Entry::Block {
            input: place,
            block: 0,
            records: 0,
            position: Some(postcard::to_stdvec(&origin).unwrap_or_default()),
            bytes: Vec::new(),
        })
    }

    /// What belongs to the next batch.
    pub(super) fn compute(&mut self, truth: &Truth) -> (InputRange, Vec<u64>) {
        let log = truth.log(self.number);
        let from = self.next.replace(log.len()).unwrap_or_default();
        let range = postcard::to_stdvec(&(from, log.len())).unwrap_or_default();
        let records = log.get(from..).unwrap_or_default().to_vec();
        (InputRange::Source(range), records)
    }

    /// What no batch has; nothing before it has begun.
    pub(super) fn waiting<'a>(&self, truth: &'a Truth) -> &'a [u64] {
        let log = truth.log(self.number);
        self.next
            .and_then(|next| log.get(next..))
            .unwrap_or_default()
    }
}

/// The records of a range.
pub(super) fn read_range(range: &InputRange, number: usize, truth: &Truth) -> Check<Vec<u64>> {
    let (from, to) = offsets(range)?;
    let records = truth.log(number).get(from..to);
    records
        .map(<[u64]>::to_vec)
        .ok_or_else(|| format!("{from} to {to} is not in the log of input {number}"))
}

fn offsets(range: &InputRange) -> Check<(usize, usize)> {
    match range {
        InputRange::Source(range) => read(range),
        other => Err(format!("{other:?} is no range of a source")),
    }
}

fn read<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Check<T> {
    postcard::from_bytes(bytes).map_err(|error| error.to_string())
}
