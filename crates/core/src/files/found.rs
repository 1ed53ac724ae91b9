//! Files that are read as they were when they were found first.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use headwater_store::{Entry, Location, StoreError};

use crate::conf::keys::FILES_IGNORE_MISSING_FILES;

thread_local! {
    static FOUND: RefCell<Arc<[FoundFile]>> = RefCell::new(Arc::from([]));
}

/// A file as it was found once, for those who have to read it again as it was.
///
/// ```
/// use headwater_core::{Context, FoundFile};
/// # let dir = tempfile::tempdir().unwrap();
/// # let path = dir.path().join("today.log");
/// std::fs::write(&path, "to be\n").unwrap();
/// let path = path.to_str().unwrap();
/// let found = FoundFile { path: path.to_owned(), bytes: 6, modified: None };
/// // Somebody goes on writing.
/// std::fs::write(path, "to be\nor not\n").unwrap();
/// let ctx = Context::local(1).unwrap();
/// let lines = FoundFile::as_found([found], || ctx.text_file(path));
/// assert_eq!(lines.collect().unwrap(), ["to be"]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundFile {
    /// Its path or URL, as it is written with a [`Location`](headwater_store::Location).
    pub path: String,
    /// How long it was.
    pub bytes: u64,
    /// When it was last written, if that is known.
    pub modified: Option<SystemTime>,
}

impl FoundFile {
    /// Runs `build`, whose RDDs read these files as they were found, by whichever operator of
    /// [`Context`](crate::Context): a file that has grown up to the length that it had, with a
    /// warning in the log. An action fails when a file is shorter now, or was replaced: when it
    /// was written since and did not grow, or is an object, which is never written but as a whole.
    pub fn as_found<R>(files: impl IntoIterator<Item = FoundFile>, build: impl FnOnce() -> R) -> R {
        let _restore = Restore(FOUND.replace(files.into_iter().collect()));
        build()
    }

    /// The file as it is to be read, which one request finds. One that is gone and may be is as it
    /// was: it has the same parts, and those who read them find that it is gone.
    pub(super) fn look(&self, ignore_missing: bool) -> Result<Entry, String> {
        let location = Location::at(&self.path).map_err(|error| error.to_string())?;
        let now = location.head();
        if ignore_missing && matches!(now, Err(StoreError::NotFound { .. })) {
            return Ok(Entry {
                location,
                bytes: self.bytes,
                modified: self.modified.unwrap_or(UNIX_EPOCH),
            });
        }
        let now = now.map_err(|error| {
            format!(
                "{error}; it was there when it was read first, and files must stay as long as \
                 they are read: put it back as it was, with its time, or skip such files with \
                 `{}` = true",
                FILES_IGNORE_MISSING_FILES.name()
            )
        });
        self.hold(now?)
    }

    /// The file as it is to be read, by what is there now.
    fn hold(&self, mut now: Entry) -> Result<Entry, String> {
        let seconds = |time: SystemTime| time.duration_since(UNIX_EPOCH).ok().map(|d| d.as_secs());
        // Some stores tell whole seconds in one place and fractions in another.
        let is_same = |modified| seconds(modified) == seconds(now.modified);
        let was_written = self.modified.is_some_and(|modified| !is_same(modified));
        let grows = now.location.as_path().is_some();
        if now.bytes < self.bytes {
            return Err(format!(
                "the file {} has {} bytes, and had {} when it was read first; files must stay as \
                 they are as long as they are read: put it back as it was",
                self.path, now.bytes, self.bytes
            ));
        }
        if was_written && (now.bytes == self.bytes || !grows) {
            return Err(format!(
                "the file {} was replaced or written since it was read first; files must stay as \
                 they are as long as they are read: put it back as it was, with its time",
                self.path
            ));
        }
        if now.bytes > self.bytes {
            tracing::warn!(
                "the file {} has grown from {} to {} bytes since it was found; what was added is \
                 not read; write files elsewhere and move them in when they are whole",
                self.path,
                self.bytes,
                now.bytes
            );
            now.bytes = self.bytes;
        }
        Ok(now)
    }
}

/// The files that RDDs which are built now read as they were found.
pub(super) fn in_force() -> Arc<[FoundFile]> {
    FOUND.with_borrow(Arc::clone)
}

