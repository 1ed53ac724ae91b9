//! Tasks have names, so that another process can run them.
//!
//! A process that built the same graph needs a [`TaskDescriptor`] and nothing else to
//! compute one partition of one stage of a batch: no closure is ever shipped. What it
//! computes it gives back as bytes.

use std::collections::HashMap;
use std::sync::Arc;

use headwater_core::rdd::Stages;
use headwater_core::{Error, Rdd, Wire};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::StreamingContext;
use crate::dstream::DStream;
use crate::error::StreamError;
use crate::graph::StreamingState;
use crate::time::Time;

/// The name of one task of a streaming program.
///
/// ```
/// use headwater_streaming::{StreamingContext, TaskDescriptor, time::{Time, seconds}};
/// # let ctx = headwater_core::Context::local(2).unwrap();
/// // What every process that takes part builds:
/// let ssc = StreamingContext::new(&ctx, seconds(1)).unwrap();
/// let squares = ssc.stream_by_time(|time| vec![time.as_millis()]).map(|n| n * n).distributable();
///
/// let runner = ssc.task_runner(Time::ZERO).unwrap();
/// let stages = runner.plan(squares.id(), Time::from_millis(3000)).unwrap();
/// // The last stage has two tasks; any process can run them.
/// let bytes: Vec<Vec<u8>> = stages[0].iter().map(|task| runner.run(task).unwrap()).collect();
/// let records = bytes.iter().flat_map(|bytes| TaskDescriptor::records::<i64>(bytes).unwrap());
/// assert_eq!(records.collect::<Vec<_>>(), [9_000_000]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TaskDescriptor {
    /// Of the graph: a process with another graph refuses the task.
    pub fingerprint: u64,
    /// The stream, by its number in the graph.
    pub node: usize,
    /// When the stream's time began; windows are cut there.
    pub zero_time: Time,
    /// The batch.
    pub time: Time,
    /// The stage of that batch's RDD, parents first.
    pub stage: usize,
    /// The partition of the stage.
    pub partition: usize,
}

impl TaskDescriptor {
    /// The records that a task of the last stage gave.
    ///
    /// # Errors
    /// [`Error::Codec`] when the bytes are damaged or hold another type.
    pub fn records<T: Wire>(bytes: &[u8]) -> Result<Vec<T>, Error> {
        Stages::decode(bytes)
    }
}

/// Runs named tasks of a graph, in place of a driver that cuts batches.
pub struct TaskRunner {
    ssc: StreamingContext,
    zero_time: Time,
    fingerprint: u64,
    /// Of each stream and batch; what was imported stays there.
    planned: Mutex<HashMap<(usize, Time), Arc<Stages>>>,
}

impl<T: Wire> DStream<T> {
    /// Lets other processes compute partitions of this stream (see [`TaskDescriptor`]).
    ///
    /// ```
    /// # use headwater_streaming::{StreamingContext, time::seconds};
    /// # let ctx = headwater_core::Context::local(2).unwrap();
    /// let ssc = StreamingContext::new(&ctx, seconds(1)).unwrap();
    /// let stream = ssc.stream_by_time(|_| vec![1]).distributable();
    /// assert!(ssc.task_runner(Default::default()).unwrap().plan(stream.id(), Default::default()).is_err());
    /// ```
    #[must_use]
    pub fn distributable(&self) -> DStream<T> {
        self.stream.allow_stages(Rdd::stages);
        self.clone()
    }
}

