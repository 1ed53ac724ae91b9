//! What a program says about itself, before anything runs.

use headwater_store::Durability;

use super::{Inner, StreamingContext};
use crate::checkpoint::{CheckpointSummary, ProgramDescription};
use crate::conf;
use crate::error::StreamError;
use crate::graph::StreamingState;

impl StreamingContext {
    /// What a checkpoint has to know about the program: the states that its outputs depend on,
    /// and its inputs. Ask when the graph is whole; a context that was stopped has forgotten it.
    ///
    /// ```
    /// use headwater_streaming::{StreamingContext, time::seconds};
    /// # let ctx = headwater_core::Context::local(2).unwrap();
    /// let ssc = StreamingContext::new(&ctx, seconds(1)).unwrap();
    /// ssc.stream_by_time(|_| vec![1]).count_by_window(seconds(60), None).print();
    /// let description = ssc.describe();
    /// assert_eq!(description.batch_duration(), seconds(1));
    /// assert_eq!(description.states()[0].label, "count_by_window-0");
    /// ```
    #[must_use]
    pub fn describe(&self) -> ProgramDescription {
        ProgramDescription::of(self.inner.program())
    }

    /// Writes [`StreamingContext::describe`] as JSON to a file, or the URL of an object, for
    /// `headwater checkpoint diff`. Nothing has to be started.
    ///
    /// ```
    /// use headwater_streaming::checkpoint::ProgramDescription;
    /// use headwater_streaming::{StreamingContext, time::seconds};
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let path = dir.path().join("program.json");
    /// # let path = path.to_str().unwrap();
    /// # let ctx = headwater_core::Context::local(2).unwrap();
    /// let ssc = StreamingContext::new(&ctx, seconds(1)).unwrap();
    /// ssc.stream_by_time(|_| vec![1]).count_by_window(seconds(60), None).print();
    /// ssc.write_description(path).unwrap();
    /// let text = std::fs::read_to_string(path).unwrap();
    /// assert_eq!(ProgramDescription::from_json(&text).unwrap(), ssc.describe());
    /// ```
    ///
    /// # Errors
    /// [`StreamError::State`] when the file cannot be written.
    pub fn write_description(&self, path: &str) -> Result<(), StreamError> {
        let text = self.describe().to_json();
        let written = headwater_store::Location::at(path)
            .and_then(|at| at.put(text.as_bytes(), Durability::Cached));
        written.map_err(|error| {
            StreamError::State(format!(
                "the program's description was not written: {error}"
            ))
        })
    }
}

impl Inner {
    /// Whether `start` only tells what it would do.
    pub(super) fn is_rehearsal(&self) -> Result<bool, StreamError> {
        Ok(self.ctx.conf().get(&conf::CHECKPOINT_DRY_RUN)?)
    }

    /// Prints what the program would take from its checkpoint directory, in place of a start.
    pub(super) fn rehearse(&self) -> Result<(), StreamError> {
        let Some(directory) = self.checkpoint.lock().clone() else {
            return Err(StreamError::State(
                "streaming.checkpoint.dry_run compares the program with its checkpoint \
                 directory, and it has none"
                    .to_owned(),
            ));
        };
        let allowed = self.ctx.conf().get(&conf::CHECKPOINT_ALLOW)?;
        let at = directory.at.to_string();
        let summary = CheckpointSummary::read(&at, self.clock.now())?;
        let mut diff = summary.diff(&ProgramDescription::of(self.program()), &allowed);
        diff.ask_sources(&summary, &self.program(), &allowed, &self.sources());
        self.graph
            .console
            .write(&diff.to_string())
            .map_err(|error| {
                StreamError::State(format!("the comparison cannot be printed: {error}"))
            })?;
        if summary.stream.is_some() {
            directory.take_past()?;
        }
        if diff.goes_on() {
            self.graph.set_state(StreamingState::Stopped);
            self.outcome.stopped();
            return Ok(());
        }
        Err(StreamError::Checkpoint {
            directory: at,
            message: "it was only asked whether the program would go on from there, and it would \
                      be refused"
                .to_owned(),
        })
    }
}
