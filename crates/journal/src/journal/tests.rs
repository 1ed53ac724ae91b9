//! A disk that fails, in each way and at each step.

#![cfg(test)]

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use headwater_store::{Location, StoreError};
use parking_lot::Mutex;

use super::Journal;
use crate::error::JournalError;
use crate::medium::{Disk, DiskFile, System};
use crate::options::Options;
use crate::sequence::Sequence;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    /// Half of the bytes are written, and then there is no space.
    Full,
    Sync,
    Create,
    SyncDirectory,
    Panic,
}

/// The real file system, in which one operation of a kind fails.
#[derive(Clone)]
struct Faulty {
    fault: Fault,
    /// How many operations of the kind succeed before.
    left: Arc<AtomicUsize>,
    syncs: Arc<AtomicUsize>,
}

struct FaultyFile(Box<dyn DiskFile>, Faulty);

impl Faulty {
    fn new(fault: Fault, left: usize) -> Self {
        Faulty {
            fault,
            left: Arc::new(AtomicUsize::new(left)),
            syncs: Arc::default(),
        }
    }

    fn fails(&self, fault: Fault) -> bool {
        let less = |left: usize| left.checked_sub(1);
        let ordering = Ordering::SeqCst;
        fault == self.fault && self.left.fetch_update(ordering, ordering, less).is_err()
    }
}

impl Disk for Faulty {
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        if self.fails(Fault::Create) {
            return Err(ErrorKind::PermissionDenied.into());
        }
        Ok(Box::new(FaultyFile(System.create(path)?, self.clone())))
    }

    fn sync_file(&self, path: &Path) -> io::Result<()> {
        System.sync_file(path)
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        match self.fails(Fault::SyncDirectory) {
            true => Err(io::Error::other("the directory cannot be synced")),
            false => System.sync_directory(path),
        }
    }
}

impl Write for FaultyFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        assert!(!self.1.fails(Fault::Panic), "a bug in the file system");
        if self.1.fails(Fault::Full) {
            self.0.write_all(&bytes[..bytes.len() / 2])?;
            return Err(ErrorKind::StorageFull.into());
        }
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl DiskFile for FaultyFile {
    fn sync(&mut self) -> io::Result<()> {
        self.1.syncs.fetch_add(1, Ordering::SeqCst);
        match self.1.fails(Fault::Sync) {
            true => Err(io::Error::other("the disk is gone")),
            false => self.0.sync(),
        }
    }

    fn cut(&mut self, bytes: u64) -> io::Result<()> {
        self.0.cut(bytes)
    }
}

fn records(place: &Location) -> Vec<(Sequence, Vec<u8>)> {
    let (_journal, recovered) = Journal::open(place, Options::default()).unwrap();
    assert!(recovered.damaged().is_empty());
    let records = recovered.records_from(Sequence(0));
    records.collect::<Result<_, _>>().unwrap()
}

/// Appends and commits until something fails; says what was acknowledged, and how it failed.
fn fill(place: &Location, disk: Faulty) -> (Journal, u64, JournalError) {
    let options = Options::default().segment_bytes(400);
    let (journal, _) = Journal::open_on(place, options, Box::new(disk)).unwrap();
    let mut acknowledged = 0;
    loop {
        let number = journal.append(&[acknowledged as u8; 50]).unwrap();
        assert_eq!(number, Sequence(acknowledged));
        match journal.sync_to(number) {
            Ok(()) => acknowledged += 1,
            Err(error) => return (journal, acknowledged, error),
        }
    }
}

fn assert_poisoned(journal: &Journal, first: &JournalError) {
    assert_eq!(&journal.append(b"x").unwrap_err(), first);
    assert_eq!(&journal.sync_to(Sequence(0)).unwrap_err(), first);
    assert_eq!(&journal.commit().unwrap_err(), first);
    assert_eq!(&journal.read(Sequence(0)).unwrap_err(), first);
    assert_eq!(&journal.forget_before(Sequence(1)).unwrap_err(), first);
}

#[test]
fn after_a_failure_nothing_is_taken_and_nothing_acknowledged_is_lost() {
    for fault in [
        Fault::Full,
        Fault::Sync,
        Fault::Create,
        Fault::SyncDirectory,
    ] {
        for left in 0..12 {
            let dir = tempfile::tempdir().unwrap();
            let place = Location::at(dir.path()).unwrap();
            let left = if fault == Fault::SyncDirectory {
                left + 1
            } else {
                left
            };
            let disk = Faulty::new(fault, left);
            let syncs = disk.syncs.clone();
            let (journal, acknowledged, error) = fill(&place, disk);
            assert!(
                matches!(error, JournalError::Poisoned { .. }),
                "{fault:?}: {error}"
            );
            let synced = syncs.load(Ordering::SeqCst);
            assert_poisoned(&journal, &error);
            assert_eq!(
                syncs.load(Ordering::SeqCst),
                synced,
                "a sync was tried again"
            );
            drop(journal);
            let found = records(&place);
            assert_eq!(found.len() as u64, acknowledged, "{fault:?} after {left}");
            for (at, (number, record)) in (0_u64..).zip(found) {
                assert_eq!((number, record), (Sequence(at), vec![at as u8; 50]));
            }
        }
    }
}

#[test]
fn the_first_cause_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let place = Location::at(dir.path()).unwrap();
    let (_, _, error) = fill(&place, Faulty::new(Fault::Full, 5));
    let JournalError::Poisoned { cause, .. } = error else {
        panic!("{error}");
    };
    assert!(
        matches!(*cause, JournalError::Store(StoreError::NoSpace { .. })),
        "{cause}"
    );
}

