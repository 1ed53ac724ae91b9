//! Which files belong to which batch: a function of what is there, what was taken before, and
//! the batch time. It looks at no directory and at no clock.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::{Duration, UNIX_EPOCH};

use headwater_core::FoundFile;
use headwater_store::Location;
use serde::{Deserialize, Serialize};

use crate::time::Time;

/// Something that lies in a watched directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) location: Location,
    /// When it was last written.
    pub(super) modified: Time,
    /// The length of a file; `None` for a directory.
    pub(super) bytes: Option<u64>,
}

/// The files of a batch, in a form that can be stored, so that the batch can be computed
/// again from the same files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SelectedFiles {
    pub(super) time: Time,
    pub(super) files: Vec<SelectedFile>,
}

/// Something that was selected, which is not selected again for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SelectedFile {
    /// What was found: a file, or a directory.
    pub(super) path: String,
    /// What is read: the file itself, or the files that were in the directory.
    pub(super) reads: Vec<ReadFile>,
}

/// A file that is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ReadFile {
    pub(super) path: String,
    pub(super) bytes: u64,
    /// When it was last written, if that is known.
    #[serde(skip)]
    pub(super) modified: Option<Time>,
}

impl ReadFile {
    /// For those who read it again.
    pub(super) fn found(&self) -> FoundFile {
        let ms = self.modified.map(|modified| modified.as_millis());
        let since_epoch = ms.and_then(|ms| u64::try_from(ms).ok());
        FoundFile {
            path: self.path.clone(),
            bytes: self.bytes,
            modified: since_epoch.map(|ms| UNIX_EPOCH + Duration::from_millis(ms)),
        }
    }
}

impl SelectedFiles {
    /// The files that are read, in their order.
    pub(super) fn reads(&self) -> impl Iterator<Item = &ReadFile> {
        self.files.iter().flat_map(|file| &file.reads)
    }
}

/// Which files are too old to be looked at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    /// What was last written at or before this time is never read.
    pub(super) only_after: Time,
    /// What was last written at or before this time is not read either: an earlier process that
    /// looked less far back may have read it, and its selections are forgotten.
    pub(super) known_after: Option<Time>,
    /// How far back from the batch time files are looked for, and remembered.
    pub(super) window: Duration,
}

impl Rules {
    pub(super) fn new(only_after: Time, window: Duration) -> Self {
        Rules {
            only_after,
            known_after: None,
            window,
        }
    }

    /// A window of whole batches that is at least `at_least` long.
    pub(super) fn window(at_least: Duration, batch: Duration) -> Duration {
        let batches = at_least.as_nanos().div_ceil(batch.as_nanos().max(1));
        batch.saturating_mul(u32::try_from(batches).unwrap_or(u32::MAX))
    }

    /// What was last written at or before this time is too old for the batch of a time.
    pub(super) fn threshold(&self, time: Time) -> Time {
        self.only_after.max(self.known_after(time))
    }

    /// Whether what was last written after this time was selected is known when a batch is over.
    pub(super) fn known_after(&self, time: Time) -> Time {
        let remembered = time - self.window;
        self.known_after
            .map_or(remembered, |known_after| known_after.max(remembered))
    }

    /// What belongs to the batch of a time: what was last written in the window that ends
    /// with the batch, and was not selected by another batch of that window.
    ///
    /// So nothing is selected twice unless it was written again: once its selection is
    /// forgotten, the time at which it was written lies before the window.
    pub(super) fn select<'a>(
        &self,
        found: &'a [Found],
        before: &Selections,
        time: Time,
    ) -> Vec<&'a Found> {
        let threshold = self.threshold(time);
        let seen = before.paths(time - self.window, time);
        let is_new = |found: &&Found| {
            let is_of_window = threshold < found.modified && found.modified <= time;
            is_of_window && !seen.contains(found.location.to_string().as_str())
        };
        found.iter().filter(is_new).collect()
    }
}

/// What the last batches selected.
#[derive(Debug, Default)]
pub(super) struct Selections {
    batches: BTreeMap<Time, SelectedFiles>,
}

impl Selections {
    /// What the batch of a time selected, if it did and that is not forgotten.
    pub(super) fn get(&self, time: Time) -> Option<&SelectedFiles> {
        self.batches.get(&time)
    }

