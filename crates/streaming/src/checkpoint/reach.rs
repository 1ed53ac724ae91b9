//! Which steps of a state a restart can take again: decisions over values, without files.
//!
//! What is computed again is taken from the state first. So a step is computed again only where
//! all is there that it reads; up to the last one before, the state stays as it was kept.

use std::time::Duration;

use super::past::{Cut, Past};
use crate::time::{Time, millis};

/// What a state is computed from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Reads {
    /// From one step to the next.
    pub(crate) slide: Duration,
    /// How far before a step inputs are read, where they are.
    pub(crate) inputs: Option<Duration>,
    /// Which of the inputs that are read are receivers, by their places in the program.
    pub(crate) receivers: Vec<usize>,
    /// Which other states are read, by their places in the program, and how far before a step.
    pub(crate) states: Vec<(usize, Duration)>,
    /// Whether a queue is read.
    pub(crate) has_queue: bool,
}

/// From when on a restart has a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Since {
    /// The batch after which it began.
    pub(super) begun: Time,
    /// The batch up to which it is not shown this time, if that is a later one.
    pub(super) hidden: Option<Time>,
}

impl Since {
    pub(super) fn new(begun: Time) -> Self {
        let hidden = None;
        Since { begun, hidden }
    }
}

/// The last step that cannot be taken again, and why.
pub(super) type Untaken = (Time, &'static str);

impl Reads {
    /// The last step of a state that cannot be taken again; none if all can. `begun` is the batch
    /// after which the state began, `is_bereft` whether batches had something of an input which
    /// is dropped, and `others` are the states before this one in the program. The inputs go on
    /// from those of the past that `inputs_from` says.
    pub(super) fn untaken(
        &self,
        (past, inputs_from): (&Past, &[Option<usize>]),
        begun: Time,
        is_bereft: bool,
        others: &[Since],
    ) -> Option<Untaken> {
        let receivers = self.receivers.iter();
        let receivers = receivers.filter_map(|new| inputs_from.get(*new).copied().flatten());
        let receivers: Vec<usize> = receivers.collect();
        let last_of = |batch, depth| self.last_that_reads(past, batch, depth);
        let recorded = self.inputs.and_then(|depth| {
            let last = last_of(recorded_since(past, &receivers), depth)?;
            Some((last, "what its inputs gave before is not recorded any more"))
        });
        // How long that was read, through windows that are gone with it, is not known.
        let bereft = is_bereft.then(|| {
            let why = "what it took in before came from a dropped input, too";
            (past.ended, why)
        });
        let queue = self.has_queue.then(|| {
            let why = "what it took in before was in a queue, and is gone";
            (past.ended, why)
        });
        let read = self.states.iter();
        let read = read.filter_map(|(place, depth)| Some((others.get(*place)?, *depth)));
        let others = read.filter_map(|(other, depth)| {
            // Before a state that began later the program read something else.
            let new = (other.begun > begun).then_some(other.begun);
            let hidden = other.hidden.and_then(|batch| last_of(batch, depth));
            Some((
                new.max(hidden)?,
                "a state that it reads is not known before",
            ))
        });
        let all = recorded.into_iter().chain(bereft).chain(queue);
        let last = all.chain(others).max_by_key(|(step, _)| *step);
        last.map(|(step, why)| (step.min(past.ended), why))
            .filter(|(step, _)| *step > begun)
    }

    /// The last step that reads a batch or one before it, as far back as some are read. None if
    /// nothing was before time began.
    fn last_that_reads(&self, past: &Past, batch: Time, depth: Duration) -> Option<Time> {
        (batch > past.zero).then(|| (batch + depth).floor_from(self.slide, past.zero))
    }
}

/// The batch after which it is known, up to the last one that was done, what belonged to each. A
/// receiver whose records are written is named by every cut, whatever it had; one that is not
/// named may have had some.
fn recorded_since(past: &Past, receivers: &[usize]) -> Time {
    let step = millis(past.program.batch_ms.max(1));
    let is_recorded = |cut: &Cut| {
        let is_named = |input: &usize| cut.inputs.iter().any(|one| one.input == *input);
        receivers.iter().all(is_named)
    };
    let mut since = past.ended;
    while since > past.zero && past.cuts.get(&since).is_some_and(is_recorded) {
        since -= step;
    }
    since
}

#[cfg(test)]
mod tests {
    use super::super::program::Program;
    use super::*;
    use crate::time::seconds;

    fn at(second: i64) -> Time {
        Time::from_millis(second * 1000)
    }

    /// Nine batches are done, of which the last ones are recorded.
    fn past(recorded: std::ops::RangeInclusive<i64>) -> Past {
        let mut past = Past::new(Program::of_parts(&[], &[]), Time::ZERO);
        past.ended = at(9);
        let cut = |second| {
            let (at, inputs) = (second as u64, Vec::new());
            (self::at(second), Cut { at, inputs })
        };
        past.cuts = recorded.map(cut).collect();
        past
    }

    fn reads(slide: u64) -> Reads {
        Reads {
            slide: seconds(slide),
            ..Reads::default()
        }
    }

    fn step(untaken: Option<Untaken>) -> Option<i64> {
        untaken.map(|(step, _)| step.as_millis() / 1000)
    }

    #[test]
    fn a_step_is_taken_again_where_all_that_it_reads_of_inputs_is_recorded() {
        let untaken = |slide, depth, past: &Past| {
            let inputs = Some(seconds(depth));
            let reads = Reads {
                inputs,
                ..reads(slide)
            };
            step(reads.untaken((past, &[]), Time::ZERO, false, &[]))
        };
        let whole = past(1..=9);
        assert_eq!(untaken(1, 0, &whole), None);
        assert_eq!(untaken(1, 3, &whole), None);
        let mut some = past(6..=9);
        assert_eq!(untaken(1, 0, &some), Some(5));
        assert_eq!(untaken(1, 2, &some), Some(7));
        // That of 6 reads 5, too.
        assert_eq!(untaken(2, 1, &some), Some(6));
        assert_eq!(untaken(2, 2, &some), Some(6));
        // None of those that are done.
        assert_eq!(untaken(1, 7, &some), Some(9));
        // What is there of older batches is not all.
        some.cuts.extend(past(2..=4).cuts);
        assert_eq!(untaken(1, 0, &some), Some(5));
        assert_eq!(untaken(1, 0, &past(1..=8)), Some(9));
        assert_eq!(
            step(reads(1).untaken((&some, &[]), Time::ZERO, false, &[])),
            None
        );
        let of_inputs = Reads {
            inputs: Some(Duration::ZERO),
            ..reads(1)
        };
        assert_eq!(
            step(of_inputs.untaken((&some, &[]), at(5), false, &[])),
            None
        );
    }

    #[test]
    fn what_was_in_a_queue_or_of_a_dropped_input_stays_in_the_state() {
        let past = past(1..=9);
        let untaken = |reads: &Reads, is_bereft| {
            step(reads.untaken((&past, &[]), Time::ZERO, is_bereft, &[]))
        };
        assert_eq!(untaken(&reads(1), false), None);
        assert_eq!(untaken(&reads(1), true), Some(9));
        let of_queue = Reads {
            has_queue: true,
            ..reads(1)
        };
        assert_eq!(untaken(&of_queue, false), Some(9));
    }

    #[test]
    fn a_step_is_taken_again_where_the_states_that_it_reads_are_shown() {
        let past = past(1..=9);
        let reads = Reads {
            states: vec![(1, seconds(2))],
            ..reads(1)
        };
        let untaken = |begun, other_begun, hidden: Option<i64>| {
            let since = |begun, hidden| Since { begun, hidden };
            let others = [
                since(Time::ZERO, Some(at(8))),
                since(at(other_begun), hidden.map(at)),
            ];
            step(reads.untaken((&past, &[]), at(begun), false, &others))
        };
        assert_eq!(untaken(0, 0, None), None);
        assert_eq!(untaken(0, 0, Some(4)), Some(6));
        // It read something else up to then; and where both are new, it found nothing.
        assert_eq!(untaken(0, 5, None), Some(5));
        assert_eq!(untaken(5, 5, None), None);
        assert_eq!(untaken(0, 5, Some(7)), Some(9));
    }
}
