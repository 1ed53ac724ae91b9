//! Which address shows which program.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use jiff::tz::TimeZone;

use super::list;
use super::programs::Programs;
use crate::log::LogError;
use crate::pages::{self, Query};
use crate::rest;
use crate::server::{Access, Shown, Traffic, first_page, guarded, respond};

pub(super) fn router(
    programs: Arc<Programs>,
    access: Arc<Access>,
    traffic: Arc<Traffic>,
) -> Router {
    let router = Router::new()
        .route("/", get(programs_page))
        .route("/history/{log}", get(program))
        .route("/history/{log}/", get(program))
        .route("/history/{log}/{*page}", get(page))
        .merge(rest::router())
        .fallback(nowhere)
        .with_state(programs);
    guarded(router, access, traffic)
}

async fn programs_page(State(programs): State<Arc<Programs>>, uri: Uri) -> Response {
    let listed = reading(programs.clone(), Programs::list).await;
    match listed {
        Ok(found) => {
            let (dir, query) = (programs.dir.to_string(), Query::of(&uri));
            let page = list::page(found, &dir, &query, &TimeZone::system());
            Html(page.into_string()).into_response()
        }
        Err(error) => failed(&error),
    }
}

async fn program(State(programs): State<Arc<Programs>>, Path(log): Path<String>) -> Response {
    match shown(programs, log).await {
        Ok(shown) => Redirect::temporary(&first_page(&shown)).into_response(),
        Err(error) => failed(&error),
    }
}

async fn page(
    State(programs): State<Arc<Programs>>,
    Path((log, page)): Path<(String, String)>,
    uri: Uri,
) -> Response {
    match shown(programs, log).await {
        Ok(shown) => respond(pages::find(&format!("/{page}")), &shown, &uri),
        Err(error) => failed(&error),
    }
}

async fn nowhere() -> Response {
    message(StatusCode::NOT_FOUND, "There is no such page.")
}

async fn shown(programs: Arc<Programs>, log: String) -> Result<Arc<Shown>, LogError> {
    reading(programs, move |programs| programs.get(&log)).await
}

/// Reads logs on a thread that may wait for a disk or a network; others are answered meanwhile.
async fn reading<T: Send + 'static>(
    programs: Arc<Programs>,
    read: impl FnOnce(&Programs) -> Result<T, LogError> + Send + 'static,
) -> Result<T, LogError> {
    let read = tokio::task::spawn_blocking(move || read(&programs));
    let told = |error: tokio::task::JoinError| LogError::Start(error.into());
    read.await.unwrap_or_else(|error| Err(told(error)))
}

fn failed(error: &LogError) -> Response {
    let status = match error {
        LogError::NoLog { .. } => StatusCode::NOT_FOUND,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    message(status, &error.to_string())
}

fn message(status: StatusCode, text: &str) -> Response {
    let body = maud::html! { p.message { (text) } p { a href="/" { "All programs" } } };
    let page = pages::plain("Programs", &body);
    (status, Html(page.into_string())).into_response()
}
