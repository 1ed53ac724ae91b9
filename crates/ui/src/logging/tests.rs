//! What is in the log, and how it reads.

use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::Value;
use tracing::Level;

use super::*;

/// Keeps the log.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Kept {
    type Writer = Kept;

    fn make_writer(&self) -> Kept {
        self.clone()
    }
}

impl Kept {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().clone()).unwrap()
    }
}

fn parsed(text: &str) -> Targets {
    Filter::parse_conf(text).unwrap().0
}

#[test]
fn levels_are_of_all_or_of_parts() {
    let quiet = parsed("warn");
    assert!(quiet.would_enable("anything", &Level::WARN));
    assert!(!quiet.would_enable("anything", &Level::INFO));
    let part = parsed("headwater_streaming=debug");
    assert!(part.would_enable("headwater_streaming::batch", &Level::DEBUG));
    assert!(part.would_enable("anything", &Level::WARN));
    assert!(!part.would_enable("anything", &Level::INFO));
    let both = parsed("info, headwater_core=off");
    assert!(!both.would_enable("headwater_core::rdd", &Level::ERROR));
    let again = Filter::parse_conf(&Filter(both.clone()).conf_text());
    assert_eq!(again, Ok(Filter(both)));
}

#[test]
fn what_is_no_level_is_refused() {
    for (wrong, named) in [
        ("warning", "warning"),
        ("a=loud", "loud"),
        ("", ""),
        ("3", "3"),
    ] {
        let reason = Filter::parse_conf(wrong).unwrap_err();
        assert_eq!(reason, format!("`{named}` is no level"));
    }
    let conf = Conf::new()
        .set("log.level", "warning")
        .set("streaming.interval", 1)
        .set("event_log.enabeld", true);
    let error = init(&conf).unwrap_err().to_string();
    assert!(
        error.contains("3 mistakes") && error.contains("log.level"),
        "{error}"
    );
}

#[test]
fn progress_that_was_asked_for_is_in_the_log() {
    let said = |conf: Conf| filter(&conf).unwrap().would_enable(TARGET, &Level::INFO);
    assert!(!said(Conf::new()));
    assert!(said(Conf::new().set("ui.progress", true)));
    assert!(said(Conf::new().set("log.level", "debug")));
}

fn log_of(subscriber: impl Subscriber + Send + Sync) {
    tracing::subscriber::with_default(subscriber, || {
        let batch = tracing::info_span!("batch", time = "1000 ms");
        batch.in_scope(|| tracing::warn!(rows = 3, "the sink is slow"));
        tracing::info!("nobody asked");
    });
}

#[test]
fn lines_of_text_name_the_batch_where_the_level_shows_it() {
    let log = Kept::default();
    log_of(text(parsed("warn"), log.clone()));
    assert!(
        log.text().ends_with("the sink is slow rows=3\n"),
        "{}",
        log.text()
    );
    assert_eq!(log.text().lines().count(), 1);

    let log = Kept::default();
    log_of(text(parsed("info"), log.clone()));
    let batch = "batch{time=\"1000 ms\"}: ";
    assert!(log.text().contains(batch), "{}", log.text());
    assert_eq!(log.text().lines().count(), 2);
}

#[test]
fn lines_of_json_are_objects() {
    let log = Kept::default();
    log_of(json(parsed("info"), log.clone()));
    let first = log.text();
    let first: Value = serde_json::from_str(first.lines().next().unwrap()).unwrap();
    assert_eq!(first["level"], "WARN");
    assert_eq!(first["fields"]["message"], "the sink is slow");
    assert_eq!(first["fields"]["rows"], 3);
    assert_eq!(first["span"]["name"], "batch");
    assert_eq!(first["span"]["time"], "1000 ms");
}
