//! In which order batches are committed: a decision over values, without locks and files.

use std::collections::BTreeMap;

use super::entry::{Again, Change, Entry};
use crate::time::Time;

/// What is known of batches whose ends are not written.
#[derive(Debug, Default)]
pub(super) struct Commits {
    /// What they have changed so far.
    changes: Vec<Change>,
    /// Those that are done, but not those before them; with the reason if they failed.
    done: BTreeMap<Time, Option<String>>,
    /// The states of which earlier batches are computed again, until an end says so.
    again: Vec<Again>,
}

impl Commits {
    /// The next end is the first one after earlier batches of states were computed again.
    pub(super) fn computes_again(&mut self, again: Vec<Again>) {
        self.again = again;
    }

    /// A batch has changed state.
    pub(super) fn changed(&mut self, change: Change) {
        self.changes.push(change);
    }

    /// A batch is done.
    pub(super) fn done(&mut self, time: Time, failure: Option<String>) {
        self.done.insert(time, failure);
    }

    /// The end that is written next: that of the first open batch, with the changes of state
    /// up to it. None as long as that batch is not done: those that overtook it wait.
    pub(super) fn next_end(&mut self, first_open: Option<Time>) -> Option<(Time, Entry)> {
        let time = first_open?;
        let failure = self.done.remove(&time)?;
        let (changes, later) = std::mem::take(&mut self.changes)
            .into_iter()
            .partition(|change| change.time <= time);
        self.changes = later;
        let again = std::mem::take(&mut self.again);
        let end = match again.is_empty() {
            true => Entry::Ended {
                time,
                changes,
                failure,
            },
            false => Entry::EndedAgain {
                time,
                changes,
                failure,
                again,
            },
        };
        Some((time, end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let mut commits = Commits::default();
        commits.changed(change(2));
        commits.changed(change(1));
        commits.done(at(2), None);
        assert_eq!(commits.next_end(Some(at(1))), None);
        commits.done(at(1), Some("the sink is down".to_owned()));
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
        assert_eq!(commits.next_end(Some(at(1))), first);
        assert_eq!(
            commits.next_end(Some(at(2))),
            end(at(2), vec![change(2)], None)
        );
        assert_eq!(commits.next_end(None), None);
    }
}
