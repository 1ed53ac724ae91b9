//! Tells open pages that there is something new.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, Stream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::MissedTickBehavior;

use super::Shown;
use super::large::busy;

/// Pages are not told more often than this.
const AT_MOST_EVERY: Duration = Duration::from_millis(500);

/// An event whenever the model has changed. It names the program: a page that finds another one
/// behind the same address begins anew.
///
/// It takes a seat for as long as it listens, so that those who only ask find one, too.
pub(super) async fn changes(State(shown): State<Arc<Shown>>, seats: Arc<Semaphore>) -> Response {
    match seats.try_acquire_owned() {
        Ok(seat) => events(&shown, seat).into_response(),
        Err(_) => {
            shown.traffic.refused_changes();
            busy("too many pages wait for changes; close some, or raise ui.connections")
        }
    }
}

fn events(
    shown: &Shown,
    seat: OwnedSemaphorePermit,
) -> Sse<impl Stream<Item = Result<Event, Infallible>> + use<>> {
    let id = shown.site.model().application.id.clone();
    let mut changes = shown.site.changes();
    // The first event tells the page which program it shows.
    changes.mark_changed();
    let mut beat = tokio::time::interval(AT_MOST_EVERY);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let start = (changes, id, beat, seat);
    let events = stream::unfold(start, |(mut changes, id, mut beat, seat)| async move {
        beat.tick().await;
        changes.changed().await.ok()?;
        let version = *changes.borrow_and_update();
        let data = format!("{id} {version}");
        let event = Event::default().event("change").data(data);
        Some((Ok(event), (changes, id, beat, seat)))
    });
    Sse::new(events).keep_alive(KeepAlive::default())
}
