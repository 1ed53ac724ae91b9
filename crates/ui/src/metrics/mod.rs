//! Metrics, as Prometheus and whoever understands OpenMetrics read them at `/metrics`.
//!
//! Nothing is counted for each record. What needs the whole past ([`folded`]) is added up when a
//! batch or a task ends; everything else is read from the model and the process when somebody
//! asks. There is a file for each family: [`streaming`], [`inputs`], [`checkpoints`], [`engine`],
//! [`machine`], [`server`].

mod checkpoints;
mod engine;
mod folded;
mod inputs;
mod machine;
mod routes;
mod samples;
mod server;
mod streaming;
#[cfg(test)]
mod tests;
mod text;

use prometheus_client::registry::Registry;

pub(crate) use folded::Folded;
pub(crate) use routes::router;

use crate::live::Live;
use crate::model::Model;
use crate::server::Traffic;

/// Everything that is told of a program now.
fn registry(model: &Model, live: Option<&Live>, folded: &Folded, traffic: &Traffic) -> Registry {
    let mut registry = Registry::default();
    engine::register(&mut registry, model);
    if let Some(streaming) = &model.streaming {
        streaming::register(&mut registry, streaming);
        inputs::register(&mut registry, streaming, live, folded);
        checkpoints::register(&mut registry, &streaming.checkpoints);
    }
    folded.register(&mut registry, model.streaming.is_some());
    server::register(&mut registry, traffic);
    if let Some(live) = live {
        machine::register(&mut registry, live);
    }
    registry
}
