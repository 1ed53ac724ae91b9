//! Which address shows which page.

use std::sync::Arc;
use std::time::SystemTime;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use tokio::sync::Semaphore;

use super::{Access, Shown, Traffic, access, assets, changes, large};
use crate::pages::{self, Page, Query, View};
use crate::{metrics, rest};

/// Nothing but what the server itself sends is loaded or run.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' \
                      data:; connect-src 'self'; base-uri 'none'; form-action 'self'; \
                      frame-ancestors 'none'";

/// The pages of one program, of which so many may wait for changes.
pub(crate) fn router(shown: Arc<Shown>, waiting_max: usize) -> Router {
    let (access, traffic) = (shown.access.clone(), shown.traffic.clone());
    let seats = Arc::new(Semaphore::new(waiting_max));
    let changes = move |state| changes::changes(state, seats.clone());
    let mut router = Router::new()
        .route("/", get(home))
        .route("/changes", get(changes));
    for (path, page) in pages::PAGES {
        let answer =
            move |state: State<Arc<Shown>>, request: Request| answer(*page, state, request);
        router = router.route(path, get(answer));
        // Spark's addresses end with a slash; people leave it out.
        if let Some(short) = path.strip_suffix('/') {
            router = router.route(short, get(answer));
        }
    }
    let router = router.merge(rest::router()).merge(metrics::router());
    guarded(
        router.fallback(not_found).with_state(shown),
        access,
        traffic,
    )
}

/// With what all servers have: the files that pages need, and who may look.
pub(crate) fn guarded(router: Router, access: Arc<Access>, traffic: Arc<Traffic>) -> Router {
    let places = large::Places::new(traffic);
    router
        .route("/static/{name}", get(assets::asset))
        .layer(from_fn_with_state(places, large::few))
        .layer(from_fn_with_state(access, access::guard))
        .layer(from_fn(secure))
}

/// Where a program's pages begin.
pub(crate) fn first_page(shown: &Shown) -> String {
    let page = match shown.site.model().streaming {
        Some(_) => "/streaming/",
        None => "/jobs/",
    };
    format!("{}{page}", shown.base.path)
}

async fn home(State(shown): State<Arc<Shown>>) -> Redirect {
    Redirect::temporary(&first_page(&shown))
}

async fn answer(page: Page, State(shown): State<Arc<Shown>>, request: Request) -> Response {
    respond(page, &shown, request.uri())
}

/// A page of a program.
pub(crate) fn respond(page: Page, shown: &Shown, uri: &Uri) -> Response {
    let query = Query::of(uri);
    let model = shown.site.model();
    let now = shown.live.as_ref().map(|_| SystemTime::now().into());
    let view = View {
        model: &model,
        now: now.unwrap_or(model.last),
        live: shown.live.as_ref(),
        query: &query,
        zone: &shown.zone,
        base: &shown.base,
    };
    let answer = page(&view);
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let kind = [(header::CONTENT_TYPE, "text/html; charset=utf-8")];
    (status, kind, pages::framed(&view, &answer).into_string()).into_response()
}

async fn not_found(state: State<Arc<Shown>>, request: Request) -> Response {
    answer(pages::no_page, state, request).await
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
