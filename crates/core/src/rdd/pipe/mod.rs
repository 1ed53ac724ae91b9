//! Partitions through the standard streams of another program.

mod process;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::path::PathBuf;

use self::process::Process;
use super::narrow::Keeps;
use super::{Rdd, read, refuse};
use crate::chunk::{Push, Sink, Stop};
use crate::record::Record;
use crate::scheduler::ClosureOf;
use crate::show::Show;
use crate::site::Site;
use crate::text::Text;

impl<T: Record> Rdd<T> {
    /// Runs a program for each partition, with the partition's records on its standard
    /// input, one a line, and makes a record of each line of its output: Spark's `pipe`.
    ///
    /// The command is cut at spaces, and no shell looks at it; [`Rdd::pipe_with`] takes
    /// arguments with spaces in them. The program is run for empty partitions too. It may
    /// stop reading early, as `head` does. A program that ends with another status than 0
    /// fails the task, which shows the end of what it said on standard error. It is killed
    /// when the job is cancelled or nobody wants more of its output, as after
    /// [`Rdd::take`].
    ///
    /// On Unix the programs that it started are killed with it: it leads a process group of
    /// its own, so that an interrupt from the terminal does not reach it either. What it
    /// leaves running when it ends by itself is left alone.
    ///
    /// Lines are UTF-8, with U+FFFD in place of what is not.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let sorted = ctx.parallelize(vec!["b", "c", "a"], 1).pipe("sort -r");
    /// assert_eq!(sorted.collect().unwrap(), ["c", "b", "a"]);
    /// let error = sorted.pipe("ls /no/such/directory").collect().unwrap_err().to_string();
    /// assert!(error.contains("Subprocess exited with status"), "{error}");
    /// ```
    #[track_caller]
    #[must_use]
    pub fn pipe(&self, command: &str) -> Rdd<Text>
    where
        T: Show,
    {
        self.piped(Site::here("pipe"), Pipe::new(command.split_whitespace()))
    }

    /// As [`Rdd::pipe`], with an environment, a directory or lines of one's own: Spark's
    /// `pipe` with all its arguments.
    ///
    /// ```
    /// use headwater_core::{Context, Pipe};
    /// let ctx = Context::local(2).unwrap();
    /// let greet = Pipe::new(["sh", "-c", "while read name; do echo \"$GREETING $name\"; done"]);
    /// let greeted = ctx.parallelize(vec!["Ann"], 1).pipe_with(greet.env("GREETING", "Hello"));
    /// assert_eq!(greeted.collect().unwrap(), ["Hello Ann"]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn pipe_with(&self, pipe: Pipe<T>) -> Rdd<Text> {
        self.piped(Site::here("pipe_with"), pipe)
    }

    fn piped(&self, site: Site, pipe: Pipe<T>) -> Rdd<Text> {
        if pipe.command.is_empty() {
            return refuse(&self.ctx, site, "the command to pipe through is empty");
        }
        let keeps = Keeps::default();
        self.narrow(site, keeps, move |parent, task, partition, sink| {
            let mut feeder = Feeder {
                pipe: &pipe,
                site,
                process: Process::start(&pipe, site, task)?,
                sink,
                text: String::new(),
                is_sated: false,
            };
            feeder.print_context();
            let fed = read(parent, task, partition, &mut feeder);
            match fed.and_then(|()| feeder.flush()) {
                // Without more input the program may still have much to say.
                Ok(()) | Err(Stop::Enough) if !feeder.is_sated => {}
                stopped => return stopped,
            }
            let Feeder { process, sink, .. } = feeder;
            process.finish(sink)
        })
    }
}

/// A program and how it is run, for [`Rdd::pipe_with`].
///
/// ```
/// use headwater_core::{Context, Pipe};
/// let ctx = Context::local(2).unwrap();
/// let pairs = ctx.parallelize(vec![("a", 2), ("b", 1)], 1);
/// let by_tabs = Pipe::printing(["sort", "-k2"], |(word, count): &(&str, i32), line| {
///     line(&format!("{word}\t{count}"));
/// });
/// assert_eq!(pairs.pipe_with(by_tabs).collect().unwrap(), ["b\t1", "a\t2"]);
/// ```
pub struct Pipe<T> {
    command: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    directory: Option<PathBuf>,
    print_context: Option<Box<PrintContext>>,
    print_record: Box<PrintRecord<T>>,
}

type PrintContext = dyn Fn(&mut dyn FnMut(&str)) + Send + Sync;
type PrintRecord<T> = dyn Fn(&T, &mut dyn FnMut(&str)) + Send + Sync;

impl<T: Show + 'static> Pipe<T> {
    /// A program and its arguments, which gets each record as the text that
    /// [`Show`] gives it.
    ///
    /// ```
    /// use headwater_core::{Context, Pipe};
    /// let ctx = Context::local(1).unwrap();
    /// let pairs = ctx.parallelize(vec![("a", 2)], 1);
    /// assert_eq!(pairs.pipe_with(Pipe::new(["cat"])).collect().unwrap(), ["(a,2)"]);
    /// ```
    #[must_use]
    pub fn new(command: impl IntoIterator<Item: Into<OsString>>) -> Self {
        Pipe::printing(command, |record: &T, line| {
            let mut text = String::new();
            record.show(&mut text);
            line(&text);
        })
    }
}

