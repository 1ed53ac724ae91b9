//! State that is written whole: a file for each partition, one after the other, each in
//! moments in which no batch runs.

use std::collections::HashMap;
use std::io::Write as _;
use std::sync::Arc;

use headwater_journal::Sequence;
use headwater_store::{Durability, Location, StoreError};

use super::manifest::{Snapshot, files_in, seal_of};
use super::pace::Pace;
use crate::state::{AnyStore, Marks};
use crate::time::Time;

/// Who had to give way lets at most so many moments go by before it tries again.
const MOMENTS_MAX: u64 = 64;
/// How much is written to a file before a batch may come in between.
const SLICE_BYTES: usize = 256 * 1024;

/// Writes snapshots, and knows which of them still hold.
#[derive(Default)]
pub(super) struct Snapshots {
    /// The last one that this process wrote of each partition of each state.
    last: HashMap<(usize, usize), (Snapshot, u64)>,
    /// How many were written, and how many bytes.
    wrote: (u64, u64),
}

impl Snapshots {
    /// How long the last ones are together, in bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.last.values().map(|(_, bytes)| bytes).sum()
    }

    /// How many were written since this was asked last, and how long they are.
    pub(super) fn take_wrote(&mut self) -> (u64, u64) {
        std::mem::take(&mut self.wrote)
    }

    /// Takes in that files are deleted: their partitions are written again.
    pub(super) fn forget(&mut self, files: &[String]) {
        self.last
            .retain(|_, (snapshot, _)| !files.contains(&snapshot.file));
    }

    /// A snapshot of each partition of a state that has changed since it had one; those that
    /// have not are as they were, and get the time that they have come to. `None` when the
    /// stream is over before all of them are written. The names of files tell who wrote them.
    pub(super) fn write(
        &mut self,
        dir: &Location,
        pace: &Pace,
        (state, by): (usize, Sequence),
        store: &Arc<dyn AnyStore>,
    ) -> Result<Option<Vec<Snapshot>>, String> {
        let mut written = Vec::new();
        for partition in 0..store.partitions() {
            let Some(marks) = store.marks(partition) else {
                continue;
            };
            let last = self.last.get_mut(&(state, partition));
            if let Some((last, _)) = last.filter(|(last, _)| is_unchanged(last, marks)) {
                last.time = marks.at;
                written.push(last.clone());
                continue;
            }
            let Some((time, bytes)) = read_one(pace, &**store, partition)? else {
                return Ok(None);
            };
            let snapshot = Snapshot::of((state, partition), store.partitions(), time, by);
            let put = put(&dir.join(&snapshot.file), pace, &bytes);
            if !put.map_err(|error| error.to_string())? {
                return Ok(None);
            }
            let bytes = bytes.len() as u64;
            self.wrote = (self.wrote.0 + 1, self.wrote.1 + bytes);
            self.last
                .insert((state, partition), (snapshot.clone(), bytes));
            written.push(snapshot);
        }
        Ok(Some(written))
    }
}

/// The names of all snapshots in a directory.
pub(super) fn list(dir: &Location) -> Result<Vec<String>, StoreError> {
    let files = files_in(dir)?.into_iter();
    let names = files.map(|file| file.name().into_owned());
    let is_ours = |name: &String| {
        let mut numbers = name.split('-');
        numbers
            .by_ref()
            .take(4)
            .all(|number| number.parse::<u64>().is_ok())
            && numbers.next().is_none()
    };
    Ok(names.filter(is_ours).collect())
}

fn is_unchanged(last: &Snapshot, marks: Marks) -> bool {
    marks.changed <= last.time && last.time <= marks.at
}

/// The bytes of a partition, and the batch whose version they are; `None` when the stream is
/// over before.
fn read_one(
    pace: &Pace,
    store: &dyn AnyStore,
    partition: usize,
) -> Result<Option<(Time, Vec<u8>)>, String> {
    let mut moments = 0;
    while pace.wait_for(moments) {
        match store.snapshot_unless(partition, &|| pace.gives_way())? {
            Some((Some(time), bytes)) => return Ok(Some((time, bytes))),
            Some((None, _)) => return Err("a state without a batch has changed".to_owned()),
            // A batch came in between, and changes what was written so far.
            None => moments = (2 * moments).clamp(1, MOMENTS_MAX),
        }
    }
    Ok(None)
}

