//! The programs whose logs there are, and the models of those that were looked at last.

use std::collections::VecDeque;
use std::sync::Arc;

use headwater_store::{Child, Location};
use parking_lot::Mutex;

use crate::log::{LogError, Reading, Summary, summary_of};
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
    loaded: Mutex<VecDeque<Arc<Loaded>>>,
}

struct Loaded {
    name: String,
    /// Locked while its log is read. Nothing is known before that.
    known: Mutex<Option<Known>>,
}

/// What was read of a log, and how it is shown.
struct Known {
    reading: Reading,
    shown: Arc<Shown>,
}

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

    /// The program of this log, with what has been logged by now. Whoever asks for another one
    /// does not wait.
    pub(super) fn get(&self, name: &str) -> Result<Arc<Shown>, LogError> {
        if !is_name(name) {
            let at = self.dir.join(name).to_string();
            return Err(LogError::NoLog { at });
        }
        let program = self.program(name);
        // So that nobody reads what somebody else just does.
        let mut known = program.known.lock();
        let read = self.read(name, known.take());
        let mut loaded = self.loaded.lock();
        match &read {
            Ok(_) => loaded.truncate(self.retained),
            Err(_) => loaded.retain(|other| !Arc::ptr_eq(other, &program)),
        }
        let read = known.insert(read?);
        Ok(read.shown.clone())
    }

    /// What is kept of a program, if anything is, as the one that was looked at last.
    fn program(&self, name: &str) -> Arc<Loaded> {
        let mut loaded = self.loaded.lock();
        let place = loaded.iter().position(|program| program.name == name);
        let known = place.and_then(|place| loaded.remove(place));
        let new = || Loaded {
            name: name.to_owned(),
            known: Mutex::default(),
        };
        let program = known.unwrap_or_else(|| Arc::new(new()));
        loaded.push_front(program.clone());
        program
    }

    /// Reads what a log has beyond what is known, or all of it.
    fn read(&self, name: &str, known: Option<Known>) -> Result<Known, LogError> {
        if let Some(mut known) = known
            && known.read_on()?
        {
            return Ok(self.noted(known));
        }
        let base = Base {
            path: format!("/history/{name}"),
            notes: Vec::new(),
        };
        let site = Site::new(self.limits);
        let shown = Shown {
            base,
            ..Shown::new(site, None, self.access.clone())
        };
        let mut known = Known {
            reading: Reading::new(&self.dir.join(name)),
            shown: Arc::new(shown),
        };
        known.read_on()?;
        Ok(self.noted(known))
    }

    /// With the notes that its log has by now.
    fn noted(&self, known: Known) -> Known {
        let shown = &known.shown;
        let is_ended = shown.site.model().ended.is_some();
        let notes = known.reading.found().notes(is_ended);
        if notes == shown.base.notes {
            return known;
        }
        let path = shown.base.path.clone();
        let site = shown.site.clone();
        let shown = Shown {
            base: Base { path, notes },
            ..Shown::new(site, None, self.access.clone())
        };
        Known {
            shown: Arc::new(shown),
            ..known
        }
    }
}

impl Known {
    fn read_on(&mut self) -> Result<bool, LogError> {
        let site = &self.shown.site;
        self.reading.read_on(|record| site.apply(record))
    }
}

/// Whether this can be the name of a log, and leads nowhere else: it comes from an address.
fn is_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    name.bytes().all(is_plain) && name.starts_with(|first: char| first != '.')
}

#[cfg(test)]
mod tests {
    use headwater_core::Conf;
    use headwater_store::Durability;

    use super::*;
    use crate::record::Record;
    use crate::testing::history::{batch, begun};

    fn programs(dir: &str) -> Programs {
        let settings = Settings::of_history(&Conf::new()).unwrap();
        let access = Arc::new(Access::new(&settings).unwrap());
        Programs::new(Location::at(dir).unwrap(), &settings, access)
    }

    fn put(programs: &Programs, part: &str, records: &[Record]) {
        let line = |record| serde_json::to_string(record).unwrap() + "\n";
        let text: String = records.iter().map(line).collect();
        let part = programs.dir.join(part);
        part.put(text.as_bytes(), Durability::Cached).unwrap();
    }

    fn batches(shown: &Shown) -> u64 {
        let model = shown.site.model();
        let streaming = model.streaming.as_ref();
        streaming.map_or(0, |streaming| streaming.completed_total)
    }

    #[test]
    fn a_log_that_grows_is_read_on_and_one_that_was_replaced_anew() {
        let programs = programs("memory://history-programs/grows");
        put(&programs, "local-1/part-000000.jsonl", &begun());
        let part = "local-1/part-000001.jsonl";
        put(&programs, part, &batch(1));
        let first = programs.get("local-1").unwrap();
        assert_eq!(batches(&first), 1);
        put(&programs, part, &[batch(1), batch(2)].concat());
        let second = programs.get("local-1").unwrap();
        assert_eq!(batches(&second), 2);
        assert!(Arc::ptr_eq(&first.site, &second.site));
        put(&programs, part, &batch(3));
        let third = programs.get("local-1").unwrap();
        assert_eq!(batches(&third), 1);
        assert!(!Arc::ptr_eq(&first.site, &third.site));
        // What cannot be read is not kept.
        assert!(programs.get("local-2").is_err());
        assert_eq!(programs.loaded.lock().len(), 1);
    }

    #[test]
    fn who_asks_for_a_program_waits_for_no_other_one() {
        let programs = programs("memory://history-programs/two");
        for name in ["local-1", "local-2"] {
            put(&programs, &format!("{name}/part-000000.jsonl"), &begun());
        }
        let first = programs.program("local-1");
        let _is_read = first.known.lock();
        assert_eq!(batches(&programs.get("local-2").unwrap()), 0);
    }

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
