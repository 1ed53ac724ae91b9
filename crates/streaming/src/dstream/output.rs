//! Output operations.

use std::sync::Arc;

use headwater_core::{Rdd, Record, Show, Site};

use super::DStream;
use crate::graph::{OutputId, OutputJob, OutputResult};
use crate::time::Time;

/// How many records `print()` shows.
const PRINTED: usize = 10;

impl<T: Record> DStream<T> {
    /// Calls a function with the RDD of each batch and the batch time: Spark's
    /// `foreachRDD`, on which every output is built.
    ///
    /// The function runs on the driver. Nothing is computed unless it calls an action. It
    /// is called for empty batches too. It may return nothing or a `Result`; an error or
    /// a panic fails the batch. A batch may be run again after a crash: with the batch
    /// time as key a write can be made idempotent.
    ///
    /// ```
    /// use headwater_streaming::testing::TestStream;
    /// use headwater_streaming::time::seconds;
    /// use std::sync::{Arc, Mutex};
    ///
    /// let test = TestStream::new(seconds(1));
    /// let seen = Arc::new(Mutex::new(Vec::new()));
    /// let to = seen.clone();
    /// test.input(vec![vec![1, 2], vec![3]]).foreach_rdd(move |rdd, time| {
    ///     to.lock().unwrap().push((time.as_millis(), rdd.count()?));
    ///     Ok::<_, headwater_core::Error>(())
    /// });
    /// test.run(2);
    /// assert_eq!(*seen.lock().unwrap(), [(1000, 2), (2000, 1)]);
    /// ```
    #[track_caller]
    pub fn foreach_rdd<R: OutputResult>(
        &self,
        f: impl Fn(&Rdd<T>, Time) -> R + Send + Sync + 'static,
    ) -> OutputId {
        self.output(Site::here("foreach_rdd"), move |rdd, time| {
            f(rdd, time).into_outcome()
        })
    }

    /// Prints the first ten records of each batch to standard output: Spark's `print`.
    ///
    /// ```text
    /// -------------------------------------------
    /// Time: 1000 ms
    /// -------------------------------------------
    /// (hello,2)
    /// (world,1)
    ///
    /// ```
    ///
    /// Three dots follow when there are more. Records are written as Spark writes them, by
    /// their [`Show`].
    ///
    /// ```
    /// use headwater_streaming::testing::TestStream;
    /// use headwater_streaming::time::seconds;
    /// let test = TestStream::new(seconds(1));
    /// test.input(vec![vec![("hello", 2)]]).print();
    /// test.run(1);
    /// assert!(test.console().ends_with("Time: 1000 ms\n-------------------------------------------\n(hello,2)\n\n"));
    /// ```
    #[track_caller]
    pub fn print(&self) -> OutputId
    where
        T: Show,
    {
        self.printed(Site::here("print"), PRINTED)
    }

    /// As [`DStream::print`], with the first `num` records: Spark's `print(num)`.
    ///
    /// ```
    /// use headwater_streaming::testing::TestStream;
    /// use headwater_streaming::time::seconds;
    /// let test = TestStream::new(seconds(1));
    /// test.input(vec![vec![1, 2, 3]]).print_n(2);
    /// test.run(1);
    /// assert!(test.console().ends_with("\n1\n2\n...\n\n"));
    /// ```
    #[track_caller]
    pub fn print_n(&self, num: usize) -> OutputId
    where
        T: Show,
    {
        self.printed(Site::here("print"), num)
    }

    fn printed(&self, site: Site, num: usize) -> OutputId
    where
        T: Show,
    {
        let graph = self.graph().clone();
        self.output(site, move |rdd, time| {
            let records = site.cover(|| rdd.take(num.saturating_add(1)));
            let records = records.map_err(|error| error.to_string())?;
            let text = console_text(&records, num, time);
            graph
                .console
                .write(&text)
                .map_err(|error| format!("cannot print: {error}"))
        })
    }

    pub(crate) fn output(
        &self,
        site: Site,
        run: impl Fn(&Rdd<T>, Time) -> Result<(), String> + Send + Sync + 'static,
    ) -> OutputId {
        let stream = self.stream.clone();
        let run = Arc::new(run);
        let make = move |time, _| {
            let Some(rdd) = stream.rdd(time)? else {
                return Ok(None);
            };
            let run = run.clone();
            let job: OutputJob = Box::new(move || run(&rdd, time));
            Ok(Some(job))
        };
        self.graph().add_output(site, make, self.erased())
    }
}

const RULE: &str = "-------------------------------------------";

fn console_text<T: Show>(records: &[T], num: usize, time: Time) -> String {
    let mut text = format!("{RULE}\nTime: {time}\n{RULE}\n");
    for record in records.iter().take(num) {
        record.show(&mut text);
        text.push('\n');
    }
    if records.len() > num {
        text.push_str("...\n");
    }
    text.push('\n');
    text
}
