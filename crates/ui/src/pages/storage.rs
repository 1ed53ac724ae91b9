//! What is kept: RDDs, and what receivers have stored.

mod rdd;

use headwater_core::StorageInfo;
use maud::{Markup, html};

use super::table::{Column, SortKey, Table};
use super::{Answer, View, format};
use crate::record::ReceiverRecord;

pub(crate) use rdd::page as rdd_page;

const TAB: &str = "/storage/";

pub(crate) fn page(view: &View<'_>) -> Answer {
    let body = html! {
        section #rdds-section {
            h2 { "RDDs" }
            @match view.live {
                Some(live) => {
                    (budget(&live.storage(), live.storage_memory()))
                    (rdd_table(view).show(view.query, live.storage()))
                }
                None => { p.empty { "What is kept is not recorded in event logs." } }
            }
        }
        @if view.model.streaming.is_some() {
            section #receivers-section {
                h2 { "Receiver Blocks" }
                @if view.live.is_none() { p.dim { "As receivers told it last." } }
                (receiver_table(view).show(view.query, receivers(view)))
            }
        }
    };
    Answer::page(TAB, "Storage", body)
}

/// How much of the memory for cached partitions is taken.
fn budget(rdds: &[StorageInfo], memory: Option<u64>) -> Markup {
    let used = rdds.iter().map(|rdd| rdd.memory_bytes).sum();
    let on_disk: u64 = rdds.iter().map(|rdd| rdd.disk_bytes).sum();
    html! {
        dl.facts #budget {
            dt { "Memory" }
            dd { (bar(used, memory.unwrap_or_default())) " (" code { "storage.memory" } ")" }
            dt { "Disk" } dd { (format::size(on_disk)) }
        }
    }
}

/// What is taken of what there is, as a bar and in words.
fn bar(used: u64, max: u64) -> Markup {
    html! {
        @if max > 0 { progress value=(used.min(max)) max=(max) {} " " }
        (format::size(used))
        @if max > 0 { " of " (format::size(max)) }
    }
}

fn name(rdd: &StorageInfo) -> String {
    let name = rdd.name.as_deref();
    name.unwrap_or(rdd.site.operator()).to_owned()
}

fn fraction(rdd: &StorageInfo) -> f64 {
    rdd.cached_partitions as f64 / rdd.partitions.max(1) as f64
}

fn rdd_table<'a>(view: &'a View<'_>) -> Table<'a, StorageInfo> {
    let number =
        |of: fn(&StorageInfo) -> u64| move |rdd: &StorageInfo| SortKey::Number(of(rdd) as f64);
    Table {
        name: "rdds",
        columns: vec![
            Column::new("ID", |rdd: &StorageInfo| html! { (rdd.rdd) })
                .sorted_by(number(|rdd| rdd.rdd)),
            Column::new("RDD Name", |rdd: &StorageInfo| {
                let page = view.link(format_args!("/storage/rdd/?id={}", rdd.rdd));
                html! { a href=(page) { (name(rdd)) } }
            })
            .sorted_by(|rdd| SortKey::Text(name(rdd))),
            Column::new(
                "Storage Level",
                |rdd: &StorageInfo| html! { (rdd.level.description()) },
            )
            .sorted_by(|rdd| SortKey::Text(rdd.level.description())),
            Column::new("Cached Partitions", |rdd: &StorageInfo| {
                html! { (rdd.cached_partitions) " of " (rdd.partitions) }
            })
            .sorted_by(number(|rdd| rdd.cached_partitions as u64)),
            Column::new("Fraction Cached", |rdd: &StorageInfo| {
                html! { (format!("{:.0} %", fraction(rdd) * 100.0)) }
            })
            .sorted_by(|rdd| SortKey::Number(fraction(rdd))),
            Column::new("Size in Memory", |rdd: &StorageInfo| {
                html! { (format::size(rdd.memory_bytes)) }
            })
            .hint("As estimated when the partitions were kept")
            .sorted_by(number(|rdd| rdd.memory_bytes)),
            Column::new("Size on Disk", |rdd: &StorageInfo| {
                html! { (format::size(rdd.disk_bytes)) }
            })
            .sorted_by(number(|rdd| rdd.disk_bytes)),
        ],
        sort: ("ID", false),
        empty: "No RDD is kept.",
        row_id: Some(Box::new(|rdd| format!("rdd-{}", rdd.rdd))),
    }
}

/// As they are now, or as they were told last.
fn receivers(view: &View<'_>) -> Vec<ReceiverRecord> {
    match (view.live, &view.model.streaming) {
        (Some(live), _) => live.receivers(),
        (None, Some(streaming)) => {
            let inputs = streaming.inputs.values();
            inputs.filter_map(|input| input.receiver.clone()).collect()
        }
        (None, None) => Vec::new(),
    }
}

fn receiver_name(view: &View<'_>, receiver: &ReceiverRecord) -> String {
    match &view.model.streaming {
        Some(streaming) => streaming.input_name(receiver.stream),
        None => receiver.name.clone(),
    }
}

