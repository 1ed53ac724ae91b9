//! Spark's REST interface under `/api/v1`: its addresses, names, types, dates and refusals, so
//! that what was made for Spark works here.
//!
//! Every answer is a pure function of what is known and of what was asked ([`call::Call`]); there
//! is one file for each family of them. A server says which programs it knows ([`provider`]).
//! [`endpoints()`] is the table of addresses, from which routes and the OpenAPI document are made,
//! and [`described`] how answers describe themselves.

mod applications;
mod batches;
mod call;
mod date;
mod described;
mod endpoint;
mod endpoints;
mod environment;
mod executors;
mod jobs;
mod openapi;
mod operations;
mod provider;
mod quantiles;
mod receivers;
mod routes;
mod stages;
mod statistics;
mod storage;
mod task_metrics;
mod tasks;
#[cfg(test)]
mod tests;

pub(crate) use call::Refusal;
pub(crate) use provider::Provider;
pub(crate) use routes::router;
pub(crate) use storage::{Stored, block_name};

use crate::record::Place;

/// Where the interface begins.
const ROOT: &str = "/api/v1";

/// The release that answers.
const RELEASE: &str = env!("CARGO_PKG_VERSION");

/// The id of the only executor, by Spark's name for it.
const EXECUTOR: &str = "driver";

/// An operator and its line as Spark names calls: `count at src/main.rs:12`.
fn called(place: &Place) -> String {
    match place.line.is_empty() {
        true => place.operator.to_string(),
        false => format!("{} at {}", place.operator, place.line),
    }
}
