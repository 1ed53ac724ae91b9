//! All streams of the program, drawn, with what the last batch gave to each.

mod last_batch;

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::parts;
use super::table::{Column, SortKey, Table};
use super::{Answer, View, format};
use crate::dag::{Dag, Edge, Node};
use crate::model::Streaming;
use crate::record::{GraphInput, GraphOutput, GraphStream, StateRecord};

use last_batch::{LastBatch, gives_foreign_rdds, last_batch};

/// How many streams are drawn; the table has all of them.
const DRAWN: usize = 150;
/// What stands for the records of an input that gave RDDs of which nothing is known.
const NOT_COUNTED: &str = "not counted";

pub(crate) fn page(view: &View<'_>) -> Answer {
    let Some(streaming) = &view.model.streaming else {
        return Answer::missing("This program has no stream.");
    };
    let last = last_batch(view.model, streaming);
    let graph = &streaming.graph;
    let body = html! {
        @if graph.streams.is_empty() {
            p.empty { "The streams of this program are not known." }
        } @else {
            p.dim {
                @match last.time {
                    Some(time) => {
                        "Records and times are those of the batch of "
                        a href=(view.batch(time)) {
                            (format::batch_time(time, streaming.interval, view.zone))
                        }
                        "."
                    },
                    None => "No batch is completed.",
                }
                @if graph.streams.len() > DRAWN {
                    " The first " (DRAWN) " of " (graph.streams.len()) " streams are drawn."
                }
            }
            (drawn(streaming, &last).draw())
            p.legend {
                span.key.input { "input" } " " span.key.output { "output" } " "
                span.key.state { "keeps state" } " " span.key.cached { "kept" }
            }
            section #streams-section {
                h2 { "Streams (" (graph.streams.len()) ")" }
                (table(view, streaming, &last))
            }
        }
    };
    Answer::page("/graph/", "Stream Graph", body)
}

fn state_of(streaming: &Streaming, stream: usize) -> Option<&StateRecord> {
    streaming.states.iter().find(|state| state.stream == stream)
}

fn input_of(streaming: &Streaming, stream: usize) -> Option<&GraphInput> {
    let mut inputs = streaming.graph.inputs.iter();
    inputs.find(|input| input.stream == stream)
}

/// How many records a stream gave in the last batch, or that this is not counted.
fn records_of(streaming: &Streaming, stream: usize, last: &LastBatch) -> Option<String> {
    last.time?;
    match last.of(stream) {
        Some((records, _)) => Some(format::count(records)),
        None => gives_foreign_rdds(&streaming.graph, stream).then(|| NOT_COUNTED.to_owned()),
    }
}

fn drawn(streaming: &Streaming, last: &LastBatch) -> Dag {
    let graph = &streaming.graph;
    let streams = &graph.streams[..graph.streams.len().min(DRAWN)];
    let places = streams.iter().enumerate();
    let places: BTreeMap<usize, usize> = places.map(|(place, stream)| (stream.id, place)).collect();
    let mut dag = Dag {
        id: "graph".to_owned(),
        label: "The streams of the program".to_owned(),
        ..Dag::default()
    };
    let one_reader = |parent: usize| {
        let readers = graph
            .streams
            .iter()
            .filter(|stream| stream.parents.contains(&parent));
        let outputs = graph
            .outputs
            .iter()
            .filter(|output| output.stream == parent);
        readers.count() + outputs.count() == 1
    };
    let edge = |parent: usize, to: usize| {
        let records = records_of(streaming, parent, last).filter(|_| one_reader(parent));
        Some(Edge {
            from: *places.get(&parent)?,
            to,
            label: records,
            is_shuffle: false,
        })
    };
    for (place, stream) in streams.iter().enumerate() {
        dag.nodes.push(stream_box(streaming, stream, last));
        let parents = stream.parents.iter();
        dag.edges
            .extend(parents.filter_map(|parent| edge(*parent, place)));
    }
    for output in graph
        .outputs
        .iter()
        .filter(|output| places.contains_key(&output.stream))
    {
        let place = dag.nodes.len();
        dag.nodes.push(Node {
            id: format!("output-{}", output.id),
            class: "output",
            lines: output_lines(output),
            tip: format!(
                "Output {}: {}",
                output.id,
                format::named_place(output.name.as_deref(), &output.at)
            ),
        });
        dag.edges.extend(edge(output.stream, place));
    }
    dag
}

