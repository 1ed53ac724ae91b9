//! Tells open pages that there is something new.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::stream::{self, Stream};

use tokio::time::MissedTickBehavior;

use super::Shown;

/// Pages are not told more often than this.
const AT_MOST_EVERY: Duration = Duration::from_millis(500);

/// An event whenever the model has changed. It names the program: a page that finds another one
/// behind the same address begins anew.
pub(super) async fn changes(
    State(shown): State<Arc<Shown>>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let id = shown.site.model().application.id.clone();
    let mut changes = shown.site.changes();
    // The first event tells the page which program it shows.
    changes.mark_changed();
    let mut beat = tokio::time::interval(AT_MOST_EVERY);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let start = (changes, id, beat);
    let events = stream::unfold(start, |(mut changes, id, mut beat)| async move {
        beat.tick().await;
        changes.changed().await.ok()?;
        let version = *changes.borrow_and_update();
        let data = format!("{id} {version}");
        let event = Event::default().event("change").data(data);
        Some((Ok(event), (changes, id, beat)))
    });
    Sse::new(events).keep_alive(KeepAlive::default())
}
