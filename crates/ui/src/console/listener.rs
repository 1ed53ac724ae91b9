//! From events to what is seen.

use std::sync::Arc;

use headwater_core::events::{Event, Listener};
use headwater_streaming::LiveLine;
use parking_lot::Mutex;

use crate::record::Record;

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
                // Nothing is made where nobody takes it.
                let told = || text::log(&self.batches, batch);
                match batch.failure() {
                    None => tracing::info!(target: TARGET, "{}", told()),
                    Some(_) => tracing::warn!(target: TARGET, "{}", told()),
                }
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

/// Takes the events of streams alone: those of tasks are many.
pub(super) struct ProgressListener(pub(super) Arc<Mutex<Shown>>);

impl Listener for ProgressListener {
    fn on_event(&mut self, event: &Event) {
        if let (Event::Layer(_), Some(record)) = (event, Record::of(event)) {
            self.0.lock().take(&record);
        }
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
        let events = test.context().context().events();
        events.add(ProgressListener(shown.clone()));
        test.collect(&test.input(vec![vec![1, 2, 3]]));
        test.run(1);
        test.context().stop(false, false).unwrap();
        events.flush();
        let lines = terminal.lines();
        assert!(lines[0].contains("no batch is done yet"), "{lines:?}");
        assert_eq!(lines.last().map(String::as_str), Some(""));
        assert_eq!(shown.lock().batches.done, 1);
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
