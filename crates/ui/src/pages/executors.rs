//! What runs tasks: this process, its slots, its memory and its threads.

use headwater_core::SlotInfo;
use maud::{Markup, html};

use super::table::{Column, SortKey, Table};
use super::{Answer, View, format, parts};
use crate::process::{self, Process, Thread};
use crate::record::Took;

pub(crate) fn page(view: &View<'_>) -> Answer {
    let live = view.live.is_some();
    let process = live.then(process::process).flatten();
    let threads = if live { process::threads() } else { Vec::new() };
    let body = html! {
        section #executors-section { (driver(view)) }
        section #process-section {
            h2 { "Process" }
            (facts(view, process))
        }
        section #slots-section {
            h2 { "Slots" }
            @match view.live {
                Some(live) => (slot_table(view).show(view.query, live.ctx.slots_info())),
                None => p.empty { "What slots did is recorded with the tasks of each stage." },
            }
        }
        section #threads-section {
            h2 { "Threads" }
            @if live { (thread_table().show(view.query, threads)) }
            @else { p.empty { "Threads are not recorded in event logs." } }
        }
    };
    Answer::page("/executors/", "Executors", body)
}

/// Spark's table of executors. There is one: the driver, whose slots run all tasks.
fn driver(view: &View<'_>) -> Markup {
    let application = &view.model.application;
    let tasks = &view.model.jobs.tasks;
    let ended = tasks.succeeded + tasks.failed;
    let is_active = view.live.is_some() && view.model.ended.is_none();
    let columns = [
        ("Executor ID", "driver".to_owned()),
        ("Address", application.host.clone()),
        (
            "Status",
            if is_active { "Active" } else { "Dead" }.to_owned(),
        ),
        ("Cores", application.slots.to_string()),
        ("Active Tasks", format::count(tasks.active)),
        ("Failed Tasks", format::count(tasks.failed)),
        ("Complete Tasks", format::count(tasks.succeeded)),
        ("Total Tasks", format::count(tasks.active + ended)),
        ("Task Time", format::length(tasks.counts.run_time)),
        ("Records Read", format::count(tasks.counts.records_read)),
        ("Input", format::size(tasks.counts.bytes_read)),
        (
            "Shuffle Read Records",
            format::count(tasks.counts.shuffle_records_read),
        ),
        (
            "Shuffle Write Records",
            format::count(tasks.counts.shuffle_records_written),
        ),
        ("Output", format::size(tasks.counts.bytes_written)),
    ];
    html! {
        div.scroll {
            table #executors {
                thead { tr { @for (title, _) in &columns { th scope="col" { (title) } } } }
                tbody { tr { @for (_, value) in &columns { td { (value) } } } }
            }
        }
    }
}

fn facts(view: &View<'_>, process: Option<Process>) -> Markup {
    let application = &view.model.application;
    let up = view.until().since(application.started);
    let slots = application.slots as f64;
    let busy = view.model.jobs.tasks.counts.run_time;
    html! {
        dl.facts {
            dt { "Up" } dd { (format::in_words(up)) }
            dt title="Task time by the time that all slots had" { "Slots busy" }
            dd { (share(busy, up.seconds_f64() * slots)) }
            @match process {
                Some(process) => {
                    dt { "Memory" } dd { (format::size(process.resident_bytes)) }
                    dt { "Memory at most" } dd { (format::size(process.peak_bytes)) }
                    dt { "Processor time" } dd { (format::length(process.cpu)) }
                }
                None if view.live.is_some() => {
                    dt { "Memory" } dd { "not told by this system" }
                }
                None => { dt { "Memory" } dd { "not recorded in event logs" } }
            }
        }
    }
}

fn share(busy: Took, seconds: f64) -> String {
    if seconds <= 0.0 {
        return format::NOTHING.to_owned();
    }
    format!("{:.1} %", busy.seconds_f64() / seconds * 100.0)
}

