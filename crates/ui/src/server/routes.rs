//! Which address shows which page.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;

use super::{Shown, access, assets, changes};
use crate::metrics;
use crate::pages::Query;
use crate::pages::{self, Answer, View};
use crate::rest;

/// A page: a function of what is known and of the query.
type Page = fn(&View<'_>) -> Answer;

/// Nothing but what the server itself sends is loaded or run.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' \
                      data:; connect-src 'self'; base-uri 'none'; form-action 'self'; \
                      frame-ancestors 'none'";

pub(super) fn router(shown: Arc<Shown>) -> Router {
    let mut router = Router::new()
        .route("/", get(home))
        .route("/changes", get(changes::changes))
        .route("/static/{name}", get(assets::asset));
    for (path, page) in pages::PAGES {
        let answer =
            move |state: State<Arc<Shown>>, request: Request| answer(*page, state, request);
        router = router.route(path, get(answer));
        // Spark's addresses end with a slash; people leave it out.
        if let Some(short) = path.strip_suffix('/') {
            router = router.route(short, get(answer));
        }
    }
    router
        .merge(rest::router())
        .merge(metrics::router())
        .fallback(not_found)
        .layer(from_fn_with_state(shown.clone(), access::guard))
        .layer(from_fn(secure))
        .with_state(shown)
}

async fn home(State(shown): State<Arc<Shown>>) -> Redirect {
    match shown.site.model().streaming {
        Some(_) => Redirect::temporary("/streaming/"),
        None => Redirect::temporary("/jobs/"),
    }
}

async fn answer(page: Page, State(shown): State<Arc<Shown>>, request: Request) -> Response {
    let query = Query::of(request.uri());
    let model = shown.site.model();
    let view = View {
        model: &model,
        live: shown.live.as_ref(),
        query: &query,
        zone: &shown.zone,
    };
    let answer = page(&view);
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let kind = [(header::CONTENT_TYPE, "text/html; charset=utf-8")];
    (status, kind, pages::framed(&view, &answer).into_string()).into_response()
}

async fn not_found(State(shown): State<Arc<Shown>>, request: Request) -> Response {
    let page: Page = |_| Answer::missing("There is no such page.");
    answer(page, State(shown), request).await
}

async fn secure(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(POLICY),
    );
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    );
    response
}
