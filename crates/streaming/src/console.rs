//! Where printed batches go.

use std::io::{self, IsTerminal, Write};

use parking_lot::Mutex;

use crate::LiveLine;

/// Standard output, or a buffer that a test reads.
pub(crate) struct Console {
    captured: Mutex<Option<String>>,
}

impl Console {
    pub(crate) fn stdout() -> Self {
        Console {
            captured: Mutex::new(None),
        }
    }

    /// From now on text is kept instead of written.
    pub(crate) fn capture(&self) {
        self.captured.lock().get_or_insert_default();
    }

    pub(crate) fn captured(&self) -> String {
        self.captured.lock().clone().unwrap_or_default()
    }

    /// Writes the text of one batch as a whole, so that outputs do not mix.
    pub(crate) fn write(&self, text: &str) -> io::Result<()> {
        if let Some(captured) = &mut *self.captured.lock() {
            captured.push_str(text);
            return Ok(());
        }
        let write = || {
            let mut stdout = io::stdout().lock();
            stdout.write_all(text.as_bytes())?;
            stdout.flush()
        };
        match io::stdout().is_terminal() {
            true => LiveLine::stderr().beside(write),
            false => write(),
        }
    }
}