/// Which slot runs what.
fn slot_table<'a>(view: &'a View<'_>) -> Table<'a, SlotInfo> {
    let runs = |slot: &SlotInfo| {
        html! {
            @match slot.running {
                Some(task) => {
                    a href=(view.stage(task.stage)) {
                        "stage " (task.stage) ", partition " (task.partition)
                    }
                    @if task.attempt > 1 { " (attempt " (task.attempt) ")" }
                }
                None => span.dim { "idle" },
            }
        }
    };
    let since = |slot: &SlotInfo| view.now.since(slot.since.into());
    let run_time = |slot: &SlotInfo| Took::from(slot.run_time);
    Table {
        name: "slots",
        columns: vec![
            Column::new("Slot", |slot: &SlotInfo| html! { (slot.slot) })
                .sorted_by(|slot| SortKey::Number(slot.slot as f64)),
            Column::new("Runs", runs)
                .sorted_by(|slot| SortKey::maybe(slot.running.map(|task| task.stage as f64))),
            Column::new(
                "For",
                move |slot: &SlotInfo| html! { (format::length(since(slot))) },
            )
            .hint("How long it has run its task, or has been idle")
            .sorted_by(move |slot| parts::took_key(Some(since(slot)))),
            Column::new(
                "Tasks",
                |slot: &SlotInfo| html! { (format::count(slot.tasks_done)) },
            )
            .sorted_by(|slot| parts::count_key(slot.tasks_done)),
            Column::new("Failed Tasks", |slot: &SlotInfo| {
                html! { (format::count(slot.tasks_failed)) }
            })
            .sorted_by(|slot| parts::count_key(slot.tasks_failed)),
            Column::new("Task Time", move |slot: &SlotInfo| {
                html! { (format::length(run_time(slot))) }
            })
            .sorted_by(move |slot| parts::took_key(Some(run_time(slot)))),
        ],
        sort: ("Slot", false),
        empty: "There are none.",
        row_id: Some(Box::new(|slot| format!("slot-{}", slot.slot))),
    }
}

fn thread_table() -> Table<'static, Thread> {
    Table {
        name: "threads",
        columns: vec![
            Column::new("Thread", |thread: &Thread| html! { (thread.id) })
                .sorted_by(|thread| SortKey::Number(thread.id as f64)),
            Column::new("Name", |thread: &Thread| html! { code { (thread.name) } })
                .hint("The first 15 bytes: the system keeps no more")
                .sorted_by(|thread| SortKey::Text(thread.name.clone())),
            Column::new("Processor Time", |thread: &Thread| {
                html! { (format::length(thread.cpu)) }
            })
            .sorted_by(|thread| SortKey::Number(thread.cpu.0 as f64)),
        ],
        sort: ("Processor Time", true),
        empty: "This system does not tell threads.",
        row_id: Some(Box::new(|thread| format!("thread-{}", thread.id))),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::mpsc::sync_channel;

    use parking_lot::Mutex;

    use super::*;
    use crate::testing::{self, HOSTILE, assert_escaped, history, live_page};

    #[test]
    fn tasks_are_counted_also_those_of_stages_that_are_forgotten() {
        let page = testing::page(page, &history::model(), "/executors/");
        for cell in [
            "<td>driver</td>",
            "<td>2</td><td>1</td><td>3</td><td>25</td><td>29</td>",
        ] {
            assert!(page.contains(cell), "{cell}: {page}");
        }
        assert!(page.contains("not recorded in event logs"));
    }

    #[test]
    fn a_running_program_tells_its_memory_and_threads() {
        let ctx = headwater_core::Context::local(1).unwrap();
        let page = live_page(&ctx, page, &history::model(), "/executors/");
        assert!(page.contains("Active"));
        if cfg!(target_os = "linux") {
            assert!(
                page.contains("Memory at most") && page.contains("thread-"),
                "{page}"
            );
        }
    }

    #[test]
    fn a_slot_tells_what_it_runs_and_what_it_has_done() {
        let ctx = headwater_core::Context::local(2).unwrap();
        ctx.range(0..8, 1, 4).count().unwrap();
        let (entered, wait_entered) = sync_channel(1);
        let (release, wait_release) = sync_channel::<()>(0);
        let wait_release = Arc::new(Mutex::new(wait_release));
        let waits = ctx.parallelize(vec![1], 1).map(move |number| {
            let _ = entered.try_send(());
            let _ = wait_release.lock().recv();
            number
        });
        let job = std::thread::spawn(move || waits.count());
        wait_entered.recv().unwrap();
        let shown = live_page(&ctx, page, &history::model(), "/executors/");
        drop(release);
        job.join().unwrap().unwrap();
        assert!(shown.contains(">stage 1, partition 0</a>"), "{shown}");
        assert!(
            shown.contains("idle") && shown.contains("id=\"slot-1\""),
            "{shown}"
        );
    }

    #[test]
    fn hostile_text_stays_text() {
        let mut model = history::model();
        model.application.host = HOSTILE.to_owned();
        assert_escaped(page, &model, "/executors/");
    }
}
