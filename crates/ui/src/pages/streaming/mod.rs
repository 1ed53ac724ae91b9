//! How the stream does: its rates and delays over time, and its batches.

mod batches;
mod charts;
mod inputs;
mod statistics;
mod summary;

use maud::html;

use super::{Answer, View};

pub(crate) fn page(view: &View<'_>) -> Answer {
    let Some(streaming) = &view.model.streaming else {
        return Answer::missing("This program has started no stream.");
    };
    let body = html! {
        (summary::summary(view, streaming))
        (statistics::statistics(view, streaming))
        (batches::tables(view, streaming))
    };
    Answer::page("/streaming/", "Streaming Statistics", body)
}

#[cfg(test)]
mod tests;
