//! The interface as its clients see it: over a recorded history, and over a socket.

mod answers;
mod conform;
mod fuzz;
mod socket;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use axum::http::header::CONTENT_TYPE;
use serde_json::Value;
use tower::ServiceExt;

use crate::testing::history::APP;
use crate::testing::{history, shown};

/// An answer of the router.
struct Reply {
    status: u16,
    kind: String,
    text: String,
}

impl Reply {
    fn json(&self) -> Value {
        assert_eq!(self.kind, "application/json", "{}", self.text);
        serde_json::from_str(&self.text).unwrap()
    }
}

fn router() -> Router {
    super::router().with_state(shown(&history()))
}

fn get(router: &Router, address: &str) -> Reply {
    let request = Request::get(address).body(Body::empty()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let response = router.clone().oneshot(request).await.unwrap();
        let kind = response.headers().get(CONTENT_TYPE);
        let kind = kind.map_or("", |kind| kind.to_str().unwrap()).to_owned();
        let status = response.status().as_u16();
        let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        Reply {
            status,
            kind,
            text: String::from_utf8(bytes.to_vec()).unwrap(),
        }
    })
}

/// What is below the program's address.
fn of_app(router: &Router, path: &str) -> Reply {
    get(router, &format!("/api/v1/applications/{APP}/{path}"))
}
