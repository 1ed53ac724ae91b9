//! What stateful operators keep from batch to batch.

mod checkpoints;

use maud::{Markup, html};

use super::spark_line::spark_line;
use super::table::{Column, SortKey, Table};
use super::{Answer, View, format};
use crate::model::{Batch, Streaming};
use crate::record::{Place, StateRecord};

pub(crate) fn page(view: &View<'_>) -> Answer {
    let body = match &view.model.streaming {
        None => html! { p.empty { "The program has started no stream." } },
        Some(streaming) => html! {
            section #states-section { (states(view, streaming)) }
            section #checkpoints-section {
                (checkpoints::section(view, streaming))
            }
        },
    };
    Answer::page("/state/", "State", body)
}

/// An operator, and what was told of its state last.
struct Row<'a> {
    stream: usize,
    name: Option<&'a str>,
    at: &'a Place,
    state: Option<&'a StateRecord>,
    /// The keys after each batch that is kept, oldest first.
    keys: Vec<u64>,
}

impl Row<'_> {
    fn number(&self, of: impl Fn(&StateRecord) -> u64) -> Option<u64> {
        self.state.map(of)
    }

    fn bytes_per_key(&self) -> Option<u64> {
        let state = self.state?;
        state.bytes.checked_div(state.keys)
    }
}

fn states(view: &View<'_>, streaming: &Streaming) -> Markup {
    let told = streaming.states.iter().map(|state| Row {
        stream: state.stream,
        name: state.name.as_deref(),
        at: &state.at,
        state: Some(state),
        keys: keys_over_time(streaming, state.stream),
    });
    let is_told = |stream: usize| streaming.states.iter().any(|state| state.stream == stream);
    let graph = streaming.graph.streams.iter();
    let silent = graph.filter(|stream| stream.keeps_state && !is_told(stream.id));
    let silent = silent.map(|stream| Row {
        stream: stream.id,
        name: stream.name.as_deref(),
        at: &stream.at,
        state: None,
        keys: Vec::new(),
    });
    let table = Table {
        name: "states",
        columns: columns(),
        sort: ("Operator", false),
        empty: "No state was told yet: the program keeps none, or no batch has completed.",
        row_id: Some(Box::new(|row: &Row<'_>| format!("state-{}", row.stream))),
    };
    table.show(view.query, told.chain(silent).collect())
}

fn keys_over_time(streaming: &Streaming, stream: usize) -> Vec<u64> {
    let batches = streaming.completed.iter();
    let of_batch = |batch: &Batch| {
        let mut states = batch.record.states.iter();
        Some(states.find(|state| state.stream == stream)?.keys)
    };
    batches.filter_map(of_batch).collect()
}

fn columns<'a>() -> Vec<Column<'a, Row<'a>>> {
    vec![
        Column::new("Operator", |row: &Row<'_>| {
            html! {
                @if let Some(name) = row.name { strong { (name) } " " }
                (row.at.operator) br; code.dim { (row.at.line) }
            }
        })
        .sorted_by(|row| SortKey::Order(row.stream as f64)),
        number(
            "Keys",
            "",
            |row| row.number(|state| state.keys),
            format::count,
        ),
        Column::new("Keys over Time", |row: &Row<'_>| {
            spark_line(&format!("keys-{}", row.stream), &row.keys, "keys")
        })
        .hint("After each completed batch that is kept"),
        number(
            "Memory",
            "As estimated",
            |row| row.number(|state| state.bytes),
            format::size,
        ),
        number(
            "Memory per Key",
            "",
            |row| row.bytes_per_key(),
            format::size,
        ),
        number(
            "Updated",
            "Keys that the last batch set",
            |row| row.number(|state| state.updated),
            format::count,
        ),
        number(
            "Removed",
            "Keys that the last batch removed",
            |row| row.number(|state| state.removed),
            format::count,
        ),
        number(
            "Timed Out",
            "Keys that the last batch found idle for too long",
            |row| row.number(|state| state.timed_out),
            format::count,
        ),
    ]
}

fn number<'a>(
    title: &'static str,
    hint: &'static str,
    of: impl Fn(&Row<'_>) -> Option<u64> + Clone + 'a,
    write: fn(u64) -> String,
) -> Column<'a, Row<'a>> {
    let key = of.clone();
    let text = move |row: &Row<'_>| of(row).map_or_else(|| format::NOTHING.to_owned(), write);
    Column::new(title, move |row: &Row<'_>| html! { (text(row)) })
        .hint(hint)
        .sorted_by(move |row| SortKey::maybe(key(row).map(|number| number as f64)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{self, HOSTILE, assert_escaped, history};

    fn shown(model: &crate::model::Model) -> String {
        testing::page(page, model, "/state/")
    }

    #[test]
    fn each_operator_tells_its_keys_and_what_the_last_batch_did() {
        let page = shown(&history::model());
        assert!(page.contains("id=\"state-4\""), "{page}");
        let cell = |text| format!("<td class=\"number\">{text}</td>");
        let cells: String = ["5.0 KiB", "128 B", "7", "2", "1"].map(cell).concat();
        assert!(
            page.contains(&cell("40")) && page.contains(&cells),
            "{page}"
        );
        assert!(
            page.contains("between 10 and 40 keys in 4 batches"),
            "{page}"
        );
        assert!(
            page.contains("/streaming/batch/?id=1764000004000") && page.contains("1.50 ms"),
            "{page}"
        );
        let silent = shown(&testing::model_of(&history::begun()));
        assert!(
            silent.contains("id=\"state-4\"") && silent.contains("src/main.rs:14"),
            "one that has told nothing: {silent}"
        );
    }

    #[test]
    fn there_may_be_no_stream_and_no_state() {
        let mut model = history::model();
        let streaming = model.streaming.as_mut().unwrap();
        streaming.states.clear();
        streaming.graph.streams.clear();
        streaming.completed.clear();
        let without_state = shown(&model);
        assert!(without_state.contains("No state was told yet"));
        assert!(without_state.contains("or none was due yet"));
        assert!(without_state.contains("or no batch has ended"));
        model.streaming = None;
        assert!(shown(&model).contains("has started no stream"));
    }

    #[test]
    fn hostile_text_stays_text() {
        let mut model = history::model();
        let streaming = model.streaming.as_mut().unwrap();
        streaming.states[0].name = Some(HOSTILE.to_owned());
        streaming.states[0].at.operator = HOSTILE.into();
        streaming.states[0].at.line = HOSTILE.into();
        assert_escaped(page, &model, "/state/");
    }
}
