//! Where metrics are read.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header::{ACCEPT, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;

use super::registry;
use super::text::Form;
use crate::server::Shown;

const PATH: &str = "/metrics";

/// Spark's addresses of metrics in Prometheus's form, which lead to ours.
const ELSEWHERE: [&str; 4] = [
    "/metrics/prometheus",
    "/metrics/prometheus/",
    "/metrics/executors/prometheus",
    "/metrics/executors/prometheus/",
];

pub(crate) fn router() -> Router<Arc<Shown>> {
    let mut router = Router::new().route(PATH, get(metrics));
    for path in ELSEWHERE {
        router = router.route(path, get(async || Redirect::permanent(PATH)));
    }
    router
}

async fn metrics(State(shown): State<Arc<Shown>>, headers: HeaderMap) -> Response {
    let accept = headers
        .get_all(ACCEPT)
        .iter()
        .flat_map(|value| value.to_str());
    let accept: Vec<_> = accept.collect();
    let form = Form::accepted(&accept.join(","));
    let registry = registry(
        &shown.site.model(),
        shown.live.as_ref(),
        shown.site.folded(),
        &shown.traffic,
    );
    match form.write(&registry) {
        Ok(text) => {
            let headers = [(CONTENT_TYPE, form.content_type()), (VARY, "accept")];
            (headers, text).into_response()
        }
        // Writing into memory does not fail; a label that refuses to be written would.
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
