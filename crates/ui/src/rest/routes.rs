//! The table of addresses as routes.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::ROOT;
use super::call::{Call, Refusal};
use super::endpoint::Endpoint;
use super::endpoints::{ABSENT, endpoints};
use super::openapi;
use crate::pages::Query;
use crate::server::Shown;

/// The names and the values of the parts of an address.
type Parts = Path<Vec<(String, String)>>;

/// The routes of the interface; anything else below its root is refused in the same form.
pub(crate) fn router() -> Router<Arc<Shown>> {
    let mut router = Router::new().route(&format!("{ROOT}/openapi.json"), get(document));
    for endpoint in endpoints() {
        let path = endpoint.path;
        let endpoint = Arc::new(endpoint);
        let handler = move |parts: Parts, state: State<Arc<Shown>>, request: Request| {
            let endpoint = endpoint.clone();
            async move { answer(&endpoint, parts, state, request) }
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

async fn document(State(shown): State<Arc<Shown>>) -> Response {
    let version = shown.site.model().application.version.clone();
    let document = openapi::document(&endpoints(), &version);
    json(format!("{document:#}"))
}

fn answer(
    endpoint: &Endpoint,
    Path(parts): Parts,
    State(shown): State<Arc<Shown>>,
    request: Request,
) -> Response {
    let query = Query::of(request.uri());
    let model = shown.site.model();
    let call = Call {
        model: &model,
        live: shown.live.as_ref(),
        path: &parts,
        query: &query,
    };
    match endpoint.answer(&call) {
        Ok(text) => json(text),
        Err(refusal) => refusal.into_response(),
    }
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
