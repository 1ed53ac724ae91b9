//! What inputs give to a batch: decided once, by the cut, which every later process keeps to.
//! A function of the cut alone; it reads and writes nothing.

use super::entry::{CutInput, InputRange};
use super::past::Cut;

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