/// Writes a file, in slices between batches; `false` when the stream is over before that.
fn put(at: &Location, pace: &Pace, bytes: &[u8]) -> Result<bool, StoreError> {
    let failed = |error| at.failed("write", error);
    let mut writer = at.create(Durability::Synced)?;
    writer.write_all(&seal_of(bytes)).map_err(failed)?;
    for slice in bytes.chunks(SLICE_BYTES) {
        if !pace.wait() {
            return Ok(false);
        }
        writer.write_all(slice).map_err(failed)?;
        // The cut of a batch waits for no more than a slice to reach the disk.
        writer.sync()?;
    }
    if !pace.wait() {
        return Ok(false);
    }
    writer.finish()?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::super::manifest::read_sealed;
    use super::*;
    use crate::state::{StateTable, Store, TableChange};
    use crate::time::Time;

    type Table = StateTable<u32, u32>;

    /// What sets the states of some keys, as it is logged.
    fn set(added: &[(u32, u32)]) -> Vec<u8> {
        let change: TableChange<u32, u32> = TableChange::Some {
            stamp: Time::ZERO,
            put: vec![],
            stamped: vec![],
            removed: vec![],
            added: added.to_vec(),
        };
        postcard::to_stdvec(&change).unwrap()
    }

    fn second(number: i64) -> Time {
        Time::from_millis(number * 1000)
    }

    #[test]
    fn what_has_not_changed_keeps_its_file_and_comes_to_the_time_of_the_rest() {
        let dir = tempfile::tempdir().unwrap();
        let dir = Location::at(dir.path()).unwrap();
        let store: Arc<dyn AnyStore> = Store::new(2, &Table::new(false));
        let (mut snapshots, pace) = (Snapshots::default(), Pace::default());
        assert_eq!(
            snapshots.write(&dir, &pace, (0, Sequence(7)), &store),
            Ok(Some(vec![]))
        );
        store.replay(0, second(1), &set(&[(1, 10)])).unwrap();
        store.replay(1, second(1), &set(&[(2, 20)])).unwrap();
        let first = snapshots
            .write(&dir, &pace, (0, Sequence(7)), &store)
            .unwrap()
            .unwrap();
        store.replay(0, second(2), &set(&[])).unwrap();
        store.replay(1, second(2), &set(&[(3, 30)])).unwrap();
        let second_time = snapshots
            .write(&dir, &pace, (0, Sequence(7)), &store)
            .unwrap()
            .unwrap();
        let times: Vec<_> = second_time.iter().map(|one| one.time).collect();
        assert_eq!(times, [second(2), second(2)]);
        assert_eq!(second_time[0].file, first[0].file);
        assert_ne!(second_time[1].file, first[1].file);
        assert_eq!(list(&dir).unwrap().len(), 3);
        let again = Store::new(2, &Table::new(false));
        for one in &second_time {
            let bytes = read_sealed(&dir.join(&one.file)).unwrap();
            again.restore(one.partition, one.time, &bytes).unwrap();
            let (old, new) = (store.snapshot(one.partition), again.snapshot(one.partition));
            assert_eq!(old, new);
        }
        again.check_restored(second(2)).unwrap();
    }

    #[test]
    fn nothing_is_written_for_a_stream_that_is_over() {
        let dir = tempfile::tempdir().unwrap();
        let dir = Location::at(dir.path()).unwrap();
        let store: Arc<dyn AnyStore> = Store::new(1, &Table::new(false));
        store.replay(0, second(1), &set(&[(1, 10)])).unwrap();
        let pace = Pace::default();
        pace.end();
        let written = Snapshots::default().write(&dir, &pace, (0, Sequence(7)), &store);
        assert_eq!((written, list(&dir).unwrap().len()), (Ok(None), 0));
    }
}