impl<T> Pipe<T> {
    /// A program and its arguments, which gets the lines that `print` makes of each record:
    /// Spark's `printRDDElement`.
    ///
    /// ```
    /// use headwater_core::{Context, Pipe};
    /// let ctx = Context::local(1).unwrap();
    /// let lists = ctx.parallelize(vec![vec!["to", "be"], vec![]], 1);
    /// let words = Pipe::printing(["cat"], |words: &Vec<&str>, line| {
    ///     words.iter().for_each(|word| line(word));
    /// });
    /// assert_eq!(lists.pipe_with(words).collect().unwrap(), ["to", "be"]);
    /// ```
    #[must_use]
    pub fn printing(
        command: impl IntoIterator<Item: Into<OsString>>,
        print: impl Fn(&T, &mut dyn FnMut(&str)) + Send + Sync + 'static,
    ) -> Self {
        Pipe {
            command: command.into_iter().map(Into::into).collect(),
            environment: Vec::new(),
            directory: None,
            print_context: None,
            print_record: Box::new(print),
        }
    }

    /// Sets a variable of the program's environment, which is otherwise that of this
    /// process.
    ///
    /// ```
    /// use headwater_core::{Context, Pipe};
    /// let ctx = Context::local(1).unwrap();
    /// let say = Pipe::new(["sh", "-c", "echo $WORD"]).env("WORD", "yes");
    /// assert_eq!(ctx.range(0..1, 1, 1).pipe_with(say).collect().unwrap(), ["yes"]);
    /// ```
    #[must_use]
    pub fn env(mut self, key: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.environment.push((key.into(), value.into()));
        self
    }

    /// Runs the program in a directory; otherwise it runs in that of this process.
    ///
    /// ```
    /// use headwater_core::{Context, Pipe};
    /// let ctx = Context::local(1).unwrap();
    /// let place = Pipe::new(["pwd"]).current_dir("/");
    /// assert_eq!(ctx.range(0..1, 1, 1).pipe_with(place).collect().unwrap(), ["/"]);
    /// ```
    #[must_use]
    pub fn current_dir(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = Some(directory.into());
        self
    }

    /// Gives the program some lines before the first record of each partition: Spark's
    /// `printPipeContext`. The place for a value that all records need.
    ///
    /// ```
    /// use headwater_core::{Context, Pipe};
    /// let ctx = Context::local(1).unwrap();
    /// let scale = Pipe::new(["sh", "-c", "read by; while read n; do echo $((n * by)); done"]);
    /// let scale = scale.print_context(|line| line("10"));
    /// assert_eq!(ctx.range(1..4, 1, 1).pipe_with(scale).collect().unwrap(), ["10", "20", "30"]);
    /// ```
    #[must_use]
    pub fn print_context(
        mut self,
        print: impl Fn(&mut dyn FnMut(&str)) + Send + Sync + 'static,
    ) -> Self {
        self.print_context = Some(Box::new(print));
        self
    }

    /// The command as one text, for messages.
    fn shown_command(&self) -> String {
        let words = self.command.iter().map(|word| word.to_string_lossy());
        words.collect::<Vec<_>>().join(" ")
    }
}

/// So much text is gathered before it is handed to the program.
const BLOCK_BYTES: usize = 32 << 10;

/// Writes records as lines, and passes on what the program says meanwhile.
struct Feeder<'a, T> {
    pipe: &'a Pipe<T>,
    site: Site,
    process: Process<'a>,
    sink: &'a mut dyn Sink<Text>,
    text: String,
    /// Whether it is the next operator that wants no more, rather than the program.
    is_sated: bool,
}

impl<T> Feeder<'_, T> {
    fn print_context(&mut self) {
        if let Some(print) = &self.pipe.print_context {
            let _closure = ClosureOf(self.site);
            print(&mut |line| add_line(&mut self.text, line));
        }
    }

    fn print(&mut self, record: &T) -> Push {
        {
            let _closure = ClosureOf(self.site);
            (self.pipe.print_record)(record, &mut |line| add_line(&mut self.text, line));
        }
        if self.text.len() >= BLOCK_BYTES {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Push {
        if self.text.is_empty() {
            return Ok(());
        }
        let block = std::mem::take(&mut self.text).into_bytes();
        match self.process.give(block, self.sink) {
            Ok(true) => Ok(()),
            Ok(false) => Err(Stop::Enough),
            Err(stop) => {
                self.is_sated = true;
                Err(stop)
            }
        }
    }
}

fn add_line(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

impl<T: Clone> Sink<T> for Feeder<'_, T> {
    fn push(&mut self, chunk: &mut Vec<T>) -> Push {
        let result = self.push_shared(chunk);
        chunk.clear();
        result
    }

    fn push_shared(&mut self, chunk: &[T]) -> Push {
        chunk.iter().try_for_each(|record| self.print(record))
    }
}
