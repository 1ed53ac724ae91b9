//! What of the input of batches is still recorded where their entries are lost.

use std::collections::{BTreeMap, BTreeSet};

use super::super::entry::{CutInput, InputRange};
use super::super::matching::label;
use super::super::past::{Cut, Past};
use super::super::report::plural;
use super::{in_words, last_known};
use crate::time::{Time, millis};

/// Gives a cut to each batch after a known one that must have had one: it takes nothing else
/// when it runs again. Of several that follow each other the first has all their blocks. The
/// batches to which more may have belonged.
pub(super) fn fill_in(
    past: &mut Past,
    known: Time,
    is_unnumbered: bool,
    lines: &mut Vec<String>,
) -> Vec<Time> {
    let (batch_ms, step) = (past.program.batch_ms, millis(past.program.batch_ms.max(1)));
    let (mut filled, mut without_next) = (Vec::new(), Vec::new());
    for time in (known + step).to(last_known(past), step) {
        if past.cuts.contains_key(&time) {
            continue;
        }
        let Some(at) = past.cuts.range(time..).next().map(|(_, next)| next.at) else {
            without_next.push(time);
            continue;
        };
        let inputs = match is_unnumbered {
            true => Vec::new(),
            false => blocks_between(past, time),
        };
        past.cuts.insert(time, Cut { at, inputs });
        filled.push(time);
    }
    let has_inputs = !past.program.inputs.is_empty();
    if has_inputs && !filled.is_empty() {
        lines.push(format!(
            "what belonged to batch {}: blocks of receivers that were stored before the next one \
             are taken for the first of these, what sources gave is lost",
            in_words(&filled, batch_ms)
        ));
    }
    if has_inputs && !without_next.is_empty() {
        lines.push(format!(
            "what belonged to batch {}, though it is done: what receivers had stored for it is in \
             the next batch once more",
            in_words(&without_next, batch_ms)
        ));
    }
    let cuts = past.cuts.values();
    let mut inputs = cuts.flat_map(|cut| &cut.inputs);
    let has_sources = inputs.any(|cut| matches!(cut.range, InputRange::Source(_)));
    match is_unnumbered || has_sources {
        true => filled,
        false => Vec::new(),
    }
}

/// The blocks between those of the batches before and after a time.
fn blocks_between(past: &Past, time: Time) -> Vec<CutInput> {
    let before = |input: usize| {
        let cuts = past.cuts.range(..time).rev();
        let mut inputs = cuts.flat_map(|(_, cut)| &cut.inputs);
        inputs.find_map(|cut| match cut.range {
            InputRange::Blocks { to, .. } if cut.input == input => Some(to),
            _ => None,
        })
    };
    let next = past.cuts.range(time..).next();
    let inputs = next.into_iter().flat_map(|(_, cut)| &cut.inputs);
    let between = inputs.filter_map(|cut| {
        let InputRange::Blocks { from: to, .. } = cut.range else {
            return None;
        };
        let blocks = past.blocks.get(cut.input)?;
        let first = blocks.keys().next().copied().unwrap_or(to);
        let from = before(cut.input).unwrap_or(first).min(to);
        Some(CutInput {
            input: cut.input,
            range: InputRange::Blocks { from, to },
            records: blocks.range(from..to).map(|(_, block)| block.records).sum(),
        })
    });
    between.collect()
}

/// Tells of blocks that are lost. The batches up to the last done one, after which state could
/// have to begin, of which not everything is recorded.
pub(super) fn without_blocks(
    past: &Past,
    dropped: &[(usize, u64)],
    lines: &mut Vec<String>,
) -> BTreeSet<Time> {
    let mut lost: BTreeMap<(usize, Option<Time>), BTreeSet<u64>> = BTreeMap::new();
    let is_there = |input: usize, number: &u64| {
        let blocks = past.blocks.get(input);
        blocks.is_some_and(|blocks| blocks.contains_key(number))
    };
    for (time, cut) in &past.cuts {
        for CutInput { input, range, .. } in &cut.inputs {
            if let InputRange::Blocks { from, to } = *range {
                let missing = (from..to).filter(|number| !is_there(*input, number));
                let of_batch = lost.entry((*input, Some(*time))).or_default();
                of_batch.extend(missing);
            }
        }
    }
    for (input, received) in past.received.iter().enumerate() {
        let waiting = past.first_unallocated(input)..received.next_block;
        let missing = waiting.filter(|number| !is_there(input, number));
        lost.entry((input, None)).or_default().extend(missing);
    }
    let known: BTreeSet<_> = lost
        .iter()
        .flat_map(|((input, _), numbers)| numbers.iter().map(|number| (*input, *number)))
        .collect();
    for (input, number) in dropped.iter().filter(|block| !known.contains(block)) {
        lost.entry((*input, None)).or_default().insert(*number);
    }
    lost.retain(|_, numbers| !numbers.is_empty());
    for ((input, time), numbers) in &lost {
        let of = match time {
            Some(time) => format!("of batch {time}"),
            None => "that no batch has had".to_owned(),
        };
        lines.push(format!(
            "{} {of} from {}, of the numbers {} to {}",
            plural(numbers.len() as u64, "block", "blocks"),
            label(&past.program.inputs, *input),
            numbers.first().copied().unwrap_or_default(),
            numbers.last().copied().unwrap_or_default(),
        ));
    }
    lost.into_keys().filter_map(|(_, time)| time).collect()
}
