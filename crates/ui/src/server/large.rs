//! How many large answers there are in memory.

use std::sync::Arc;

use axum::body::{Body, Bytes, HttpBody, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::traffic::Traffic;

/// Smaller answers are bounded by the number of connections.
const LARGE_BYTES: u64 = 512 * 1024;

/// So many large answers are read at the same time.
pub(super) const LARGE_ANSWERS_MAX: usize = 4;

/// A large answer, and its place among those that there may be: both are gone once everything is
/// written, or nobody is there any more who reads it.
struct Large {
    bytes: Bytes,
    _place: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Large {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// The places that there are for large answers, and where it is noted that there was none.
#[derive(Clone)]
pub(super) struct Places {
    free: Arc<Semaphore>,
    traffic: Arc<Traffic>,
}

impl Places {
    pub(super) fn new(traffic: Arc<Traffic>) -> Self {
        let free = Arc::new(Semaphore::new(LARGE_ANSWERS_MAX));
        Places { free, traffic }
    }
}

/// Refuses a large answer while there are enough of them.
pub(super) async fn few(State(places): State<Places>, request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    // What has no length is the stream of changes.
    let bytes = response.body().size_hint().exact();
    if bytes.is_none_or(|bytes| bytes < LARGE_BYTES) {
        return response;
    }
    let Ok(place) = places.free.try_acquire_owned() else {
        places.traffic.refused_large();
        return busy("too many large answers are being read at this moment; ask again soon");
    };
    let (head, body) = response.into_parts();
    match to_bytes(body, usize::MAX).await {
        Ok(bytes) => {
            let large = Large {
                bytes,
                _place: place,
            };
            Response::from_parts(head, Body::from(Bytes::from_owner(large)))
        }
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

/// There is no room now.
pub(super) fn busy(why: &str) -> Response {
    let soon = [(header::RETRY_AFTER, HeaderValue::from_static("5"))];
    (StatusCode::SERVICE_UNAVAILABLE, soon, format!("{why}\n")).into_response()
}
