//! How a local directory takes the place of another one.
//!
//! Each save that replaces has directories of its own beside the target: `.NAME.new-` and
//! digits for what it writes, `.NAME.old-` and digits for what it moves out of the way. So
//! saves of several jobs or processes at the same time do not mix: each publishes its files as
//! a whole, and the last one stays.
//!
//! A save holds a lock on its directories, which goes with the process, however that ends. So
//! who finds one without a lock knows that nobody will come back for it.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use headwater_store::{Durability, Location, StoreError};

use super::output::TEMPORARY;

/// Where directories cannot be locked, what lies untouched for so long was left by a process that
/// did not come to remove it.
const LEFT_OVER: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// How often others may put something at the target while this save tries to.
const ROUNDS_MAX: usize = 1000;

/// How many digits the names of directories beside a target end with.
const DIGITS: usize = 16;

/// What is held on a directory, if anything is.
#[derive(Default)]
pub(super) struct Lock {
    _file: Option<File>,
}

/// Who has a directory.
enum Owner {
    /// Nobody had it. It is ours as long as the lock is held.
    Us(Lock),
    /// Others have it, or have just moved or removed it.
    Others,
    /// It cannot be locked here.
    Unknown,
}

fn lock(directory: &Path) -> Owner {
    let file = match File::open(directory) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Owner::Others,
        Err(_) => return Owner::Unknown,
    };
    match file.try_lock() {
        // It may have got another place before it was locked; from now on it has not.
        Ok(()) if is_at(&file, directory) => Owner::Us(Lock { _file: Some(file) }),
        Ok(()) | Err(TryLockError::WouldBlock) => Owner::Others,
        Err(TryLockError::Error(_)) => Owner::Unknown,
    }
}

/// Whether an open directory is what is at a path now.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let id = |of: io::Result<fs::Metadata>| of.map(|of| (of.dev(), of.ino())).ok();
    let (open, there) = (id(file.metadata()), id(path.metadata()));
    open.is_some() && open == there
}

/// Elsewhere directories are not opened, so that this is not asked.
#[cfg(not(unix))]
fn is_at(_file: &File, _path: &Path) -> bool {
    false
}

fn beside(target: &Location, kind: &str, number: u64) -> Location {
    target.with_name(&format!(".{}.{kind}-{number:0DIGITS$x}", target.name()))
}

/// Makes a directory beside the target that no other save has, in place of one that was left
/// there: the first that is free, so that what a killed process left is come upon without a look
/// at what else lies there.
pub(super) fn claim_beside(target: &Location) -> Result<(Location, Lock), StoreError> {
    let mut number = 0;
    loop {
        let work = beside(target, "new", number);
        let Some(path) = work.as_path() else {
            return Ok((work, Lock::default()));
        };
        let mut claimed = claim(path);
        if let Ok(None) = claimed {
            remove_if_left(path);
            claimed = claim(path);
        }
        match claimed {
            Ok(Some(lock)) => return Ok((work, lock)),
            Ok(None) => number += 1,
            Err(error) => return Err(work.failed("create", error)),
        }
    }
}

/// Makes a directory with a place for unfinished parts; none if another one has it.
fn claim(path: &Path) -> io::Result<Option<Lock>> {
    match fs::create_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(None),
        made => made?,
    }
    let held = match lock(path) {
        Owner::Us(held) => held,
        Owner::Others => return Ok(None),
        Owner::Unknown => Lock::default(),
    };
    match fs::create_dir(path.join(TEMPORARY)) {
        // Before it was locked, another one took it for left behind.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        made => made.map(|()| Some(held)),
    }
}

/// Puts `work` where `target` is, which goes when it is as durable as is asked for that the new one
/// has its name.
pub(super) fn take_place(
    work: &Location,
    target: &Location,
    durability: Durability,
) -> Result<(), StoreError> {
    let mut round = 0;
    loop {
        round += 1;
        let old = beside(target, "old", fastrand::u64(..));
        // It is ours to put back, should nothing come to its place.
        let _held = target.as_path().map(lock);
        let moved = match target.rename_to(&old, Durability::Cached) {
            Ok(()) => true,
            // The first save, or one whose other has just moved it away.
            Err(StoreError::NotFound { .. }) => false,
            Err(error) => return Err(error),
        };
        let placed = work.rename_to(target, durability);
        // A directory with files in it is never replaced by a rename: another save has put its
        // result there meanwhile. This one ends later, so it is the one to stay.
        let again = placed.is_err() && round < ROUNDS_MAX && work.exists()? && target.exists()?;
        if moved && (placed.is_ok() || again) {
            remove(&old);
        } else if moved && let Err(error) = old.rename_to(target, Durability::Cached) {
            tracing::warn!(%error, "what was to be replaced stays in {old}");
        }
        if !again {
            return placed;
        }
    }
}

/// Removes what killed saves of this target left beside it, if there is one: then others than the
/// first ones may have left something, and with another number than [`claim_beside`] comes upon.
pub(super) fn remove_leftovers(target: &Location) {
    if let Some(path) = target.as_path()
        && let Some(parent) = path.parent()
        && path.is_dir()
    {
        let name = target.name();
        remove_unfinished_saves(parent, |result| result == name);
    }
}