fn receiver_table<'a>(view: &'a View<'_>) -> Table<'a, ReceiverRecord> {
    Table {
        name: "blocks",
        columns: vec![
            Column::new("Receiver", |receiver: &ReceiverRecord| {
                html! { (receiver_name(view, receiver)) " " span.dim { "(stream " (receiver.stream) ")" } }
            })
            .sorted_by(|receiver| SortKey::Order(receiver.stream as f64)),
            Column::new("In Memory", |receiver: &ReceiverRecord| {
                bar(
                    receiver.stored.memory_bytes,
                    receiver.stored.memory_bytes_max,
                )
            })
            .hint("What no batch is done with yet, and what there may be")
            .sorted_by(|receiver| SortKey::Order(receiver.stored.memory_bytes as f64)),
            Column::new("On Disk", |receiver: &ReceiverRecord| {
                bar(receiver.stored.disk_bytes, receiver.stored.disk_bytes_max)
            })
            .sorted_by(|receiver| SortKey::Order(receiver.stored.disk_bytes as f64)),
            Column::new("Waits since", |receiver: &ReceiverRecord| {
                let since = receiver.stored.waits_since;
                let since = since.map(|at| format::date_time(at, view.zone, false));
                html! {
                    @match since {
                        Some(since) => span.warn { (since) },
                        None => (format::NOTHING),
                    }
                }
            })
            .hint("A receiver that has met its bounds waits until batches have made room")
            .sorted_by(|receiver| {
                SortKey::order(receiver.stored.waits_since.map(|at| at.0 as f64))
            }),
        ],
        sort: ("Receiver", false),
        empty: "No receiver has stored anything.",
        row_id: Some(Box::new(|receiver| format!("blocks-{}", receiver.stream))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{self, HOSTILE, assert_escaped, history, live_page};
    use headwater_core::{Conf, Context};

    fn context() -> Context {
        let conf = Conf::new().master("local[1]").set("storage.memory", "1m");
        Context::new(conf).unwrap()
    }

    #[test]
    fn rdds_are_told_with_what_they_take() {
        let ctx = context();
        let users = ctx
            .parallelize(vec![1_u64, 2, 3, 4], 2)
            .cache()
            .named("users");
        users.take(1).unwrap();
        let model = history::model();
        let shown = live_page(&ctx, page, &model, "/storage/");
        let link = format!("<a href=\"/storage/rdd/?id={}\">users</a>", users.id());
        for part in [
            &link,
            r#"<td class="number">1 of 2</td><td class="number">50 %</td>"#,
            "16 B of 1.0 MiB",
        ] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        let uri = format!("/storage/rdd/?id={}", users.id());
        let one = live_page(&ctx, rdd_page, &model, &uri);
        assert!(
            one.contains("users") && one.contains("storage.rs:"),
            "{one}"
        );
        // One of two partitions is kept.
        let row = format!(
            "<td class=\"number\">rdd_{}_0</td><td>Memory Deserialized 1x Replicated</td>\
             <td class=\"number\">16 B</td><td class=\"number\">0 B</td><td>driver <span class=\"dim\">harbour</span></td>",
            users.id()
        );
        assert!(
            one.contains(&row) && one.matches("rdd_").count() == 1,
            "{one}"
        );
        users.unpersist();
        let gone = live_page(&ctx, rdd_page, &model, &uri);
        assert!(gone.contains("is not kept, or not any more"));
    }

    #[test]
    fn an_id_must_be_there_and_be_a_number() {
        let model = history::model();
        let ask = |uri: &str| testing::answer(rdd_page, &model, uri);
        assert_eq!(ask("/storage/rdd/").status, 400);
        assert_eq!(ask("/storage/rdd/?id=x").status, 400);
        assert_eq!(ask("/storage/rdd/?id=1").status, 404);
    }

    #[test]
    fn a_history_tells_what_receivers_had_stored() {
        let shown = testing::page(page, &history::model(), "/storage/");
        assert!(shown.contains("not recorded in event logs"));
        assert!(shown.contains("1.5 KiB of 1.0 MiB"), "{shown}");
        assert!(
            shown.contains("<span class=\"warn\">2025/11/24 16:00:04</span>"),
            "{shown}"
        );
    }

    #[test]
    fn hostile_text_stays_text() {
        let mut model = history::model();
        let streaming = model.streaming.as_mut().unwrap();
        let receiver = streaming
            .inputs
            .values_mut()
            .find_map(|input| input.receiver.as_mut());
        receiver.unwrap().name = HOSTILE.to_owned();
        assert_escaped(page, &model, "/storage/");
        let ctx = context();
        let hostile = ctx.parallelize(vec![1], 1).cache().named(HOSTILE);
        let shown = live_page(&ctx, page, &model, "/storage/");
        assert!(!shown.contains(HOSTILE));
        let uri = format!("/storage/rdd/?id={}", hostile.id());
        assert!(!live_page(&ctx, rdd_page, &model, &uri).contains(HOSTILE));
    }
}