fn output_lines(output: &GraphOutput) -> Vec<String> {
    let mut lines = vec![output.at.operator.to_string()];
    lines.extend(output.name.clone());
    lines.push(format!("output {}", output.id));
    lines.push(format::short_line(&output.at.line));
    lines
}

fn stream_box(streaming: &Streaming, stream: &GraphStream, last: &LastBatch) -> Node {
    let input = input_of(streaming, stream.id);
    let state = state_of(streaming, stream.id);
    let counted = last.of(stream.id).map(|(records, time)| {
        format!(
            "{} · {}",
            format::counted(records, "record"),
            format::length(time)
        )
    });
    let kept = state.map(|state| {
        format!(
            "{} · {}",
            format::counted(state.keys, "key"),
            format::size(state.bytes)
        )
    });
    let mut lines = vec![stream.at.operator.to_string()];
    lines.extend(stream.name.clone());
    lines.extend(input.map(|input| format!("input: {}", input.kind)));
    lines.push(format::short_line(&stream.at.line));
    lines.extend(kept.clone());
    lines.extend(counted.clone());
    let mut tip = vec![
        format!(
            "Stream {}: {} at {}",
            stream.id, stream.at.operator, stream.at.line
        ),
        format!("records: {}", stream.record_type),
        format!("slide: {}", format::length(stream.slide)),
    ];
    tip.extend(stream.name.as_ref().map(|name| format!("name: {name}")));
    tip.extend(input.map(|input| format!("input: {} ({})", input.name, input.kind)));
    if !stream.level.is_empty() {
        tip.push(format!("kept: {}", stream.level));
    }
    tip.extend(kept.map(|kept| format!("state: {kept}")));
    tip.extend(counted);
    Node {
        id: format!("stream-{}", stream.id),
        class: match (input, stream.keeps_state, stream.level.is_empty()) {
            (Some(_), ..) => "input",
            (None, true, _) => "state",
            (None, false, false) => "cached",
            (None, false, true) => "",
        },
        lines,
        tip: tip.join("\n"),
    }
}

