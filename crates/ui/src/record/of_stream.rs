//! Records of a stream's events.

use headwater_streaming::time::Time;
use headwater_streaming::{
    BatchInfo, GraphInfo, InputKind, InputStreamInfo, OutputInfo, OutputStreamInfo, ReceiverInfo,
    StateInfo, StoredInfo, StreamInfo, StreamingEvent,
};

use super::of_job::{level, text};
use super::{
    BatchRecord, CheckpointFailure, CheckpointRecord, Graph, GraphInput, GraphOutput, GraphStream,
    InputGave, OutputRecord, RateRecord, ReceiverRecord, ReceiverState, Record, StateRecord,
    StoredRecord, StreamStart,
};

pub(super) fn of_stream(event: &StreamingEvent) -> Option<Record> {
    use StreamingEvent as E;
    let receiver = |what, info| Record::Receiver(ReceiverRecord::of(what, info));
    Some(match event {
        E::Started {
            at,
            batch_duration,
            graph,
        } => Record::StreamStarted(StreamStart {
            at: (*at).into(),
            interval: (*batch_duration).into(),
            graph: (&**graph).into(),
        }),
        E::Stopped { at } => Record::StreamStopped { at: (*at).into() },
        E::ReceiverStarted(info) => receiver(ReceiverState::Started, info),
        E::ReceiverError(info) => receiver(ReceiverState::Error, info),
        E::ReceiverStopped(info) => receiver(ReceiverState::Stopped, info),
        E::ReceiverSlowed(info) => receiver(ReceiverState::Slowed, info),
        E::ReceiverResumed(info) => receiver(ReceiverState::Resumed, info),
        E::BatchSubmitted(info) => Record::BatchSubmitted(info.into()),
        E::BatchStarted(info) => Record::BatchStarted(info.into()),
        E::BatchCompleted(info) => Record::BatchCompleted(info.into()),
        E::BatchDropped(info) => Record::BatchDropped(info.into()),
        E::OutputStarted(info) => Record::OutputStarted(info.into()),
        E::OutputCompleted(info) => Record::OutputCompleted(info.into()),
        E::RateUpdated(info) => Record::RateUpdated(RateRecord {
            stream: info.stream_id,
            time: info.time.as_millis(),
            rate: info.rate,
            limit: info.limit,
        }),
        E::CheckpointWritten(info) => Record::CheckpointWritten(CheckpointRecord {
            at: info.at.into(),
            took: info.took.into(),
            time: info.time.as_millis(),
            state_bytes: info.state_bytes,
            snapshots: info.snapshots,
            unchanged: info.unchanged,
            manifest: info.manifest.clone(),
        }),
        E::CheckpointFailed(failure) => Record::CheckpointFailed(CheckpointFailure {
            at: failure.at.into(),
            took: failure.took.into(),
            message: failure.message.to_string(),
        }),
        _ => return None,
    })
}

impl From<&StoredInfo> for StoredRecord {
    fn from(info: &StoredInfo) -> Self {
        StoredRecord {
            memory_bytes: info.memory_bytes,
            memory_bytes_max: info.memory_bytes_max,
            disk_bytes: info.disk_bytes,
            disk_bytes_max: info.disk_bytes_max,
            waits_since: info.waits_since.map(Into::into),
        }
    }
}

impl ReceiverRecord {
    pub(crate) fn of(what: ReceiverState, info: &ReceiverInfo) -> Self {
        ReceiverRecord {
            what,
            stream: info.stream_id,
            name: info.name.clone(),
            is_active: info.active,
            last_error: info.last_error.clone(),
            last_error_at: info.last_error_at.map(Into::into),
            stored: (&info.stored).into(),
        }
    }
}

/// So much of what an input tells of a batch is kept, in bytes: it may name ten thousand files.
const DESCRIBED: usize = 4096;

/// What an input tells of a batch: whole lines, as many as are kept.
fn described(text: &str) -> String {
    if text.len() <= DESCRIBED {
        return text.to_owned();
    }
    let kept = &text[..text.floor_char_boundary(DESCRIBED)];
    match kept.rfind('\n') {
        Some(end) => {
            let left_out = text[end + 1..].lines().count();
            format!("{}\n... and {left_out} more", &kept[..end])
        }
        None => format!("{kept}..."),
    }
}

