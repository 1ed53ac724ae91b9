//! What a user interface asks a stream for.

use super::StreamingContext;
use crate::checkpoint::JournalInfo;
use crate::graph::info::GraphInfo;

impl StreamingContext {
    /// The streams, inputs and outputs of the stream, as plain values. Once the stream was
    /// started they are those that it was started with, which
    /// [`StreamingEvent::Started`](crate::StreamingEvent::Started) tells, too.
    ///
    /// ```
    /// use headwater_streaming::testing::TestStream;
    /// use headwater_streaming::{InputKind, time::seconds};
    /// let test = TestStream::new(seconds(1));
    /// test.input(vec![vec![1, 2]]).named("numbers").map(|n| n.to_string()).print();
    /// let graph = test.context().graph_info();
    /// let [numbers, texts] = &graph.streams[..] else { panic!("{graph:?}") };
    /// assert_eq!((texts.operator, &texts.record_type[..]), ("map", "String"));
    /// assert_eq!(texts.parents, [numbers.id.index()]);
    /// let input = &graph.inputs[0];
    /// assert_eq!((&input.name[..], input.kind), ("numbers", InputKind::Queue));
    /// assert_eq!(graph.outputs[0].stream, texts.id);
    /// ```
    #[must_use]
    pub fn graph_info(&self) -> GraphInfo {
        match self.inner.graph_info.get() {
            Some(begun) => (**begun).clone(),
            None => self.inner.graph.to_info(),
        }
    }

    /// How large the journal in the checkpoint directory is, and how long it takes to write it;
    /// `None` without a directory, and while the stream does not run.
    ///
    /// ```
    /// use headwater_streaming::testing::TestStream;
    /// use headwater_streaming::time::seconds;
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let directory = dir.path().to_str().unwrap();
    /// let test = TestStream::new(seconds(1));
    /// test.context().checkpoint(directory).unwrap();
    /// test.input(vec![vec![1, 2]]).print();
    /// assert!(test.context().journal_info().is_none());
    /// test.run(3);
    /// let journal = test.context().journal_info().unwrap();
    /// // The cut and the end of each batch.
    /// assert!(journal.written_records >= 6 && journal.bytes >= journal.written_bytes);
    /// assert!(journal.syncs.max >= journal.syncs.last.unwrap());
    /// ```
    #[must_use]
    pub fn journal_info(&self) -> Option<JournalInfo> {
        self.inner.graph.keeper()?.journal_info()
    }
}
