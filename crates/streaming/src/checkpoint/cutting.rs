//! What inputs give to a batch: decided once, by the cut, which every later process keeps to.
//! A function of the cut alone; it reads and writes nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::entry::{CutInput, InputRange};
use super::past::Cut;
use crate::time::Time;

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

/// What is kept of cuts that nothing remembers: what each source gave last, however long ago,
/// where later batches were cut without it. It goes on from there.
pub(super) fn last_ranges(
    kept: &BTreeMap<Time, Cut>,
    dropped: BTreeMap<Time, Cut>,
) -> Vec<(Time, Cut)> {
    let of_source = |one: &CutInput| matches!(one.range, InputRange::Source(_));
    let named = kept.values().flat_map(|cut| &cut.inputs);
    let named = named.filter(|one| of_source(one)).map(|one| one.input);
    let mut known: BTreeSet<usize> = named.collect();
    let mut last = Vec::new();
    for (time, mut cut) in dropped.into_iter().rev() {
        cut.inputs
            .retain(|one| of_source(one) && known.insert(one.input));
        last.extend((!cut.inputs.is_empty()).then_some((time, cut)));
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
        let blocks = InputRange::Blocks { from: 0, to: 1 };
        let dropped = BTreeMap::from([
            (
                at(1),
                cut(&[(0, source(1)), (1, source(1)), (2, source(1))]),
            ),
            (
                at(2),
                cut(&[(0, source(2)), (3, blocks), (4, InputRange::Anew)]),
            ),
            (at(3), cut(&[])),
        ]);
        let kept = BTreeMap::from([(at(4), cut(&[(2, source(4))]))]);
        let expected = [
            (at(2), cut(&[(0, source(2))])),
            (at(1), cut(&[(1, source(1))])),
        ];
        assert_eq!(last_ranges(&kept, dropped), expected);
    }
}
