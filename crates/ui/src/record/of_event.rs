//! The record of an event.

use std::sync::Arc;

use headwater_core::events::Event;

use super::Record;
use super::of_stream::of_stream;

impl Record {
    /// [`Record::of`] an event, for several that keep it.
    pub(crate) fn shared(event: &Event) -> Option<Arc<Record>> {
        Record::of(event).map(Arc::new)
    }

    /// What there is to keep of an event; `None` of kinds that pages do not know.
    fn of(event: &Event) -> Option<Record> {
        Some(match event {
            Event::JobStarted(event) => Record::JobStarted(Arc::new(event.into())),
            Event::JobEnded(event) => Record::JobEnded(event.into()),
            Event::StageSubmitted(event) => Record::StageSubmitted(event.into()),
            Event::StageCompleted(event) => Record::StageCompleted(event.into()),
            Event::TaskStarted(event) => Record::TaskStarted(event.into()),
            Event::TaskEnded(event) => Record::TaskEnded(Arc::new(event.into())),
            Event::Dropped(event) => Record::Dropped {
                at: event.at.into(),
                events: event.events,
            },
            Event::Layer(event) => of_stream(event.as_any().downcast_ref()?)?,
            _ => return None,
        })
    }
}
