//! How a local directory takes the place of another one.
//!
//! Each save that replaces has directories of its own beside the target: `.NAME.new-` and
//! digits for what it writes, `.NAME.old-` and digits for what it moves out of the way. So
//! saves of several jobs or processes at the same time do not mix: each publishes its files as
//! a whole, and the last one stays.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use headwater_store::{Durability, Location, StoreError};

use super::output::{TEMPORARY, claim};

/// What lies untouched for so long was left by a process that did not come to remove it.
const LEFT_OVER: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// How often others may put something at the target while this save tries to.
const ROUNDS_MAX: usize = 1000;

fn beside(target: &Location, kind: &str) -> Location {
    let digits = fastrand::u64(..);
    target.with_name(&format!(".{}.{kind}-{digits:016x}", target.name()))
}

/// Makes a directory beside the target that no other save has.
pub(super) fn claim_beside(target: &Location) -> Result<Location, StoreError> {
    loop {
        let work = beside(target, "new");
        match work.as_path().map_or(Ok(()), claim) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => {
                return made
                    .map(|()| work.clone())
                    .map_err(|e| work.failed("create", e));
            }
        }
    }
}

/// Puts `work` where `target` is, which goes.
pub(super) fn take_place(work: &Location, target: &Location) -> Result<(), StoreError> {
    let mut round = 0;
    loop {
        round += 1;
        let old = beside(target, "old");
        let moved = match target.rename_to(&old, Durability::Cached) {
            Ok(()) => true,
            // The first save, or one whose other has just moved it away.
            Err(StoreError::NotFound { .. }) => false,
            Err(error) => return Err(error),
        };
        let placed = work.rename_to(target, Durability::Cached);
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

/// Removes what saves of the same target left that were ended by a crash.
pub(super) fn remove_leftovers(target: &Location) {
    let Some(path) = target.as_path() else { return };
    // A save that was ended between its two renames left the only copy under an old name.
    let old_ones = target.exists().unwrap_or(false);
    for found in directories_beside(path) {
        let name = found.file_name().unwrap_or_default().to_string_lossy();
        let is_kind = |kind: &str| {
            let prefix = format!(".{}.{kind}-", target.name());
            let digits = name.strip_prefix(&prefix);
            digits.is_some_and(|d| d.len() == 16 && d.bytes().all(|b| b.is_ascii_hexdigit()))
        };
        if (is_kind("new") || (old_ones && is_kind("old")))
            && is_old(&found)
            && let Ok(left) = Location::at(&found)
        {
            tracing::warn!("{left} was left by a save that did not end; it is removed");
            remove(&left);
        }
    }
}

fn directories_beside(path: &Path) -> Vec<PathBuf> {
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    // Cleaning up is a courtesy: what cannot be listed fails when it is needed.
    let entries = parent.read_dir().into_iter().flatten().flatten();
    entries
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .collect()
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
    use std::fs::{self, File};

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
                        let work = claim_beside(&target).unwrap();
                        work.join(TEMPORARY).delete_all().unwrap();
                        for part in 0..3 {
                            let part = work.join(&format!("{writer}-{part}"));
                            part.put(b"", Durability::Cached).unwrap();
                        }
                        take_place(&work, &target).unwrap();
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
    fn only_what_is_old_and_ours_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        let target = Location::at(dir.path().join("out")).unwrap();
        let long_ago = SystemTime::now() - 2 * LEFT_OVER;
        let make = |name: &str, is_old: bool| {
            let path = dir.path().join(name);
            fs::create_dir(&path).unwrap();
            if is_old {
                File::open(&path).unwrap().set_modified(long_ago).unwrap();
            }
        };
        make(".out.new-00000000000000aa", true);
        make(".out.new-00000000000000bb", false);
        make(".out.old-00000000000000cc", true);
        make(".out.new-mine", true);
        make(".outer.new-00000000000000aa", true);
        // Written to a moment ago, though nothing was published for long.
        make(".out.new-00000000000000dd", false);
        fs::create_dir(dir.path().join(".out.new-00000000000000dd").join(TEMPORARY)).unwrap();
        let busy = File::open(dir.path().join(".out.new-00000000000000dd")).unwrap();
        busy.set_modified(long_ago).unwrap();
        remove_leftovers(&target);
        assert_eq!(
            names(dir.path()),
            [
                ".out.new-00000000000000bb",
                ".out.new-00000000000000dd",
                ".out.new-mine",
                ".out.old-00000000000000cc",
                ".outer.new-00000000000000aa",
            ]
        );
        make("out", false);
        remove_leftovers(&target);
        assert!(!names(dir.path()).contains(&".out.old-00000000000000cc".to_owned()));
    }
}
