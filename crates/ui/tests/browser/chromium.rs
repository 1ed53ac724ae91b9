//! A browser process, from its start to its end.

use std::env;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::{self, JoinHandle};

use tempfile::TempDir;

const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// What stands before its address in what the browser writes to standard error.
const LISTENS: &str = "DevTools listening on ";

/// A browser that runs, without a window and with a profile of its own.
pub(crate) struct Chromium {
    child: Child,
    /// Reads what the browser has to say, so that it never waits for a reader.
    drain: Option<JoinHandle<()>>,
    /// Where it can be spoken with.
    pub(crate) address: String,
    _profile: TempDir,
}

impl Chromium {
    /// Starts a browser; `None` where there is none and none is required.
    pub(crate) fn start() -> Option<Chromium> {
        let profile = tempfile::tempdir().unwrap();
        let mut child = Command::new(program()?)
            .args(["--headless=new", "--no-sandbox", "--disable-gpu"])
            .args(["--no-first-run", "--disable-dev-shm-usage"])
            // Nothing beyond this machine.
            .args([
                "--disable-background-networking",
                "--disable-component-update",
            ])
            .args(["--remote-debugging-port=0", "--hide-scrollbars"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the browser can be run");
        let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut before = Vec::new();
        let address = said.by_ref().map_while(Result::ok).find_map(|line| {
            let address = line.strip_prefix(LISTENS).map(str::to_owned);
            before.push(line);
            address
        });
        assert!(address.is_some(), "it does not listen: {before:#?}");
        let drain = thread::spawn(move || said.map_while(Result::ok).for_each(drop));
        Some(Chromium {
            child,
            drain: Some(drain),
            address: address.unwrap(),
            _profile: profile,
        })
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        // Its own children share its standard error: they have ended, too, once that is closed,
        // and the profile can be removed.
        if let Some(drain) = self.drain.take() {
            let _ = drain.join();
        }
    }
}

/// Where the browser is: what `CHROMIUM` names, or the first that is found.
fn program() -> Option<PathBuf> {
    if let Some(named) = env::var_os("CHROMIUM") {
        return Some(named.into());
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let found = NAMES.iter().find_map(|name| {
        let mut places = env::split_paths(&path).map(|place| place.join(name));
        places.find(|file| file.is_file())
    });
    if found.is_none() {
        let why = "there is no Chromium; install the package chromium, or name one in CHROMIUM";
        let required = env::var("REQUIRE_SERVICES").is_ok_and(|value| value == "1");
        assert!(!required, "{why}");
        eprintln!("skipped: {why}");
    }
    found
}
