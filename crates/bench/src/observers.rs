//! Everybody who can look at a stream at the same time.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use headwater::StreamingContext;
use headwater::ui::{EventLog, Progress, WebUi};

use crate::error::BenchError;

/// How often metrics are scraped.
const SCRAPE_EVERY: Duration = Duration::from_secs(1);

/// What a context needs so that all can look. On a terminal the progress is its live line,
/// elsewhere a line of the log for each batch, which nobody takes.
pub(crate) fn settings(logs: &str) -> Vec<(&'static str, &str)> {
    vec![
        ("event_log.enabled", "true"),
        ("event_log.dir", logs),
        ("ui.progress", "true"),
    ]
}

/// The pages of a stream with an open page and a scraper, its event log, and its progress.
pub(crate) struct Observers {
    ssc: StreamingContext,
    ui: Option<WebUi>,
    log: Option<EventLog>,
    _progress: Progress,
    stop_scraping: SyncSender<()>,
    scraper: JoinHandle<io::Result<u64>>,
    page: JoinHandle<io::Result<u64>>,
}

impl Observers {
    /// Begins to look at a stream that was not started yet.
    pub(crate) fn start(ssc: &StreamingContext) -> Result<Self, BenchError> {
        let ui = WebUi::builder(ssc).port(0).serve()?;
        let url = ui.as_ref().map_or("", WebUi::url);
        let address = url
            .trim_start_matches("http://")
            .trim_end_matches('/')
            .to_owned();
        let (stop_scraping, stopped) = sync_channel(1);
        let to = address.clone();
        Ok(Observers {
            ssc: ssc.clone(),
            ui,
            log: EventLog::start(ssc)?,
            _progress: Progress::show(ssc)?,
            stop_scraping,
            scraper: std::thread::spawn(move || scrape(&to, &stopped)),
            page: std::thread::spawn(move || follow(&address)),
        })
    }

    /// Stops looking, and makes sure that all have seen something, and the log everything.
    pub(crate) fn end(self) -> Result<(), BenchError> {
        let events = self.ssc.context().events();
        events.flush();
        let dropped = events.dropped() + self.log.as_ref().map_or(0, EventLog::dropped);
        drop((self.log, self.stop_scraping));
        let scrapes = counted(self.scraper)?;
        // Only this ends the page's connection.
        drop(self.ui);
        let changes = counted(self.page)?;
        if dropped > 0 || scrapes == 0 || changes == 0 {
            return Err(BenchError::Unobserved {
                dropped,
                scrapes,
                changes,
            });
        }
        Ok(())
    }
}

fn counted(client: JoinHandle<io::Result<u64>>) -> Result<u64, BenchError> {
    let result = client.join().map_err(|_| BenchError::Thread)?;
    result.map_err(BenchError::io("read", "the pages of the stream"))
}

/// Reads the metrics again and again, and says how often.
fn scrape(address: &str, stopped: &Receiver<()>) -> io::Result<u64> {
    let mut scrapes = 0;
    loop {
        let mut text = String::new();
        ask(address, "/metrics")?.read_to_string(&mut text)?;
        scrapes += u64::from(text.starts_with("HTTP/1.1 200"));
        match stopped.recv_timeout(SCRAPE_EVERY) {
            Err(RecvTimeoutError::Timeout) => {}
            _ => return Ok(scrapes),
        }
    }
}

/// Listens as an open page does until the server ends, and counts what it is told.
fn follow(address: &str) -> io::Result<u64> {
    let mut changes = 0;
    for line in BufReader::new(ask(address, "/changes")?).lines() {
        match line {
            Ok(line) => changes += u64::from(line.starts_with("event: change")),
            // The server does not wait for a whole answer when it ends.
            Err(_) => break,
        }
    }
    Ok(changes)
}

fn ask(address: &str, path: &str) -> io::Result<TcpStream> {
    let mut to = TcpStream::connect(address)?;
    write!(
        to,
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )?;
    Ok(to)
}
