//! What is asked of a running program, since no event tells it.

use headwater_core::conf::{Entry, keys};
use headwater_core::{Conf, Context, StorageInfo, StoredPartition};
use headwater_streaming::StreamingContext;
use headwater_streaming::conf::STREAMING_KEYS;

use crate::log::LogStatus;
use crate::logging::LOG_KEYS;
use crate::record::{Application, ReceiverRecord, ReceiverState, Setting};
use crate::{EVENT_LOG_KEYS, UI_KEYS};

/// The version of what is written about a program. Since 2 defaults and known plans are left out.
pub(crate) const FORMAT: u32 = 2;

/// A running program.
#[derive(Clone)]
pub(crate) struct Live {
    pub(crate) ctx: Context,
    ssc: Option<StreamingContext>,
    /// Its event log, if it is known.
    pub(crate) log: Option<LogStatus>,
}

impl Live {
    pub(crate) fn new(ctx: &Context, ssc: Option<&StreamingContext>) -> Self {
        Live {
            ctx: ctx.clone(),
            ssc: ssc.cloned(),
            log: None,
        }
    }

    /// What the program is.
    pub(crate) fn application(&self) -> Application {
        let ctx = &self.ctx;
        Application {
            format: FORMAT,
            id: ctx.app_id().to_owned(),
            name: ctx.app_name().to_owned(),
            version: ctx.version().to_owned(),
            user: environment("USER")
                .or_else(|| environment("LOGNAME"))
                .unwrap_or_default(),
            host: host(),
            master: ctx.master().to_owned(),
            slots: ctx.default_parallelism(),
            started: ctx.start_time().into(),
            settings: settings(ctx.conf()),
            runtime: runtime(),
        }
    }

    /// The RDDs that are kept.
    pub(crate) fn storage(&self) -> Vec<StorageInfo> {
        self.ctx.storage_info()
    }

    /// The partitions of an RDD that are kept.
    pub(crate) fn stored_partitions(&self, rdd: u64) -> Vec<StoredPartition> {
        self.ctx.stored_partitions(rdd)
    }

    /// The memory that cached partitions may take.
    pub(crate) fn storage_memory(&self) -> Option<u64> {
        let memory = self.ctx.conf().get(&keys::STORAGE_MEMORY);
        memory.ok().map(|bytes| bytes.0)
    }

    /// What receivers have stored, as it is now.
    pub(crate) fn receivers(&self) -> Vec<ReceiverRecord> {
        let infos = self.ssc.iter().flat_map(StreamingContext::receivers);
        infos
            .map(|info| ReceiverRecord::of(ReceiverState::Started, &info))
            .collect()
    }
}

fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn host() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname");
    let name = name.map(|name| name.trim().to_owned()).unwrap_or_default();
    match name.is_empty() {
        true => environment("HOSTNAME").unwrap_or_else(|| "localhost".to_owned()),
        false => name,
    }
}

fn settings(conf: &Conf) -> Vec<Setting> {
    let lists = [STREAMING_KEYS, UI_KEYS, LOG_KEYS, EVENT_LOG_KEYS];
    let entries = conf.entries_and_defaults(&lists);
    let setting = |entry: Entry<'_>| Setting {
        key: entry.key.to_owned(),
        value: entry.value.to_owned(),
        origin: entry.origin.to_string(),
    };
    entries.into_iter().map(setting).collect()
}

fn runtime() -> Vec<(String, String)> {
    let exe = std::env::current_exe();
    let dir = std::env::current_dir();
    let shown = |path: std::io::Result<std::path::PathBuf>| {
        path.map_or_else(|error| error.to_string(), |path| path.display().to_string())
    };
    let pair = |name: &str, value: String| (name.to_owned(), value);
    vec![
        pair("Program", shown(exe)),
        pair("Directory", shown(dir)),
        pair("Process", std::process::id().to_string()),
        pair(
            "System",
            format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        ),
        pair(
            "Processors",
            std::thread::available_parallelism()
                .map_or(0, usize::from)
                .to_string(),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_is_told_and_no_secret() {
        let conf = Conf::new()
            .set("app.api_key", "hunter3")
            .set("app.db.url", "postgres://u:hunter2@h/db");
        let told = settings(&conf);
        let of = |key| told.iter().find(|setting| setting.key == key);
        for list in [STREAMING_KEYS, UI_KEYS, LOG_KEYS, EVENT_LOG_KEYS] {
            for info in list.iter().filter(|info| info.default_text().is_some()) {
                assert!(of(info.name()).is_some(), "{}", info.name());
            }
        }
        // Unset, it is nothing that would have to be hidden.
        let token = of("ui.token").unwrap();
        assert!(token.value.starts_with("made up"), "{token:?}");
        assert_eq!(
            of("app.db.url").unwrap().value,
            "postgres://u:(redacted)@h/db"
        );
        assert!(!format!("{told:?}").contains("hunter"));
    }

    #[test]
    fn the_machine_is_told_without_a_time_that_stands_still() {
        assert!(runtime().iter().all(|(name, _)| name != "Now"));
    }
}
