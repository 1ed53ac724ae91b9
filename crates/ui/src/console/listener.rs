//! From events to what is seen.

use std::sync::Arc;

use headwater_core::events::Event;
use headwater_streaming::LiveLine;
use parking_lot::Mutex;

use crate::record::{BatchRecord, Record, Took};
use crate::relay::Follow;

use super::TARGET;
use super::batches::Batches;
use super::text;

/// How a stream is told about.
#[derive(Debug, Clone, Copy)]
pub(super) enum Way {
    Line(&'static LiveLine),
    Log,
}

/// What is shown, until it is over.
#[derive(Debug)]
pub(super) struct Shown {
    batches: Batches,
    way: Option<Way>,
}

impl Shown {
    pub(super) fn new(batches: Batches, way: Way) -> Self {
        Shown {
            batches,
            way: Some(way),
        }
    }

    fn take(&mut self, record: &Record) {
        let is_news = self.batches.apply(record);
        match (self.way, record) {
            (Some(Way::Line(line)), Record::StreamStopped { .. }) => line.clear(),
            (Some(Way::Line(line)), _) if is_news => line.show(&text::line(&self.batches)),
            (Some(Way::Log), Record::BatchCompleted(batch)) => {
                log(&self.batches, batch);
            }
            _ => {}
        }
    }

    /// Takes the line away for good.
    pub(super) fn end(&mut self) {
        if let Some(Way::Line(line)) = self.way.take() {
            line.clear();
        }
    }
}

/// A line of the log for a batch that was done, in the span in which its outputs log.
fn log(batches: &Batches, batch: &BatchRecord) {
    let time = format!("{} ms", batch.time);
    let _span = tracing::info_span!(target: TARGET, "batch", time).entered();
    let millis = |took: Option<Took>| took.map(Took::millis);
    let (records, backlog) = (batch.records(), batches.backlog());
    let processing_ms = millis(batch.processing_delay);
    let total_delay_ms = millis(batch.total_delay());
    // The text is not made where nobody takes it.
    let told = || text::log(batches, batch);
    match batch.failure() {
        None => tracing::info!(
            target: TARGET,
            records, processing_ms, total_delay_ms, backlog, "{}", told()
        ),
        Some(_) => tracing::warn!(
            target: TARGET,
            records, processing_ms, total_delay_ms, backlog, "{}", told()
        ),
    }
}

/// Takes the events of streams alone: those of tasks are many.
pub(super) struct ProgressListener(pub(super) Arc<Mutex<Shown>>);

impl Follow for ProgressListener {
    fn wants(&self, event: &Event) -> bool {
        matches!(event, Event::Layer(_))
    }

    fn follow(&mut self, record: &Arc<Record>) {
        self.0.lock().take(record);
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};

    use headwater_streaming::testing::TestStream;
    use headwater_streaming::time::seconds;

    use super::super::batches::tests::{batch, batches};
    use super::*;
    use crate::record::At;
    use crate::relay::follow;

    /// Keeps what is written to it.
    #[derive(Clone, Default)]
    struct Terminal(Arc<Mutex<Vec<u8>>>);

    impl Write for Terminal {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Terminal {
        /// What was on the line, one text after the other; nothing for each time it was erased.
        fn lines(&self) -> Vec<String> {
            let text = String::from_utf8(self.0.lock().clone()).unwrap();
            let lines = text.split("\r\x1b[2K").skip(1);
            let drawn = |line: &str| line.replace("\x1b[?7l", "").replace("\x1b[?7h", "");
            lines.map(drawn).collect()
        }
    }

    fn shown() -> (Terminal, Shown) {
        let terminal = Terminal::default();
        let line = Box::leak(Box::new(LiveLine::new(terminal.clone())));
        (terminal, Shown::new(batches(), Way::Line(line)))
    }

    #[test]
    fn a_stream_draws_its_batches_and_leaves_nothing_behind() {
        let (terminal, shown) = shown();
        let shown = Arc::new(Mutex::new(shown));
        let test = TestStream::new(seconds(1));
        let ctx = test.context().context();
        let _following = follow(ctx, ProgressListener(shown.clone()));
        test.collect(&test.input(vec![vec![1, 2, 3]]));
        test.run(1);
        test.context().stop(false, false).unwrap();
        ctx.events().flush();
        let lines = terminal.lines();
        assert!(lines[0].contains("no batch is done yet"), "{lines:?}");
        assert_eq!(lines.last().map(String::as_str), Some(""));
        assert_eq!(shown.lock().batches.done, 1);
    }

    #[test]
    fn a_line_of_the_log_has_fields_and_stands_in_the_span_of_its_batch() {
        let log = Terminal::default();
        let writer = log.clone();
        let lines = tracing_subscriber::fmt().json();
        let lines = lines.with_writer(move || writer.clone()).finish();
        tracing::subscriber::with_default(lines, || {
            Shown::new(batches(), Way::Log).take(&Record::BatchCompleted(batch(1000, 7)));
        });
        let line = String::from_utf8(log.0.lock().clone()).unwrap();
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        let expected = serde_json::json!({
            "message": "batch 00:00:01 is done",
            "records": 7,
            "processing_ms": 349,
            "total_delay_ms": 355,
            "backlog": 0,
        });
        assert_eq!(line["fields"], expected);
        let span = serde_json::json!({ "name": "batch", "time": "1000 ms" });
        assert_eq!(line["span"], span);
    }

    #[test]
    fn a_stream_of_fast_batches_is_drawn_ten_times_a_second() {
        let (terminal, mut shown) = shown();
        for time in (1000..2000).step_by(5) {
            shown.take(&Record::BatchCompleted(batch(time, 1)));
        }
        assert_eq!(terminal.lines().len(), 10);
        shown.take(&Record::StreamStopped { at: At(2_000_000) });
        shown.end();
        shown.take(&Record::BatchCompleted(batch(5000, 1)));
        assert_eq!(terminal.lines().len(), 11);
    }
}
