//! An RDD that is kept, with its partitions.

use headwater_core::{StorageInfo, StoredPartition};
use maud::{Markup, html};

use super::{TAB, name};
use crate::model::Job;
use crate::pages::table::{Column, SortKey, Table};
use crate::pages::{Answer, View, format};
use crate::record::Place;
use crate::rest::block_name;

pub(crate) fn page(view: &View<'_>) -> Answer {
    let id = match view.query.number::<u64>("id") {
        Ok(Some(id)) => id,
        Ok(None) => return Answer::bad("Missing id parameter"),
        Err(error) => return Answer::bad(&error),
    };
    let Some(live) = view.live else {
        return Answer::missing("What is kept is not recorded in event logs.");
    };
    let Some(rdd) = live.storage().into_iter().find(|rdd| rdd.rdd == id) else {
        return Answer::missing(&format!("RDD {id} is not kept, or not any more."));
    };
    let body = html! {
        (facts(view, &rdd))
        section #partitions-section {
            h2 { "Partitions" }
            (partition_table(view, id).show(view.query, live.stored_partitions(id)))
        }
    };
    Answer::page(TAB, format!("RDD {id}: {}", name(&rdd)), body)
}

fn facts(view: &View<'_>, rdd: &StorageInfo) -> Markup {
    let at = Place::from(rdd.site);
    let jobs = view.model.jobs.jobs.values();
    let uses = |job: &&Job| {
        let mut operators = job.start.operators.iter();
        operators.any(|operator| operator.rdd == rdd.rdd)
    };
    let jobs: Vec<_> = jobs.filter(uses).map(Job::id).collect();
    html! {
        dl.facts #rdd {
            dt { "Made by" } dd { (at.operator) " " code.dim { (at.line) } }
            dt { "Storage level" } dd { (rdd.level) }
            dt { "Cached partitions" }
            dd { (bar_of_partitions(rdd)) }
            dt { "Size in memory" } dd { (format::size(rdd.memory_bytes)) }
            dt { "Size on disk" } dd { (format::size(rdd.disk_bytes)) }
            @if !jobs.is_empty() {
                dt { "Jobs that use it" }
                dd {
                    @for job in jobs {
                        a href=(view.job(job)) { (job) } " "
                    }
                }
            }
        }
    }
}

fn bar_of_partitions(rdd: &StorageInfo) -> Markup {
    html! {
        progress value=(rdd.cached_partitions) max=(rdd.partitions.max(1)) {} " "
        (rdd.cached_partitions) " of " (rdd.partitions)
    }
}

/// The partitions that are kept, as Spark's page tells them.
fn partition_table<'a>(view: &'a View<'_>, rdd: u64) -> Table<'a, StoredPartition> {
    let size = |title, of: fn(&StoredPartition) -> u64| {
        Column::new(title, move |one: &StoredPartition| {
            html! { (format::size(of(one))) }
        })
        .sorted_by(move |one| SortKey::Number(of(one) as f64))
    };
    Table {
        name: "partitions",
        columns: vec![
            Column::new("Block Name", move |one: &StoredPartition| {
                html! { (block_name(rdd, one.partition)) }
            })
            .sorted_by(|one| SortKey::Number(one.partition as f64)),
            Column::new("Storage Level", |one: &StoredPartition| {
                html! { (one.level.description()) }
            })
            .hint("Where it is now, which may be less than the level of the RDD")
            .sorted_by(|one| SortKey::Text(one.level.description())),
            size("Size in Memory", |one| one.memory_bytes),
            size("Size on Disk", |one| one.disk_bytes),
            Column::new("Executors", |_: &StoredPartition| {
                html! { "driver " span.dim { (view.model.application.host) } }
            }),
        ],
        sort: ("Block Name", false),
        empty: "No partition is kept.",
        row_id: Some(Box::new(|one| format!("partition-{}", one.partition))),
    }
}
