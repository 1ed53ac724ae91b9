//! The line at the bottom of a terminal that changes in place, and what is printed above it.

use std::cell::RefCell;
use std::fmt;
use std::io::{self, Write};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::ReentrantMutex;

/// Goes to the first column and empties the line.
const ERASE: &str = "\r\x1b[2K";
/// A line that is too long is cut off at the edge instead of going on below, from where it could
/// not be erased.
const WITHOUT_WRAPPING: &str = "\x1b[?7l";
const WITH_WRAPPING: &str = "\x1b[?7h";

/// A line at the bottom of a terminal that changes in place.
///
/// Whatever else the program writes to the same terminal goes through [`LiveLine::beside`], which
/// takes the line away, writes, and puts the line back below. `print()` of streams does so by
/// itself. What is written past it (`println!`, another program) begins where the line stands.
///
/// Failures to write are ignored: the line is nothing that a program depends on.
pub struct LiveLine {
    /// Whether there may be a text, so that others do not wait for each other without one.
    is_used: AtomicBool,
    shown: ReentrantMutex<RefCell<Shown>>,
}

struct Shown {
    terminal: Box<dyn Write + Send>,
    text: String,
    /// How many calls of `beside` are under way, one inside the other.
    hidden: usize,
}

impl LiveLine {
    /// The line of this process, on standard error.
    ///
    /// ```
    /// use headwater_streaming::LiveLine;
    /// use std::io::{Write, stdout};
    /// LiveLine::stderr().beside(|| writeln!(stdout(), "a result"))?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn stderr() -> &'static LiveLine {
        static LINE: LazyLock<LiveLine> = LazyLock::new(|| LiveLine::new(io::stderr()));
        &LINE
    }

    /// A line on a terminal of one's own.
    #[must_use]
    pub fn new(terminal: impl Write + Send + 'static) -> LiveLine {
        LiveLine {
            is_used: AtomicBool::new(false),
            shown: ReentrantMutex::new(RefCell::new(Shown {
                terminal: Box::new(terminal),
                text: String::new(),
                hidden: 0,
            })),
        }
    }

    /// Shows a text in place of the one before, without its control characters.
    pub fn show(&self, text: &str) {
        self.is_used.store(true, Ordering::Release);
        let shown = self.shown.lock();
        let mut shown = shown.borrow_mut();
        shown.text = text.chars().filter(|c| !c.is_control()).collect();
        shown.draw();
    }

    /// Takes the line away, until something is shown again.
    pub fn clear(&self) {
        let shown = self.shown.lock();
        let mut shown = shown.borrow_mut();
        shown.erase();
        shown.text.clear();
        self.is_used.store(false, Ordering::Release);
    }

    /// Does something that writes whole lines to the terminal, while the line is out of the way.
    /// It may call `beside` and `show` in turn.
    ///
    /// ```
    /// use headwater_streaming::LiveLine;
    /// let line = LiveLine::new(std::io::sink());
    /// line.show("batch #1");
    /// assert_eq!(line.beside(|| 2 + 2), 4);
    /// ```
    pub fn beside<T>(&self, write: impl FnOnce() -> T) -> T {
        if !self.is_used.load(Ordering::Acquire) {
            return write();
        }
        let shown = self.shown.lock();
        let _hidden = Hidden::new(&shown);
        write()
    }
}

impl fmt::Debug for LiveLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveLine").finish_non_exhaustive()
    }
}

impl Shown {
    fn draw(&mut self) {
        if self.hidden == 0 && !self.text.is_empty() {
            let text = &self.text;
            self.write(&format!("{ERASE}{WITHOUT_WRAPPING}{text}{WITH_WRAPPING}"));
        }
    }

    fn erase(&mut self) {
        if self.hidden == 0 && !self.text.is_empty() {
            self.write(ERASE);
        }
    }

    fn write(&mut self, text: &str) {
        let written = self.terminal.write_all(text.as_bytes());
        // Nobody may be there to see it.
        let _ = written.and_then(|()| self.terminal.flush());
    }
}

/// The line is out of the way as long as this lives, also through a panic.
struct Hidden<'a>(&'a RefCell<Shown>);

impl<'a> Hidden<'a> {
    fn new(shown: &'a RefCell<Shown>) -> Self {
        let mut hidden = shown.borrow_mut();
        hidden.erase();
        hidden.hidden += 1;
        Hidden(shown)
    }
}

impl Drop for Hidden<'_> {
    fn drop(&mut self) {
        let mut shown = self.0.borrow_mut();
        shown.hidden -= 1;
        shown.draw();
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::Arc;

    use parking_lot::Mutex;

    use super::*;

    /// A terminal of one line and what has scrolled above it.
    #[derive(Clone, Default)]
    struct Terminal(Arc<Mutex<(Vec<String>, String)>>);

    impl Write for Terminal {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let text = String::from_utf8_lossy(bytes);
            let text = text
                .replace(WITHOUT_WRAPPING, "")
                .replace(WITH_WRAPPING, "");
            let text = text.replace(ERASE, "\r");
            let (above, bottom) = &mut *self.0.lock();
            for c in text.chars() {
                match c {
                    '\r' => bottom.clear(),
                    '\n' => above.push(std::mem::take(bottom)),
                    c => bottom.push(c),
                }
            }
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Terminal {
        fn print(&self, text: &str) {
            self.clone().write_all(text.as_bytes()).unwrap();
        }

        fn seen(&self) -> (String, String) {
            let seen = self.0.lock();
            (seen.0.join("|"), seen.1.clone())
        }
    }

    fn seen(above: &str, bottom: &str) -> (String, String) {
        (above.to_owned(), bottom.to_owned())
    }

    #[test]
    fn what_is_printed_stands_above_the_line() {
        let terminal = Terminal::default();
        let line = LiveLine::new(terminal.clone());
        line.beside(|| terminal.print("before\n"));
        line.show("one");
        assert_eq!(terminal.seen(), seen("before", "one"));
        line.beside(|| {
            terminal.print("a\n");
            line.beside(|| terminal.print("b\n"));
            line.show("two");
            terminal.print("c\n");
        });
        assert_eq!(terminal.seen(), seen("before|a|b|c", "two"));
        line.show("3");
        assert_eq!(terminal.seen(), seen("before|a|b|c", "3"));
        line.clear();
        line.beside(|| terminal.print("d\n"));
        assert_eq!(terminal.seen(), seen("before|a|b|c|d", ""));
    }

    #[test]
    fn a_panic_does_not_lose_the_line() {
        let terminal = Terminal::default();
        let line = LiveLine::new(terminal.clone());
        line.show("one");
        let panicked = catch_unwind(AssertUnwindSafe(|| line.beside(|| panic!("as planned"))));
        assert!(panicked.is_err());
        line.show("two");
        assert_eq!(terminal.seen(), seen("", "two"));
    }

    #[test]
    fn no_text_takes_over_the_terminal() {
        let terminal = Terminal::default();
        LiveLine::new(terminal.clone()).show("a\x1b[2Jb\nc\r");
        assert_eq!(terminal.seen(), seen("", "a[2Jbc"));
    }
}
