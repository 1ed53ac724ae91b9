//! The table of addresses as routes.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::ROOT;
use super::call::{Asked, Refusal};
use super::endpoint::Endpoint;
use super::endpoints::{ABSENT, endpoints};
use super::openapi;
use super::provider::Provider;
use crate::pages::Query;

/// The names and the values of the parts of an address.
type Parts = Path<Vec<(String, String)>>;

/// The routes of the interface; anything else below its root is refused in the same form.
pub(crate) fn router<P: Provider + Clone>() -> Router<P> {
    let mut router = Router::new().route(&format!("{ROOT}/openapi.json"), get(document));
    for endpoint in endpoints() {
        let path = endpoint.path;
        let endpoint = Arc::new(endpoint);
        let handler = move |Path(parts): Parts, State(provider): State<P>, uri: Uri| {
            answered(endpoint.clone(), parts, provider, uri)
        };
        // As with pages, a slash at the end changes nothing.
        router = router
            .route(&format!("{ROOT}{path}"), get(handler.clone()))
            .route(&format!("{ROOT}{path}/"), get(handler));
    }
    for (path, why) in ABSENT {
        let refusal = Refusal::unknown(format!("{path} is not here: {why}"));
        let handler = move || async move { refusal.into_response() };
        router = router.route(
            &format!("{ROOT}/applications/{{app-id}}/{path}"),
            get(handler),
        );
    }
    router
        .route(ROOT, get(nothing))
        .route(&format!("{ROOT}/{{*rest}}"), get(nothing))
}

async fn nothing() -> Refusal {
    Refusal::unknown(format!(
        "there is no such address; {ROOT}/openapi.json lists them"
    ))
}

async fn document() -> Response {
    json(format!("{:#}", openapi::document(&endpoints())))
}

async fn answered<P: Provider>(
    endpoint: Arc<Endpoint>,
    parts: Vec<(String, String)>,
    provider: P,
    uri: Uri,
) -> Response {
    let waits = provider.waits();
    let answer = move || {
        let asked = Asked {
            path: &parts,
            query: &Query::of(&uri),
        };
        match endpoint.answer(asked, &provider) {
            Ok(text) => json(text),
            Err(refusal) => refusal.into_response(),
        }
    };
    if !waits {
        return answer();
    }
    // Others are answered meanwhile.
    let answer = tokio::task::spawn_blocking(answer).await;
    answer.unwrap_or_else(|error| Refusal::failed(error.to_string()).into_response())
}

fn json(text: String) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], text).into_response()
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::NOT_FOUND);
        // A line that is read as text whatever it repeats of the address.
        let kind = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
        (status, kind, self.text).into_response()
    }
}