impl StreamingContext {
    /// Freezes the graph for running single tasks of it, instead of starting it.
    ///
    /// `zero_time` is the driver's: the batch time before its first one.
    ///
    /// ```
    /// # use headwater_streaming::{StreamingContext, time::{Time, seconds}};
    /// # let ctx = headwater_core::Context::local(2).unwrap();
    /// let ssc = StreamingContext::new(&ctx, seconds(1)).unwrap();
    /// assert!(ssc.task_runner(Time::ZERO).is_ok());
    /// assert!(ssc.start().is_err());
    /// ```
    ///
    /// # Errors
    /// [`StreamError::Graph`] with the mistakes of the graph, [`StreamError::State`] when
    /// the context was started or stopped.
    pub fn task_runner(&self, zero_time: Time) -> Result<TaskRunner, StreamError> {
        if self.state() != StreamingState::Initialized {
            return Err(StreamError::State(
                "a context that was started or stopped cannot run single tasks".to_owned(),
            ));
        }
        self.graph().check()?;
        let fingerprint = self.fingerprint();
        self.graph().begin(zero_time);
        self.graph().set_state(StreamingState::Stopped);
        let planned = Mutex::default();
        Ok(TaskRunner {
            ssc: self.clone(),
            zero_time,
            fingerprint,
            planned,
        })
    }
}

impl TaskRunner {
    /// The tasks of a stream's RDD of a batch: one list for each stage, parents first. The
    /// tasks of the last one give the records.
    ///
    /// # Errors
    /// [`StreamError::State`] when there is no such stream, it is not
    /// [distributable](DStream::distributable), or it has no batch at that time;
    /// [`StreamError::Engine`] when planning fails.
    pub fn plan(
        &self,
        node: crate::NodeId,
        time: Time,
    ) -> Result<Vec<Vec<TaskDescriptor>>, StreamError> {
        let stages = self.stages(node.index(), time)?;
        let name = |stage, partition| TaskDescriptor {
            fingerprint: self.fingerprint,
            node: node.index(),
            zero_time: self.zero_time,
            time,
            stage,
            partition,
        };
        (0..stages.len())
            .map(|stage| {
                let tasks = stages.tasks(stage)?;
                Ok((0..tasks).map(|partition| name(stage, partition)).collect())
            })
            .collect()
    }

    /// Runs a task and gives what it computed as bytes.
    ///
    /// What earlier stages give is computed here too, unless it was
    /// [imported](TaskRunner::import).
    ///
    /// # Errors
    /// [`StreamError::State`] when the task belongs to another graph or run, and what
    /// [`Stages::run`] says.
    pub fn run(&self, task: &TaskDescriptor) -> Result<Vec<u8>, StreamError> {
        Ok(self.stages_of(task)?.run(task.stage, task.partition)?)
    }

    /// Takes over what a task gave that ran in another process.
    ///
    /// # Errors
    /// As [`TaskRunner::run`].
    pub fn import(&self, task: &TaskDescriptor, bytes: &[u8]) -> Result<(), StreamError> {
        Ok(self
            .stages_of(task)?
            .import(task.stage, task.partition, bytes)?)
    }

    fn stages_of(&self, task: &TaskDescriptor) -> Result<Arc<Stages>, StreamError> {
        if task.fingerprint != self.fingerprint || task.zero_time != self.zero_time {
            return Err(StreamError::State(format!(
                "the task belongs to another graph or run: its fingerprint is {:x} and its time \
                 begins at {}, here they are {:x} and {}",
                task.fingerprint, task.zero_time, self.fingerprint, self.zero_time
            )));
        }
        self.stages(task.node, task.time)
    }

    fn stages(&self, node: usize, time: Time) -> Result<Arc<Stages>, StreamError> {
        if let Some(stages) = self.planned.lock().get(&(node, time)) {
            return Ok(stages.clone());
        }
        let streams = self.ssc.graph().streams();
        let stream = streams
            .get(node)
            .ok_or_else(|| StreamError::State(format!("the graph has no stream {node}")))?;
        let stages = stream
            .stages(time)
            .map_err(|error| StreamError::State(error.to_string()))?;
        let stages = stages.ok_or_else(|| {
            let site = stream.info().site;
            StreamError::State(format!("{site} has no batch at {time}"))
        })?;
        let mut planned = self.planned.lock();
        Ok(planned
            .entry((node, time))
            .or_insert(Arc::new(stages))
            .clone())
    }
}