fn table<'a>(view: &View<'_>, streaming: &'a Streaming, last: &'a LastBatch) -> Markup {
    type Row<'a> = &'a GraphStream;
    let records = |stream: &GraphStream| last.of(stream.id).map(|(records, _)| records);
    let time = |stream: &GraphStream| last.of(stream.id).map(|(_, time)| time);
    let state = |stream: &GraphStream| state_of(streaming, stream.id);
    let maybe = |text: Option<String>| text.unwrap_or_else(|| format::NOTHING.to_owned());
    let columns: Vec<Column<'a, Row<'a>>> = vec![
        Column::new("Stream", |stream: &Row<'_>| html! { (stream.id) })
            .sorted_by(|stream| parts::count_key(stream.id as u64)),
        Column::new("Operator", |stream: &Row<'_>| {
            html! { (stream.at.operator) " " code.dim { (stream.at.line) } }
        })
        .sorted_by(|stream| SortKey::Text(stream.at.operator.to_string())),
        Column::new(
            "Name",
            |stream: &Row<'_>| html! { (stream.name.as_deref().unwrap_or("")) },
        )
        .sorted_by(|stream| SortKey::Text(stream.name.clone().unwrap_or_default())),
        Column::new(
            "Records Are",
            |stream: &Row<'_>| html! { code { (stream.record_type) } },
        ),
        Column::new(
            "Slide",
            |stream: &Row<'_>| html! { (format::length(stream.slide)) },
        )
        .hint("How often it gives something")
        .sorted_by(|stream| parts::took_key(Some(stream.slide))),
        Column::new("Storage", |stream: &Row<'_>| html! { (stream.level) }),
        Column::new("State", move |stream: &Row<'_>| {
            html! {
                @if let Some(state) = state(stream) {
                    (format::counted(state.keys, "key")) ", " (format::size(state.bytes))
                }
            }
        })
        .sorted_by(move |stream| SortKey::maybe(state(stream).map(|state| state.bytes as f64))),
        Column::new("Records", move |stream: &Row<'_>| {
            html! { (maybe(records_of(streaming, stream.id, last))) }
        })
        .sorted_by(move |stream| SortKey::maybe(records(stream).map(|records| records as f64))),
        Column::new("Time", move |stream: &Row<'_>| {
            html! { (format::maybe_length(time(stream))) }
        })
        .sorted_by(move |stream| parts::took_key(time(stream))),
    ];
    let table = Table {
        name: "streams",
        columns,
        sort: ("Stream", false),
        empty: "There are none.",
        row_id: Some(Box::new(|stream: &Row<'_>| format!("stream-{}", stream.id))),
    };
    table.show(view.query, streaming.graph.streams.iter().collect())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::Model;
    use crate::record::Record;
    use crate::testing;

    fn shown(model: &Model) -> Answer {
        testing::answer(page, model, "/graph/")
    }

    #[test]
    fn streams_are_drawn_with_what_the_last_batch_gave_them() {
        let model = testing::history::model();
        let streaming = model.streaming.as_ref().unwrap();
        let dag = drawn(streaming, &last_batch(&model, streaming));
        let boxes: Vec<_> = dag
            .nodes
            .iter()
            .map(|node| (node.id.as_str(), node.class))
            .collect();
        assert_eq!(
            boxes,
            [
                ("stream-0", "input"),
                ("stream-1", "input"),
                ("stream-2", ""),
                ("stream-3", ""),
                ("stream-4", "state"),
                ("output-0", "output"),
                ("output-1", "output"),
            ]
        );
        // Both outputs read stream 3: what each of them was given is not known.
        let arrows = dag
            .edges
            .iter()
            .map(|edge| (edge.from, edge.to, edge.label.as_deref()));
        assert_eq!(
            arrows.collect::<Vec<_>>(),
            [
                (0, 2, Some("100")),
                (1, 2, Some("7")),
                (2, 3, Some("420")),
                (3, 4, None),
                (3, 5, None),
                (4, 6, Some("1\u{202f}234")),
            ]
        );
        // Two jobs computed it: the time is that of both, the records are the same ones.
        assert!(
            dag.nodes[3]
                .lines
                .contains(&"37 records · 6.00 ms".to_owned())
        );
        assert!(dag.nodes[4].lines.contains(&"40 keys · 5.0 KiB".to_owned()));
    }

    #[test]
    fn the_page_links_to_the_batch_and_lists_the_streams() {
        let html = shown(&testing::history::model()).body.into_string();
        for part in [
            r#"<a href="/streaming/batch/?id=1764000004000">2025/11/24 16:00:04</a>"#,
            "Streams (5)",
            r#"<tr id="stream-4">"#,
            "(String, u64)",
        ] {
            assert!(html.contains(part), "{part} in {html}");
        }
    }

    #[test]
    fn what_cannot_be_counted_is_told() {
        let mut records = testing::history::history();
        for record in &mut records {
            match record {
                Record::StreamStarted(start) => start.graph.inputs[0].kind = "queue".to_owned(),
                // The stream gives RDDs that were not made for it.
                Record::JobStarted(start) => {
                    let start = Arc::make_mut(start);
                    let of_input = |scope: &(u64, String)| scope.0 == 0;
                    let operators = start.operators.iter_mut();
                    operators.for_each(|one| one.scope = one.scope.take_if(|s| !of_input(s)));
                    let unions = start
                        .operators
                        .iter_mut()
                        .filter(|one| one.parents.len() == 2);
                    unions.for_each(|one| one.parents.clear());
                }
                _ => {}
            }
        }
        let html = shown(&testing::model_of(&records)).body.into_string();
        assert_eq!(html.matches("not counted").count(), 2, "{html}");
    }

    #[test]
    fn there_may_be_no_stream_or_nothing_known_of_it() {
        let mut model = testing::model_of(&[]);
        assert_eq!(shown(&model).status, 404);
        model.apply(&Record::StreamStarted(Default::default()));
        assert!(shown(&model).body.into_string().contains("are not known"));
    }

    #[test]
    fn text_of_programs_stays_text() {
        let html = shown(&testing::history::model()).body.into_string();
        assert!(html.contains("&lt;script&gt;") && !html.contains(testing::HOSTILE));
    }
}