#[test]
fn a_panic_while_writing_lets_nobody_wait_forever() {
    let dir = tempfile::tempdir().unwrap();
    let place = Location::at(dir.path()).unwrap();
    let disk = Faulty::new(Fault::Panic, 0);
    let options = Options::default();
    let (journal, _) = Journal::open_on(&place, options, Box::new(disk)).unwrap();
    journal.append(b"x").unwrap();
    let outcomes = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..4).map(|_| scope.spawn(|| journal.commit())).collect();
        let join = |worker: std::thread::ScopedJoinHandle<'_, _>| worker.join();
        workers.into_iter().map(join).collect::<Vec<_>>()
    });
    let panics = outcomes.iter().filter(|outcome| outcome.is_err()).count();
    assert_eq!(panics, 1);
    assert!(
        outcomes
            .into_iter()
            .flatten()
            .all(|outcome| outcome.is_err())
    );
}

/// The system's own device that is always full.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_poisons() {
    let dir = tempfile::tempdir().unwrap();
    let place = Location::at(dir.path()).unwrap();
    let (journal, _) = Journal::open(&place, Options::default()).unwrap();
    let segment = dir.path().join(crate::format::segment_name(Sequence(0)));
    std::os::unix::fs::symlink("/dev/full", segment).unwrap();
    journal.append(b"x").unwrap();
    let error = journal.commit().unwrap_err();
    let JournalError::Poisoned { cause, .. } = &error else {
        panic!("{error}");
    };
    assert!(
        matches!(**cause, JournalError::Store(StoreError::NoSpace { .. })),
        "{cause}"
    );
    assert_poisoned(&journal, &error);
}

#[test]
fn segments_that_cannot_be_removed_are_kept_and_told() {
    let dir = tempfile::tempdir().unwrap();
    let place = Location::at(dir.path()).unwrap();
    let options = Options::default().segment_bytes(1);
    let (journal, _) = Journal::open(&place, options).unwrap();
    for record in 0..3_u8 {
        journal.append(&[record]).unwrap();
        journal.commit().unwrap();
    }
    // A directory with something in it in place of the second segment cannot be removed.
    let second = dir.path().join(crate::format::segment_name(Sequence(1)));
    fs::remove_file(&second).unwrap();
    fs::create_dir(&second).unwrap();
    File::create(second.join("inside")).unwrap();
    let error = journal.forget_before(Sequence(2)).unwrap_err();
    assert!(matches!(error, JournalError::Store(_)), "{error}");
    assert_eq!(journal.first(), Sequence(1));
    fs::remove_dir_all(&second).unwrap();
    journal.forget_before(Sequence(2)).unwrap();
    assert_eq!(journal.first(), Sequence(2));
    assert_eq!(journal.read(Sequence(2)).unwrap(), [2]);
}

/// A disk on which each sync says that it began and waits until it may end.
#[derive(Clone)]
struct Gated {
    began: SyncSender<()>,
    may_end: Arc<Mutex<Receiver<()>>>,
}

struct GatedFile(Box<dyn DiskFile>, Gated);

impl Disk for Gated {
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(GatedFile(System.create(path)?, self.clone())))
    }

    fn sync_file(&self, path: &Path) -> io::Result<()> {
        System.sync_file(path)
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        System.sync_directory(path)
    }
}

impl Write for GatedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl DiskFile for GatedFile {
    fn sync(&mut self) -> io::Result<()> {
        self.1.began.send(()).map_err(io::Error::other)?;
        self.1.may_end.lock().recv().map_err(io::Error::other)?;
        self.0.sync()
    }

    fn cut(&mut self, bytes: u64) -> io::Result<()> {
        self.0.cut(bytes)
    }
}

#[test]
fn who_comes_during_a_sync_shares_the_next_one() {
    let dir = tempfile::tempdir().unwrap();
    let place = Location::at(dir.path()).unwrap();
    let (began, begins) = sync_channel(8);
    let (end, may_end) = sync_channel(8);
    let may_end = Arc::new(Mutex::new(may_end));
    let disk = Box::new(Gated { began, may_end });
    let (journal, _) = Journal::open_on(&place, Options::default(), disk).unwrap();
    let first = journal.append(b"first").unwrap();
    std::thread::scope(|scope| {
        let leader = scope.spawn(|| journal.sync_to(first));
        begins.recv().unwrap();
        // The new segment's header.
        end.send(()).unwrap();
        begins.recv().unwrap();
        let append = |record: u8| journal.append(&[record]).unwrap();
        let numbers: Vec<Sequence> = (0..5).map(append).collect();
        assert_eq!(journal.read(first).unwrap(), b"first");
        assert_eq!(journal.read(numbers[4]).unwrap(), [4]);
        let sync = |number| {
            scope.spawn({
                let journal = &journal;
                move || journal.sync_to(number)
            })
        };
        let followers: Vec<_> = numbers.into_iter().map(sync).collect();
        end.send(()).unwrap();
        leader.join().unwrap().unwrap();
        begins.recv().unwrap();
        end.send(()).unwrap();
        for follower in followers {
            follower.join().unwrap().unwrap();
        }
    });
    assert!(begins.try_recv().is_err(), "there was another sync");
    drop(journal);
    assert_eq!(records(&place).len(), 6);
}
