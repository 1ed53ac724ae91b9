//! In which order batches are committed: a decision over values, without locks and files.

use std::collections::BTreeMap;
use std::time::Duration;

use super::entry::{Again, Change, Entry};
use crate::batch::BatchEnd;
use crate::time::Time;

/// What is known of batches whose ends are not written.
#[derive(Debug)]
pub(super) struct Commits {
    /// What they have changed so far.
    changes: Vec<Change>,
    /// Those that are done, but not those before them; with the reason if they failed.
    done: BTreeMap<Time, BatchEnd>,
    /// The states of which earlier batches are computed again, until an end says so.
    again: Vec<Again>,
    /// The batch that was done last when the process began.
    begun: Time,
    /// The oldest batch of a change that the end has which is being written, and of one that the
    /// last end has.
    ending: Option<Time>,
    last_ended: Option<Time>,
}

impl Commits {
    /// Of a process that begins after a batch.
    pub(super) fn new(begun: Time) -> Self {
        Commits {
            changes: Vec::new(),
            done: BTreeMap::new(),
            again: Vec::new(),
            begun,
            ending: None,
            last_ended: None,
        }
    }

    /// Takes in of which states the process computes batches again that were done.
    pub(super) fn computes_again(&mut self, again: Vec<Again>) {
        self.again = again;
    }

    /// The states that are still on their way through the batches that are computed again.
    pub(super) fn computed_again(&self) -> &[Again] {
        &self.again
    }

    /// An end was written.
    pub(super) fn have_ended(&mut self, end: &Entry) {
        self.last_ended = self.ending.take();
        if let Entry::EndedWith { again, .. } = end {
            self.again.retain(|one| !again.contains(one));
        }
    }

    /// A batch has changed state.
    pub(super) fn changed(&mut self, change: Change) {
        self.changes.push(change);
    }

    /// A batch is done.
    pub(super) fn done(&mut self, time: Time, end: BatchEnd) {
        self.done.insert(time, end);
    }

    /// From which moment on changes are needed again if the process ends now, or the last batch is
    /// run again: states may be ahead of what is written.
    pub(super) fn needed_since(&self) -> Option<Time> {
        let waiting = self.changes.iter().map(|change| change.time);
        let unwritten = waiting.chain(self.ending).min();
        let unwritten = unwritten.map(|oldest| oldest - Duration::from_millis(1));
        unwritten.into_iter().chain(self.last_ended).min()
    }