/// Removes what saves with [`SaveOptions::replace`](crate::SaveOptions::replace) left in a local
/// directory when their processes were killed: unfinished results and replaced ones, of results
/// with the names that are asked for. Nothing of a living process is touched, and no result that
/// is only there under the name for replaced ones. What cannot be listed or removed is left, with
/// a warning.
///
/// A save removes what was left of its own path. This is for who gives each result another name.
///
/// ```
/// # let dir = tempfile::tempdir().unwrap();
/// use headwater_core::remove_unfinished_saves;
/// let left = dir.path().join(".hour-7.new-00000000000000aa");
/// std::fs::create_dir(&left).unwrap();
/// remove_unfinished_saves(dir.path(), |name| name.starts_with("hour-"));
/// assert!(!left.exists());
/// ```
pub fn remove_unfinished_saves(directory: impl AsRef<Path>, is_result: impl Fn(&str) -> bool) {
    let directory = match directory.as_ref() {
        here if here.as_os_str().is_empty() => Path::new("."),
        directory => directory,
    };
    // Cleaning up is a courtesy: what cannot be listed fails when it is needed.
    let entries = directory.read_dir().into_iter().flatten().flatten();
    for entry in entries {
        let name = entry.file_name();
        let Some((result, kind)) = name.to_str().and_then(result_of) else {
            continue;
        };
        // A save that was ended between its two renames left the only copy under an old name.
        let may_go = || kind == "new" || directory.join(result).exists();
        if is_result(result) && may_go() {
            remove_if_left(&entry.path());
        }
    }
}

/// The result that a directory was made beside, and whether it is a new or an old one.
fn result_of(name: &str) -> Option<(&str, &str)> {
    let (before, digits) = name.strip_prefix('.')?.rsplit_once('-')?;
    let (result, kind) = before.rsplit_once('.')?;
    let is_number = digits.len() == DIGITS && digits.bytes().all(|b| b.is_ascii_hexdigit());
    (is_number && matches!(kind, "new" | "old")).then_some((result, kind))
}

/// Removes a directory if nobody will come back for it.
fn remove_if_left(path: &Path) {
    let _held = match lock(path) {
        Owner::Us(held) => held,
        Owner::Unknown if is_old(path) => Lock::default(),
        Owner::Others | Owner::Unknown => return,
    };
    if let Ok(left) = Location::at(path)
        && path.is_dir()
    {
        tracing::warn!("{left} was left by a save that did not end; it is removed");
        remove(&left);
    }
}

/// Whether nothing was begun or ended in a directory for long.
fn is_old(path: &Path) -> bool {
    let now = SystemTime::now();
    [path.to_owned(), path.join(TEMPORARY)].iter().all(|path| {
        let modified = path.metadata().and_then(|meta| meta.modified());
        modified.map_or(true, |modified| {
            now.duration_since(modified)
                .is_ok_and(|age| age > LEFT_OVER)
        })
    })
}

fn remove(directory: &Location) {
    if let Err(error) = directory.delete_all() {
        tracing::warn!(%error, "a directory beside a result cannot be removed");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        let entries = dir.read_dir().unwrap();
        let name = |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name();
        let mut names: Vec<_> = entries
            .map(|entry| name(entry).into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn many_at_once_publish_one_of_them_whole() {
        let dir = tempfile::tempdir().unwrap();
        let target = Location::at(dir.path().join("out")).unwrap();
        std::thread::scope(|scope| {
            for writer in 0..4 {
                let target = target.clone();
                scope.spawn(move || {
                    for _ in 0..20 {
                        remove_leftovers(&target);
                        let (work, _lock) = claim_beside(&target).unwrap();
                        work.join(TEMPORARY).delete_all().unwrap();
                        for part in 0..3 {
                            let part = work.join(&format!("{writer}-{part}"));
                            part.put(b"", Durability::Cached).unwrap();
                        }
                        take_place(&work, &target, Durability::Cached).unwrap();
                    }
                });
            }
        });
        let parts = names(&dir.path().join("out"));
        let writer = parts[0].split('-').next().unwrap();
        assert_eq!(parts, [0, 1, 2].map(|part| format!("{writer}-{part}")));
        assert_eq!(names(dir.path()), ["out"]);
    }

    #[test]
    fn what_a_killed_save_left_goes_and_what_a_living_one_has_stays() {
        let dir = tempfile::tempdir().unwrap();
        let target = Location::at(dir.path().join("out")).unwrap();
        let make = |name: &str| fs::create_dir(dir.path().join(name)).unwrap();
        let (living, lock) = claim_beside(&target).unwrap();
        make(".out.new-00000000000000aa");
        make(".out.old-00000000000000cc");
        make(".out.new-mine");
        make(".outer.new-00000000000000aa");
        remove_unfinished_saves(dir.path(), |name| name == "out");
        let left = [
            ".out.new-0000000000000000",
            ".out.new-mine",
            // The only copy, as long as there is no result.
            ".out.old-00000000000000cc",
            ".outer.new-00000000000000aa",
        ];
        assert_eq!(names(dir.path()), left);
        make("out");
        remove_leftovers(&target);
        assert!(!names(dir.path()).contains(&left[2].to_owned()));
        let (second, _second) = claim_beside(&target).unwrap();
        assert!(second != living && living.exists().unwrap());
        // As if its process were killed: the next one has its place.
        drop(lock);
        let (third, _third) = claim_beside(&target).unwrap();
        assert!(third == living);
    }

    #[test]
    fn without_locks_only_what_is_old_is_left() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(".out.new-00000000000000dd");
        fs::create_dir_all(path.join(TEMPORARY)).unwrap();
        let long_ago = SystemTime::now() - 2 * LEFT_OVER;
        let age = |path: &Path| File::open(path).unwrap().set_modified(long_ago).unwrap();
        age(&path);
        // Written to a moment ago, though nothing was published for long.
        assert!(!is_old(&path));
        age(&path.join(TEMPORARY));
        assert!(is_old(&path));
    }
}
