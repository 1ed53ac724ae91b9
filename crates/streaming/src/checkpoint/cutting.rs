//! What inputs give to a batch: decided once, by the cut, which every later process keeps to.
//! A function of the cut alone; it reads and writes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::entry::{CutInput, InputRange};
use super::past::Cut;
use crate::time::{Time, millis};

/// What a batch gets from an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Share<'a> {
    /// What waits: the batch is cut now.
    Waiting,
    /// What its cut names.
    Named(&'a InputRange),
    /// Nothing: it was cut before, and without the input, which the program had not then, or
    /// which could give nothing. What waits is for a batch that is yet to be cut. It would count
    /// twice otherwise, or never: no entry would say that it is in this one.
    Nothing,
}

impl<'a> Share<'a> {
    /// The share of a batch, by its cut if there is one.
    pub(crate) fn of(cut: Option<&'a Cut>, input: usize) -> Self {
        let Some(cut) = cut else {
            return Share::Waiting;
        };
        let named = cut.inputs.iter().find(|one| one.input == input);
        named.map_or(Share::Nothing, |named| Share::Named(&named.range))
    }

    /// What is named of it.
    pub(crate) fn range(self) -> Option<&'a InputRange> {
        match self {
            Share::Named(range) => Some(range),
            Share::Waiting | Share::Nothing => None,
        }
    }
}

/// Has each input give its share of a batch. What has to be written before anything of the batch
/// runs; `None` if its cut is written.
///
/// An input that fails leaves the batch uncut: a later process begins with the same question.
pub(crate) fn cut_batch<E>(
    cut: Option<&Cut>,
    inputs: usize,
    mut give: impl FnMut(usize, Share<'_>) -> Result<Option<(InputRange, u64)>, E>,
) -> Result<Option<Vec<CutInput>>, E> {
    let mut named = Vec::new();
    for input in 0..inputs {
        let given = give(input, Share::of(cut, input))?;
        named.extend(given.map(|(range, records)| CutInput {
            input,
            range,
            records,
        }));
    }
    Ok(cut.is_none().then_some(named))
}

/// Drops the cuts that nothing remembers of batches up to the last one that was done: these cuts.
///
/// What each source gave last stays, however long ago, where later batches were cut without it: it
/// goes on from there. Next to cuts that are kept it stays with all that its batch had, since a
/// part of a cut must not pass for one of those.
pub(super) fn drop_cuts(
    cuts: &mut BTreeMap<Time, Cut>,
    (ended, remembered): (Time, Duration),
    batch: Duration,
) -> BTreeMap<Time, Cut> {
    let kept = cuts.split_off(&(ended - remembered + millis(1)));
    let mut dropped = std::mem::replace(cuts, kept);
    loop {
        let last = last_ranges(cuts, &dropped);
        let first = cuts.keys().next().copied();
        let first = first.map_or(ended, |first| first - batch);
        let next = last.first().filter(|(time, _)| *time >= first);
        match next.and_then(|(time, _)| dropped.remove_entry(time)) {
            Some((time, whole)) => drop(cuts.insert(time, whole)),
            None => {
                cuts.extend(last);
                return dropped;
            }
        }
    }
}

/// What each source gave last, in cuts that are dropped and where none that is kept has something
/// of it; the newest one first.
fn last_ranges(kept: &BTreeMap<Time, Cut>, dropped: &BTreeMap<Time, Cut>) -> Vec<(Time, Cut)> {
    let of_source = |one: &CutInput| matches!(one.range, InputRange::Source(_));
    let named = kept.values().flat_map(|cut| &cut.inputs);
    let named = named.filter(|one| of_source(one)).map(|one| one.input);
    let mut known: BTreeSet<usize> = named.collect();
    let mut last = Vec::new();
    for (time, cut) in dropped.iter().rev() {
        let inputs = cut.inputs.iter();
        let inputs = inputs.filter(|one| of_source(one) && known.insert(one.input));
        let inputs: Vec<_> = inputs.cloned().collect();
        let at = cut.at;
        last.extend((!inputs.is_empty()).then_some((*time, Cut { at, inputs })));
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(inputs: &[(usize, InputRange)]) -> Cut {
        let named = |(input, range): &(usize, InputRange)| CutInput {
            input: *input,
            range: range.clone(),
            records: 1,
        };
        Cut {
            at: 0,
            inputs: inputs.iter().map(named).collect(),
        }
    }

    fn source(byte: u8) -> InputRange {
        InputRange::Source(vec![byte])
    }

    #[test]
    fn a_batch_that_was_cut_gets_what_its_cut_names() {
        let cut = cut(&[(1, source(7))]);
        assert_eq!(Share::of(None, 1), Share::Waiting);
        assert_eq!(Share::of(Some(&cut), 1), Share::Named(&source(7)));
        assert_eq!(Share::of(Some(&cut), 0), Share::Nothing);
        let give = |input, share: Share<'_>| match (input, share) {
            (0, Share::Waiting) => Ok(None),
            (1, Share::Waiting) => Ok(Some((source(7), 1))),
            (2, Share::Waiting) => Err("down"),
            _ => Ok(share.range().cloned().map(|range| (range, 1))),
        };
        assert_eq!(cut_batch(None, 2, give), Ok(Some(cut.inputs.clone())));
        assert_eq!(cut_batch(None, 3, give), Err("down"));
        assert_eq!(cut_batch(Some(&cut), 3, give), Ok(None));
    }

    #[test]
    fn where_a_source_is_stays_known_though_it_gives_nothing_for_long() {
        let at = Time::from_millis;
        let blocks = || InputRange::Blocks { from: 0, to: 1 };
        let whole = BTreeMap::from([
            (
                at(1),
                cut(&[(0, source(1)), (1, source(1)), (2, source(1))]),
            ),
            (
                at(2),
                cut(&[(0, source(2)), (3, blocks()), (4, InputRange::Anew)]),
            ),
            (at(3), cut(&[])),
            (at(4), cut(&[(2, source(4))])),
        ]);
        let drop_from = |ended: i64, remembered| {
            let mut kept = whole.clone();
            let memory = (at(ended), millis(remembered));
            let dropped = drop_cuts(&mut kept, memory, millis(1));
            let left = kept.into_iter().map(|(time, cut)| (time.as_millis(), cut));
            let dropped = dropped.keys().map(|time| time.as_millis());
            (left.collect::<Vec<_>>(), dropped.collect::<Vec<_>>())
        };
        let last = (1, cut(&[(1, source(1))]));
        let cuts = [
            last.clone(),
            (2, cut(&[(0, source(2))])),
            (4, cut(&[(2, source(4))])),
        ];
        assert_eq!(drop_from(4, 1), (cuts.to_vec(), vec![1, 2, 3]));
        // Next to batches that are remembered it is with all that its batch had.
        let (left, dropped) = drop_from(4, 2);
        assert_eq!(dropped, Vec::<i64>::new());
        assert_eq!(left[0], (1, whole[&at(1)].clone()));
        assert_eq!(left[1], (2, whole[&at(2)].clone()));
        let (left, dropped) = drop_from(4, 0);
        assert_eq!((left[0].clone(), dropped), (last, vec![1, 2, 3]));
    }
}