    /// The end that is written next: that of the first open batch, with the changes of state
    /// up to it. None as long as that batch is not done: those that overtook it wait.
    ///
    /// What a state has computed again takes the place of what was written before, so it comes
    /// with the first end at which that is whole. `has_come_to` says whether a state has taken in
    /// a batch.
    pub(super) fn next_end(
        &mut self,
        first_open: Option<Time>,
        has_come_to: impl Fn(usize, Time) -> bool,
    ) -> Option<(Time, Entry)> {
        let time = first_open?;
        let BatchEnd {
            failure,
            is_unplanned,
        } = self.done.remove(&time)?;
        let begun = self.begun;
        let (again, on_their_way): (Vec<_>, Vec<_>) =
            (self.again.iter().copied()).partition(|again| has_come_to(again.state, begun));
        let is_held = |state| on_their_way.iter().any(|again| again.state == state);
        let (changes, later) = std::mem::take(&mut self.changes)
            .into_iter()
            .partition(|change: &Change| change.time <= time && !is_held(change.state));
        self.changes = later;
        self.ending = changes.iter().map(|change| change.time).min();
        let end = match again.is_empty() && !is_unplanned {
            true => Entry::Ended {
                time,
                changes,
                failure,
            },
            false => Entry::EndedWith {
                time,
                changes,
                failure,
                again,
                is_unplanned,
            },
        };
        Some((time, end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No state is behind.
    fn all(_: usize, _: Time) -> bool {
        true
    }

    fn change(second: i64) -> Change {
        Change {
            state: 0,
            partition: 0,
            time: Time::from_millis(second * 1000),
            bytes: vec![],
        }
    }

    #[test]
    fn a_batch_that_overtook_another_waits_and_keeps_its_changes() {
        let at = |second: i64| Time::from_millis(second * 1000);
        let mut commits = Commits::new(Time::ZERO);
        commits.changed(change(2));
        commits.changed(change(1));
        commits.done(at(2), BatchEnd::default());
        assert_eq!(commits.next_end(Some(at(1)), all), None);
        let failure = Some("the sink is down".to_owned());
        let is_unplanned = false;
        commits.done(
            at(1),
            BatchEnd {
                failure,
                is_unplanned,
            },
        );
        let end = |time, changes, failure: Option<&str>| {
            let failure = failure.map(str::to_owned);
            Some((
                time,
                Entry::Ended {
                    time,
                    changes,
                    failure,
                },
            ))
        };
        let first = end(at(1), vec![change(1)], Some("the sink is down"));
        assert_eq!(commits.next_end(Some(at(1)), all), first);
        assert_eq!(
            commits.next_end(Some(at(2)), all),
            end(at(2), vec![change(2)], None)
        );
        assert_eq!(commits.next_end(None, all), None);
    }

    #[test]
    fn changes_are_needed_until_their_end_is_written_and_those_of_the_last_one_longer() {
        let at = |second: i64| Time::from_millis(second * 1000);
        let before = |second| Some(at(second) - Duration::from_millis(1));
        let mut commits = Commits::new(Time::ZERO);
        assert_eq!(commits.needed_since(), None);
        commits.changed(change(2));
        commits.changed(change(1));
        commits.changed(change(3));
        assert_eq!(commits.needed_since(), before(1));
        commits.done(at(2), BatchEnd::default());
        let (_, end) = commits.next_end(Some(at(2)), all).unwrap();
        assert_eq!(commits.needed_since(), before(1));
        commits.have_ended(&end);
        assert_eq!(commits.needed_since(), Some(at(1)));
        commits.done(at(3), BatchEnd::default());
        let (_, end) = commits.next_end(Some(at(3)), all).unwrap();
        commits.have_ended(&end);
        assert_eq!(commits.needed_since(), Some(at(3)));
    }

    #[test]
    fn what_is_computed_again_comes_whole() {
        let at = |second: i64| Time::from_millis(second * 1000);
        let mut commits = Commits::new(at(3));
        let again = |state| Again {
            state,
            after: at(1),
        };
        let of = |state, second| Change {
            state,
            ..change(second)
        };
        commits.computes_again(vec![again(0), again(1)]);
        for (state, second) in [(0, 2), (1, 2), (0, 3), (0, 4), (2, 4)] {
            commits.changed(of(state, second));
        }
        let mut next = |second, come_to: [i64; 2]| {
            commits.done(at(second), BatchEnd::default());
            let has_come_to = |state: usize, batch| at(come_to[state]) >= batch;
            let (_, end) = commits.next_end(Some(at(second)), has_come_to).unwrap();
            commits.have_ended(&end);
            let changes = end.changes().iter();
            let changes: Vec<_> = changes
                .map(|change| (change.state, change.time.as_millis() / 1000))
                .collect();
            let again = match end {
                Entry::EndedWith { again, .. } => again,
                _ => Vec::new(),
            };
            commits.changed(of(1, second));
            (changes, again)
        };
        assert_eq!(
            next(4, [4, 2]),
            (vec![(0, 2), (0, 3), (0, 4), (2, 4)], vec![again(0)])
        );
        assert_eq!(next(5, [5, 2]), (vec![], vec![]));
        assert_eq!(
            next(6, [6, 3]),
            (vec![(1, 2), (1, 4), (1, 5)], vec![again(1)])
        );
        assert_eq!(next(7, [7, 7]), (vec![(1, 6)], vec![]));
    }
}