impl From<&BatchInfo> for BatchRecord {
    fn from(info: &BatchInfo) -> Self {
        let inputs = info.inputs.iter().map(|(input, gave)| InputGave {
            input: *input,
            records: gave.records,
            description: gave.description.as_deref().map(described),
        });
        BatchRecord {
            time: info.time.as_millis(),
            submitted: info.submitted.into(),
            scheduling_delay: info.scheduling_delay.map(Into::into),
            processing_delay: info.processing_delay.map(Into::into),
            inputs: inputs.collect(),
            outputs: info.outputs.values().map(Into::into).collect(),
            state_failure: text(&info.state_failure),
            states: info.states.iter().map(Into::into).collect(),
            commit_took: info.commit_took.map(Into::into),
            cut_took: info.cut_took.map(Into::into),
            is_rerun: info.is_rerun,
            waited_for: info.waited_for.map(Time::as_millis),
        }
    }
}

impl From<&OutputInfo> for OutputRecord {
    fn from(info: &OutputInfo) -> Self {
        OutputRecord {
            time: info.time.as_millis(),
            output: info.id.index(),
            at: info.site.into(),
            started: info.started.into(),
            took: info.took.map(Into::into),
            failure: text(&info.failure),
            attempts: info.attempts,
        }
    }
}

impl From<&StateInfo> for StateRecord {
    fn from(info: &StateInfo) -> Self {
        StateRecord {
            stream: info.stream.index(),
            name: info.name.clone(),
            at: info.site.into(),
            keys: info.keys,
            bytes: info.bytes,
            updated: info.updated,
            added: info.added,
            removed: info.removed,
            timed_out: info.timed_out,
        }
    }
}

impl From<&GraphInfo> for Graph {
    fn from(info: &GraphInfo) -> Self {
        Graph {
            streams: info.streams.iter().map(Into::into).collect(),
            inputs: info.inputs.iter().map(Into::into).collect(),
            outputs: info.outputs.iter().map(Into::into).collect(),
        }
    }
}

impl From<&StreamInfo> for GraphStream {
    fn from(info: &StreamInfo) -> Self {
        GraphStream {
            id: info.id.index(),
            name: info.name.clone(),
            at: info.site.into(),
            record_type: info.record_type.clone(),
            slide: info.slide.into(),
            parents: info.parents.clone(),
            keeps_state: info.keeps_state,
            level: level(info.storage_level),
        }
    }
}

impl From<&InputStreamInfo> for GraphInput {
    fn from(info: &InputStreamInfo) -> Self {
        let kind = match info.kind {
            InputKind::Receiver => "receiver",
            InputKind::Files => "files",
            InputKind::Source => "source",
            InputKind::Queue => "queue",
            InputKind::Function => "function",
            _ => "input",
        };
        GraphInput {
            id: info.number,
            name: info.name.clone(),
            stream: info.stream.index(),
            kind: kind.to_owned(),
            is_receiver: info.is_receiver(),
        }
    }
}

impl From<&OutputStreamInfo> for GraphOutput {
    fn from(info: &OutputStreamInfo) -> Self {
        GraphOutput {
            id: info.id.index(),
            name: info.name.clone(),
            at: info.site.into(),
            stream: info.stream.index(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_names_many_files_is_cut_after_a_line() {
        assert_eq!(described("/data/a\n/data/b"), "/data/a\n/data/b");
        let files: Vec<_> = (0..10_000).map(|file| format!("/data/{file:06}")).collect();
        let kept = described(&files.join("\n"));
        assert!(kept.len() < DESCRIBED + 30, "{}", kept.len());
        let lines: Vec<_> = kept.lines().collect();
        let (last, whole) = lines.split_last().unwrap();
        assert!(whole.iter().zip(&files).all(|(kept, file)| kept == file));
        assert_eq!(*last, format!("... and {} more", 10_000 - whole.len()));
        assert_eq!(described(&"é".repeat(3000)), "é".repeat(2048) + "...");
    }
}
