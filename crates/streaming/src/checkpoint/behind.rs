//! States that have not taken in all of their batches, since what they do has failed, and those
//! that go back for them: decisions over values, without files.

use std::collections::BTreeMap;
use std::time::Duration;

use super::reach::Reads;
use crate::time::Time;

/// How far a state of a program has come that is at its place.
pub(super) struct Reached<'a> {
    pub(super) place: usize,
    pub(super) reads: &'a Reads,
    /// The batch to which it should be brought back, and that to which it can be.
    pub(super) base: Time,
    pub(super) reached: Time,
}

impl Reached<'_> {
    fn behind(&self) -> Duration {
        let behind = self.base.since(self.reached);
        // The steps between have not come yet.
        match behind < self.reads.slide {
            true => Duration::ZERO,
            false => behind,
        }
    }
}

/// How much further back states have to begin than they would, by their places, so that those that
/// are behind and read them find what they have not taken in. The states come in the order of
/// the program, in which readers are after what they read.
pub(super) fn further_back<'a>(
    states: impl DoubleEndedIterator<Item = Reached<'a>>,
) -> BTreeMap<usize, Duration> {
    let mut further = BTreeMap::<usize, Duration>::new();
    for state in states.rev() {
        let asked = further.get(&state.place).copied().unwrap_or_default();
        let behind = state.behind().max(asked);
        for (read, _) in &state.reads.states {
            let known = further.entry(*read).or_default();
            *known = behind.max(*known);
        }
    }
    further.retain(|_, back| !back.is_zero());
    further
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::seconds;

    #[test]
    fn what_a_state_reads_goes_back_as_far_as_the_state_is_behind() {
        let reads = |slide, states: &[usize]| Reads {
            slide: seconds(slide),
            states: states.iter().map(|place| (*place, seconds(9))).collect(),
            ..Reads::default()
        };
        let program = [
            reads(1, &[]),
            reads(1, &[0]),
            reads(3, &[1]),
            reads(1, &[0]),
        ];
        let further = |reached: [i64; 4]| {
            let states = program.iter().enumerate().zip(reached);
            let states = states.map(|((place, reads), reached)| Reached {
                place,
                reads,
                base: Time::from_millis(20_000),
                reached: Time::from_millis(reached * 1000),
            });
            let further = further_back(states.collect::<Vec<_>>().into_iter()).into_iter();
            further
                .map(|(place, back)| (place, back.as_secs()))
                .collect::<Vec<_>>()
        };
        assert_eq!(further([20, 20, 18, 20]), []);
        assert_eq!(further([20, 20, 15, 20]), [(0, 5), (1, 5)]);
        assert_eq!(further([20, 20, 15, 13]), [(0, 7), (1, 5)]);
        assert_eq!(further([10, 19, 20, 20]), [(0, 1)]);
    }
}