    /// Keeps what a batch selected, and forgets what has left the window of this batch.
    pub(super) fn keep(&mut self, selected: SelectedFiles, window: Duration) {
        self.batches = self.batches.split_off(&(selected.time - window));
        self.batches.insert(selected.time, selected);
    }

    /// The files that have grown since a batch selected them, as they were then. Only what was
    /// written after a time is looked at: what has grown was written since its selection.
    pub(super) fn grown<'a>(&'a self, found: &[Found], after: Time) -> Vec<&'a ReadFile> {
        let reads = self.batches.values().flat_map(SelectedFiles::reads);
        let selected: HashMap<_, _> = reads.map(|read| (read.path.as_str(), read)).collect();
        let grown = |found: &Found| {
            let bytes = found.bytes.filter(|_| found.modified > after)?;
            let read = selected.get(found.location.to_string().as_str())?;
            (read.bytes < bytes).then_some(*read)
        };
        found.iter().filter_map(grown).collect()
    }

    /// What was selected by the batches from one time to before another.
    fn paths(&self, from: Time, until: Time) -> HashSet<&str> {
        let batches = self.batches.range(from.min(until)..until);
        let files = batches.flat_map(|(_, selected)| &selected.files);
        files.map(|file| file.path.as_str()).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::time::{millis, seconds};

    fn at(ms: i64) -> Time {
        Time::from_millis(ms)
    }

    fn found(name: &str, modified_ms: i64) -> Found {
        Found {
            location: Location::at(name).unwrap(),
            modified: at(modified_ms),
            bytes: Some(1),
        }
    }

    fn rules(only_after_ms: i64, window: Duration) -> Rules {
        Rules::new(at(only_after_ms), window)
    }

    /// Selects for a batch and keeps that, as a stream does.
    fn step(rules: Rules, there: &[Found], seen: &mut Selections, time: Time) -> Vec<String> {
        let selected = rules.select(there, seen, time).into_iter();
        let paths: Vec<_> = selected.map(|found| found.location.to_string()).collect();
        let file = |path: &String| SelectedFile {
            path: path.clone(),
            reads: Vec::new(),
        };
        let files = paths.iter().map(file).collect();
        seen.keep(SelectedFiles { time, files }, rules.window);
        paths
    }

    #[test]
    fn the_window_is_whole_batches() {
        assert_eq!(Rules::window(seconds(60), seconds(1)), seconds(60));
        assert_eq!(Rules::window(seconds(60), seconds(7)), seconds(63));
        assert_eq!(Rules::window(seconds(60), seconds(90)), seconds(90));
        assert_eq!(Rules::window(millis(1), millis(250)), millis(250));
    }

    #[test]
    fn the_threshold_is_exclusive_and_the_batch_time_inclusive() {
        let rules = rules(0, seconds(3));
        let there = [
            found("a", 0),
            found("b", 1),
            found("c", 1000),
            found("d", 1001),
        ];
        let mut seen = Selections::default();
        assert_eq!(step(rules, &there, &mut seen, at(1000)), ["b", "c"]);
        assert_eq!(step(rules, &there, &mut seen, at(2000)), ["d"]);
        let none: [&str; 0] = [];
        assert_eq!(step(rules, &there, &mut seen, at(3000)), none);
        // As old as the window is long: too old, also for a stream that has seen nothing.
        let fresh = Selections::default();
        assert!(rules.select(&there[2..3], &fresh, at(4000)).is_empty());
        assert_eq!(rules.select(&there[2..3], &fresh, at(3999)).len(), 1);
    }

    #[test]
    fn what_is_written_again_is_read_again_after_the_window() {
        let rules = rules(0, seconds(2));
        let mut seen = Selections::default();
        let none: [&str; 0] = [];
        assert_eq!(step(rules, &[found("a", 500)], &mut seen, at(1000)), ["a"]);
        let again = [found("a", 1500)];
        assert_eq!(step(rules, &again, &mut seen, at(2000)), none);
        assert_eq!(step(rules, &again, &mut seen, at(3000)), none);
        let again = [found("a", 2500)];
        assert_eq!(step(rules, &again, &mut seen, at(4000)), ["a"]);
    }

    #[test]
    fn what_has_grown_is_found_among_what_was_written_lately() {
        let reads = |path: &str| ReadFile {
            path: path.to_owned(),
            bytes: 1,
            modified: None,
        };
        let names = ["same", "grown", "old"];
        let files = names.map(|name| SelectedFile {
            path: name.to_owned(),
            reads: vec![reads(name)],
        });
        let mut seen = Selections::default();
        let (time, files) = (at(1000), files.into());
        seen.keep(SelectedFiles { time, files }, seconds(2));
        let with_bytes = |name, modified_ms, bytes| Found {
            bytes: Some(bytes),
            ..found(name, modified_ms)
        };
        let there = [
            with_bytes("same", 900, 1),
            with_bytes("grown", 1500, 2),
            with_bytes("old", 500, 2),
            with_bytes("new", 1500, 2),
        ];
        assert_eq!(seen.grown(&there, at(500)), [&reads("grown")]);
    }

    #[test]
    fn old_selections_are_forgotten() {
        let rules = rules(0, seconds(2));
        let mut seen = Selections::default();
        for second in 1..100 {
            step(rules, &[], &mut seen, at(second * 1000));
        }
        assert_eq!(seen.batches.len(), 3);
        assert!(seen.get(at(96_000)).is_none() && seen.get(at(97_000)).is_some());
    }

    #[test]
    fn a_selection_can_be_stored() {
        let reads = vec![ReadFile {
            path: "sub/x".to_owned(),
            bytes: 3,
            modified: None,
        }];
        let path = "sub".to_owned();
        let selected = SelectedFiles {
            time: at(1000),
            files: vec![SelectedFile { path, reads }],
        };
        let bytes = postcard::to_allocvec(&selected).unwrap();
        assert_eq!(postcard::from_bytes::<SelectedFiles>(&bytes), Ok(selected));
    }

    proptest! {
        /// Files that stay as they were written are read once: in the first batch that is not
        /// before the time they were written and sees them, if their time is in its window.
        #[test]
        fn each_file_is_selected_once(
            files in prop::collection::vec((0_i64..12_000, 1_i64..13), 0..30),
            only_after in 0_i64..6000,
            window in 1_u64..8,
        ) {
            let rules = rules(only_after, seconds(window));
            let names: Vec<_> = (0..files.len()).map(|number| format!("f{number}")).collect();
            let mut seen = Selections::default();
            let mut selected = BTreeMap::new();
            for batch in 1..=12 {
                let is_there = |(_, (_, appears)): &(_, &(i64, i64))| *appears <= batch;
                let there = names.iter().zip(&files).filter(is_there);
                let there: Vec<_> = there.map(|(name, (modified, _))| found(name, *modified)).collect();
                let time = at(batch * 1000);
                for path in step(rules, &there, &mut seen, time) {
                    prop_assert_eq!(selected.insert(path, batch), None);
                }
            }
            for (name, (modified, appears)) in names.iter().zip(&files) {
                let written_in = (modified + 999) / 1000;
                let batch = written_in.max(*appears).max(1);
                let is_new = *modified > only_after.max(batch * 1000 - (window * 1000) as i64);
                let expected = (is_new && batch <= 12).then_some(&batch);
                prop_assert_eq!(selected.get(name), expected, "{} {}", modified, appears);
            }
        }

        /// The same question has the same answer, whatever was selected since.
        #[test]
        fn later_selections_do_not_matter(
            times in prop::collection::vec(0_i64..10_000, 0..30),
            batch in 1_i64..10,
        ) {
            let rules = rules(0, seconds(20));
            let there: Vec<_> =
                (0..).zip(&times).map(|(n, time)| found(&format!("f{n}"), *time)).collect();
            let mut seen = Selections::default();
            let mut first = Vec::new();
            for number in 1..10 {
                let selected = step(rules, &there, &mut seen, at(number * 1000));
                if number == batch {
                    first = selected;
                }
            }
            let again = rules.select(&there, &seen, at(batch * 1000)).into_iter();
            let again: Vec<_> = again.map(|found| found.location.to_string()).collect();
            prop_assert_eq!(again, first);
        }
    }
}
