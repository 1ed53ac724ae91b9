//! A graph as a user interface shows it: plain values that keep nothing alive.

use std::time::Duration;

use headwater_core::{Site, StorageLevel};

use super::{AnyStream, Graph, NodeId, NodeInfo, Output, OutputId, OutputNumber};
use crate::checkpoint::short_type;
use crate::input::{Input, reads_files};

/// The whole graph of a stream: see [`StreamingContext::graph_info`] for an example.
///
/// [`StreamingContext::graph_info`]: crate::StreamingContext::graph_info
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct GraphInfo {
    /// Every stream, in the order of construction: a stream's place is its number.
    pub streams: Vec<StreamInfo>,
    /// The streams that records come from, in the order of construction.
    pub inputs: Vec<InputStreamInfo>,
    /// The output operations, in the order of registration.
    pub outputs: Vec<OutputStreamInfo>,
}

/// A stream of the graph.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct StreamInfo {
    /// Its number: [`NodeId::index`] is its place in [`GraphInfo::streams`].
    pub id: NodeId,
    /// What [`DStream::named`](crate::DStream::named) called it.
    pub name: Option<String>,
    /// The operator that made it, such as `reduce_by_key`: also part of the site.
    pub operator: &'static str,
    /// The operator and the line that called it.
    pub site: Site,
    /// The type of its records without the modules, such as `(String, i32)`.
    pub record_type: String,
    /// How far apart its batches are.
    pub slide: Duration,
    /// The places of the streams that it is made from; none for those that records come from.
    pub parents: Vec<usize>,
    /// Whether it keeps state from batch to batch.
    pub keeps_state: bool,
    /// Where its batches are kept; for a window, its parent keeps them.
    pub storage_level: StorageLevel,
}

/// Where records come from: Spark's input streams.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct InputStreamInfo {
    /// The number that [`BatchInfo::inputs`](crate::BatchInfo::inputs) and
    /// [`ReceiverInfo::stream_id`](crate::ReceiverInfo::stream_id) use; `None` for those that
    /// batches tell nothing of, such as queues.
    pub number: Option<usize>,
    /// Its stream.
    pub stream: NodeId,
    /// What pages call it: the receiver's name with the number, such as `SocketReceiver-0`; the
    /// name of the stream, if it has one; else the operator with the number, such as
    /// `text_file_stream [0]`, or with that of the stream, such as `queue_stream [stream 0]`.
    pub name: String,
    /// What it is.
    pub kind: InputKind,
}

impl InputStreamInfo {
    /// Whether a receiver stores what comes in.
    ///
    /// ```
    /// use headwater_streaming::{StreamingContext, time::seconds};
    /// # let ctx = headwater_core::Context::local(1).unwrap();
    /// let ssc = StreamingContext::new(&ctx, seconds(1)).unwrap();
    /// ssc.socket_text_stream("localhost", 9999).print();
    /// let input = &ssc.graph_info().inputs[0];
    /// assert!(input.is_receiver() && input.name == "SocketReceiver-0");
    /// ```
    #[must_use]
    pub fn is_receiver(&self) -> bool {
        self.kind == InputKind::Receiver
    }
}

/// What kind of input a stream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum InputKind {
    /// A receiver, which stores what comes in.
    Receiver,
    /// New files of directories.
    Files,
    /// A source that is asked once for each batch.
    Source,
    /// A queue of RDDs.
    Queue,
    /// A function of the batch time, or always the same.
    Function,
}

/// An output operation.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct OutputStreamInfo {
    /// What events call it.
    pub id: OutputId,
    /// What sinks and checkpoints know it by.
    pub number: OutputNumber,
    /// What its sink or its stream is called, if one of them has a name.
    pub name: Option<String>,
    /// The operator and its line.
    pub site: Site,
    /// The stream whose batches it gets.
    pub stream: NodeId,
}

impl Graph {
    /// The graph as it is now.
    pub(crate) fn to_info(&self) -> GraphInfo {
        let (streams, inputs) = (self.streams(), self.inputs());
        let stateful = self.stateful();
        let keeps_state = |id| stateful.iter().any(|(stream, _)| stream.info().id == id);
        let input_of = |id| inputs.iter().find(|input| input.stream().id == id);
        let outputs = self.outputs();
        GraphInfo {
            inputs: streams
                .iter()
                .filter(|stream| stream.parents().is_empty())
                .map(|stream| {
                    let info = stream.info();
                    InputStreamInfo::of(info, input_of(info.id).map(|input| &**input))
                })
                .collect(),
            outputs: outputs.iter().map(OutputStreamInfo::of).collect(),
            streams: streams
                .iter()
                .map(|stream| StreamInfo::of(&**stream, keeps_state(stream.info().id)))
                .collect(),
        }
    }
}

impl StreamInfo {
    fn of(stream: &dyn AnyStream, keeps_state: bool) -> Self {
        let info = stream.info();
        let parents = stream.parents().iter();
        StreamInfo {
            id: info.id,
            name: info.name().map(str::to_owned),
            operator: info.site.operator(),
            site: info.site,
            record_type: short_type(info.record_type),
            slide: info.slide,
            parents: parents.map(|parent| parent.info().id.index()).collect(),
            keeps_state,
            storage_level: info.level(),
        }
    }
}

impl InputStreamInfo {
    fn of(stream: &NodeInfo, input: Option<&dyn Input>) -> Self {
        let operator = stream.site.operator();
        let number = input.map(Input::id);
        let receiver = input.and_then(Input::receiver_name);
        let kind = match (&receiver, number) {
            (Some(_), _) => InputKind::Receiver,
            (None, Some(_)) if reads_files(operator) => InputKind::Files,
            (None, Some(_)) => InputKind::Source,
            (None, None) if operator.starts_with("queue_stream") => InputKind::Queue,
            (None, None) => InputKind::Function,
        };
        let name = receiver.or_else(|| stream.name().map(str::to_owned));
        let name = name.unwrap_or_else(|| match number {
            Some(number) => format!("{operator} [{number}]"),
            None => format!("{operator} [stream {}]", stream.id.index()),
        });
        InputStreamInfo {
            number,
            stream: stream.id,
            name,
            kind,
        }
    }
}

impl OutputStreamInfo {
    fn of(output: &Output) -> Self {
        OutputStreamInfo {
            id: output.id,
            number: output.number,
            name: output.name().map(str::to_owned),
            site: output.site,
            stream: output.stream.info().id,
        }
    }
}
