//! The programs whose logs there are, and the models of those that were looked at last.

use std::collections::VecDeque;
use std::sync::Arc;

use headwater_store::{Child, Location};
use parking_lot::Mutex;

use crate::log::{LogError, Summary, read, summary_of};
use crate::model::Limits;
use crate::pages::Base;
use crate::server::{Access, Shown};
use crate::settings::Settings;
use crate::site::Site;

/// No more programs than this are listed, the newest.
const LISTED_MAX: usize = 1000;

/// A directory of logs.
pub(super) struct Programs {
    pub(super) dir: Location,
    limits: Limits,
    access: Arc<Access>,
    retained: usize,
    /// Those that were looked at, the last one in front.
    loaded: Mutex<VecDeque<Loaded>>,
    /// Held while a log is read, so that nobody reads one that somebody else just does.
    reading: Mutex<()>,
}

struct Loaded {
    name: String,
    files: Files,
    shown: Arc<Shown>,
}

/// The files of a log and their sizes: whether it has gone on since it was read.
#[derive(PartialEq, Eq)]
struct Files(Vec<(String, u64)>);

/// A program of the list.
pub(super) struct Listed {
    /// The name of its log.
    pub(super) name: String,
    /// What it is, or why that cannot be told.
    pub(super) summary: Result<Summary, String>,
}

/// The programs of a directory.
pub(super) struct List {
    pub(super) programs: Vec<Listed>,
    /// How many older ones are left out.
    pub(super) left_out: usize,
}

impl Programs {
    pub(super) fn new(dir: Location, settings: &Settings, access: Arc<Access>) -> Self {
        Programs {
            dir,
            limits: settings.limits,
            access,
            retained: settings.history_retained,
            loaded: Mutex::default(),
            reading: Mutex::default(),
        }
    }

    /// All programs, newest first.
    pub(super) fn list(&self) -> Result<List, LogError> {
        let children = self.dir.children()?.into_iter();
        let names = children.filter_map(|child| match child {
            Child::Directory(at) => Some(at.name().into_owned()),
            Child::File(_) => None,
        });
        let mut names: Vec<_> = names.filter(|name| is_name(name)).collect();
        // Names hold the time of the start, so only this many logs need be looked into.
        names.sort_unstable_by(|a, b| b.cmp(a));
        let left_out = names.len().saturating_sub(LISTED_MAX);
        names.truncate(LISTED_MAX);
        let programs = names.into_iter().filter_map(|name| self.listed(name));
        Ok(List {
            programs: programs.collect(),
            left_out,
        })
    }

    /// What a list shows of a log; `None` for a directory that is none.
    fn listed(&self, name: String) -> Option<Listed> {
        let summary = match summary_of(&self.dir.join(&name)) {
            Err(LogError::NoLog { .. }) => return None,
            summary => summary.map_err(|error| error.to_string()),
        };
        Some(Listed { name, summary })
    }

    /// The program of this log, read anew if the log has gone on.
    pub(super) fn get(&self, name: &str) -> Result<Arc<Shown>, LogError> {
        let at = self.dir.join(name);
        if !is_name(name) {
            let at = at.to_string();
            return Err(LogError::NoLog { at });
        }
        let _reading = self.reading.lock();
        let files = Files::of(&at)?;
        if let Some(shown) = self.known(name, &files) {
            return Ok(shown);
        }
        let log = read(&at, self.limits)?;
        let base = Base {
            path: format!("/history/{name}"),
            notes: log.notes(),
        };
        let site = Site::of(log.model);
        let shown = Shown {
            base,
            ..Shown::new(site, None, self.access.clone())
        };
        let shown = Arc::new(shown);
        let loaded = Loaded {
            name: name.to_owned(),
            files,
            shown: shown.clone(),
        };
        let mut all = self.loaded.lock();
        all.retain(|known| known.name != name);
        all.push_front(loaded);
        all.truncate(self.retained);
        Ok(shown)
    }

    fn known(&self, name: &str, files: &Files) -> Option<Arc<Shown>> {
        let mut all = self.loaded.lock();
        let place = all
            .iter()
            .position(|known| known.name == name && known.files == *files)?;
        let known = all.remove(place)?;
        let shown = known.shown.clone();
        all.push_front(known);
        Some(shown)
    }
}

impl Files {
    fn of(at: &Location) -> Result<Self, LogError> {
        let files = at.list()?.into_iter();
        let file = files.map(|file| (file.location.name().into_owned(), file.bytes));
        Ok(Files(file.collect()))
    }
}

/// Whether this can be the name of a log, and leads nowhere else: it comes from an address.
fn is_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    name.bytes().all(is_plain) && name.starts_with(|first: char| first != '.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_nowhere_else() {
        assert!(is_name("local-1764000000000-2") && is_name("app_1.x"));
        for name in [
            "", ".", "..", "../x", "a/b", "a\\b", "a b", "\u{e4}", ".hidden", "a%2f",
        ] {
            assert!(!is_name(name), "{name}");
        }
    }
}
