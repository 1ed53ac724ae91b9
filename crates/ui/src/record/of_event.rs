//! Records of events.

use std::fmt::Display;

use headwater_core::Site;
use headwater_core::TaskMetrics;
use headwater_core::events::{AccumulatorInfo, Event};
use headwater_core::events::{
    JobEnded, JobStarted, StageCompleted, StageSubmitted, TaskEnded, TaskStarted,
};
use headwater_streaming::{BatchInfo, OutputInfo, ReceiverInfo, StoredInfo, StreamingEvent};

use super::{
    BatchRecord, Graph, InputGave, JobEnd, JobStart, OutputRecord, Place, RateRecord,
    ReceiverRecord, ReceiverState, Record, StageEnd, StagePlanRecord, StageStart, StoredRecord,
    StreamStart, TaskCounts, TaskEnd, TaskStart,
};

impl Record {
    /// What there is to keep of an event; `None` of kinds that pages do not know.
    pub(crate) fn of(event: &Event) -> Option<Record> {
        Some(match event {
            Event::JobStarted(event) => Record::JobStarted(event.into()),
            Event::JobEnded(event) => Record::JobEnded(event.into()),
            Event::StageSubmitted(event) => Record::StageSubmitted(event.into()),
            Event::StageCompleted(event) => Record::StageCompleted(event.into()),
            Event::TaskStarted(event) => Record::TaskStarted(event.into()),
            Event::TaskEnded(event) => Record::TaskEnded(event.into()),
            Event::Layer(event) => of_stream(event.as_any().downcast_ref()?)?,
            _ => return None,
        })
    }
}

fn of_stream(event: &StreamingEvent) -> Option<Record> {
    use StreamingEvent as E;
    let receiver = |what, info| Record::Receiver(ReceiverRecord::of(what, info));
    Some(match event {
        E::Started { at, batch_duration } => Record::StreamStarted(StreamStart {
            at: (*at).into(),
            interval: (*batch_duration).into(),
            graph: Graph::default(),
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
        E::OutputStarted(info) => Record::OutputStarted(info.into()),
        E::OutputCompleted(info) => Record::OutputCompleted(info.into()),
        E::RateUpdated(info) => Record::RateUpdated(RateRecord {
            stream: info.stream_id,
            time: info.time.as_millis(),
            rate: info.rate,
            limit: info.limit,
        }),
        _ => return None,
    })
}

fn text(error: &Option<impl Display>) -> Option<String> {
    error.as_ref().map(ToString::to_string)
}

impl From<Site> for Place {
    fn from(site: Site) -> Self {
        let location = site.location();
        Place {
            operator: site.operator().to_owned(),
            line: format!("{}:{}", location.file(), location.line()),
        }
    }
}

impl From<TaskMetrics> for TaskCounts {
    fn from(metrics: TaskMetrics) -> Self {
        TaskCounts {
            records_read: metrics.records_read,
            bytes_read: metrics.bytes_read,
            shuffle_records_read: metrics.shuffle_records_read,
            shuffle_records_written: metrics.shuffle_records_written,
            bytes_written: metrics.bytes_written,
            run_time: metrics.run_time.into(),
        }
    }
}

fn accumulators(infos: &[AccumulatorInfo]) -> Vec<(String, String)> {
    let pair = |info: &AccumulatorInfo| (info.name.to_string(), info.value.clone());
    infos.iter().map(pair).collect()
}

impl From<&JobStarted> for JobStart {
    fn from(event: &JobStarted) -> Self {
        let stage = |stage: &u64| StagePlanRecord {
            stage: *stage,
            ..StagePlanRecord::default()
        };
        JobStart {
            job: event.job,
            at: event.at.into(),
            action: event.action.into(),
            stages: event.stages.iter().map(stage).collect(),
            operators: Vec::new(),
            description: text(&event.description),
            group: text(&event.group),
            tags: event.tags.iter().map(ToString::to_string).collect(),
            properties: (*event.properties).clone(),
        }
    }
}

impl From<&JobEnded> for JobEnd {
    fn from(event: &JobEnded) -> Self {
        JobEnd {
            job: event.job,
            at: event.at.into(),
            took: event.took.into(),
            error: text(&event.error),
        }
    }
}

impl From<&StageSubmitted> for StageStart {
    fn from(event: &StageSubmitted) -> Self {
        StageStart {
            job: event.job,
            stage: event.stage,
            at: event.at.into(),
            place: event.site.into(),
            tasks: event.tasks,
        }
    }
}

impl From<&StageCompleted> for StageEnd {
    fn from(event: &StageCompleted) -> Self {
        StageEnd {
            job: event.job,
            stage: event.stage,
            at: event.at.into(),
            error: text(&event.error),
            counts: event.metrics.into(),
            accumulators: accumulators(&event.accumulators),
            operators: Vec::new(),
        }
    }
}

impl From<&TaskStarted> for TaskStart {
    fn from(event: &TaskStarted) -> Self {
        TaskStart {
            task: 0,
            job: event.job,
            stage: event.stage,
            partition: event.partition,
            attempt: event.attempt,
            at: event.at.into(),
        }
    }
}

impl From<&TaskEnded> for TaskEnd {
    fn from(event: &TaskEnded) -> Self {
        TaskEnd {
            task: 0,
            job: event.job,
            stage: event.stage,
            partition: event.partition,
            attempt: event.attempt,
            slot: 0,
            launched: (event.at - event.metrics.run_time).into(),
            at: event.at.into(),
            counts: event.metrics.into(),
            error: text(&event.error),
            accumulators: accumulators(&event.accumulators),
            operators: Vec::new(),
        }
    }
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

impl From<&BatchInfo> for BatchRecord {
    fn from(info: &BatchInfo) -> Self {
        let inputs = info.inputs.iter().map(|(input, gave)| InputGave {
            input: *input,
            records: gave.records,
            description: text(&gave.description),
        });
        BatchRecord {
            time: info.time.as_millis(),
            submitted: info.submitted.into(),
            scheduling_delay: info.scheduling_delay.map(Into::into),
            processing_delay: info.processing_delay.map(Into::into),
            inputs: inputs.collect(),
            outputs: info.outputs.values().map(Into::into).collect(),
            state_failure: text(&info.state_failure),
            states: Vec::new(),
            commit_took: None,
            cut_took: None,
            is_rerun: false,
            waited_for: None,
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
            attempts: 1,
        }
    }
}