/// How a file was found, if somebody has found it.
pub(super) fn as_found<'a>(found: &'a [FoundFile], file: &Entry) -> Option<&'a FoundFile> {
    find(found, &file.location.to_string())
}

/// How the file of a path was found, if somebody has found it.
pub(super) fn find<'a>(found: &'a [FoundFile], path: &str) -> Option<&'a FoundFile> {
    found.iter().find(|one| one.path == path)
}

/// The files as they are to be read.
pub(super) fn hold_all(found: &[FoundFile], now: Vec<Entry>) -> Result<Vec<Entry>, String> {
    let hold = |now: Entry| match as_found(found, &now) {
        Some(found) => found.hold(now),
        None => Ok(now),
    };
    match found {
        [] => Ok(now),
        _ => now.into_iter().map(hold).collect(),
    }
}

struct Restore(Arc<[FoundFile]>);

impl Drop for Restore {
    fn drop(&mut self) {
        FOUND.set(self.0.clone());
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use parking_lot::Mutex;
    use tracing::field::{Field, Visit};
    use tracing::span::{Attributes, Id, Record};
    use tracing::{Event, Level, Metadata, Subscriber};

    use super::*;

    /// Keeps the warnings of a thread.
    #[derive(Clone, Default)]
    struct Warnings(Arc<Mutex<Vec<String>>>);

    impl Subscriber for Warnings {
        fn enabled(&self, metadata: &Metadata<'_>) -> bool {
            *metadata.level() == Level::WARN
        }

        fn event(&self, event: &Event<'_>) {
            struct Message(String);
            impl Visit for Message {
                fn record_debug(&mut self, _: &Field, value: &dyn std::fmt::Debug) {
                    self.0 = format!("{value:?}");
                }
            }
            let mut message = Message(String::new());
            event.record(&mut message);
            self.0.lock().push(message.0);
        }

        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }

        fn record(&self, _: &Id, _: &Record<'_>) {}

        fn record_follows_from(&self, _: &Id, _: &Id) {}

        fn enter(&self, _: &Id) {}

        fn exit(&self, _: &Id) {}
    }

    fn at(second: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(second)
    }

    fn held(place: &str, (bytes, second): (u64, u64)) -> Result<u64, String> {
        let found = FoundFile {
            path: place.to_owned(),
            bytes: 10,
            modified: Some(at(5) + Duration::from_millis(7)),
        };
        let now = Entry {
            location: Location::at(place).unwrap(),
            bytes,
            modified: at(second),
        };
        let held = hold_all(&[found], vec![now])?;
        Ok(held[0].bytes)
    }

    #[test]
    fn files_are_read_as_they_were_or_not_at_all() {
        let (file, object) = ("/in/a.log", "memory://found/a.log");
        for place in [file, object] {
            assert_eq!(held(place, (10, 5)), Ok(10));
            assert!(held(place, (9, 5)).unwrap_err().contains("has 9 bytes"));
            assert!(held(place, (10, 6)).unwrap_err().contains("replaced"));
        }
        assert_eq!(held(file, (11, 6)), Ok(10));
        assert!(held(object, (11, 6)).unwrap_err().contains("replaced"));
    }

    #[test]
    fn a_file_that_has_grown_is_warned_of_and_no_other() {
        let told = |bytes, second| {
            let warnings = Warnings::default();
            let hold = || drop(held("/in/a.log", (bytes, second)));
            tracing::subscriber::with_default(warnings.clone(), hold);
            warnings.0.lock().clone()
        };
        for (bytes, second) in [(10, 5), (9, 6), (10, 6)] {
            assert!(told(bytes, second).is_empty());
        }
        let grown = told(12, 6);
        assert_eq!(grown.len(), 1);
        let expected = "the file /in/a.log has grown from 10 to 12 bytes";
        assert!(grown[0].starts_with(expected), "{grown:?}");
    }

    #[test]
    fn other_files_are_as_they_are() {
        let entry = Entry {
            location: Location::at("/in/b").unwrap(),
            bytes: 3,
            modified: at(1),
        };
        assert_eq!(hold_all(&[], vec![entry.clone()]), Ok(vec![entry]));
        FoundFile::as_found([], || assert!(in_force().is_empty()));
    }
}
