//! Every page of the recorded history, as a snapshot with an element a line.

use super::{Base, Model, PAGES, View, find};
use crate::record::Record;
use crate::testing::history::{self, APP, batch_time};
use crate::testing::{self, HOSTILE, live_page, model_of, one_tag_a_line};

#[track_caller]
fn snapshot(name: &str, page: &str) {
    assert!(!page.contains(HOSTILE), "{page}");
    insta::with_settings!({ omit_expression => true }, {
        insta::assert_snapshot!(name, one_tag_a_line(page));
    });
}

/// The whole page of an address.
fn page(model: &Model, address: &str) -> String {
    let path = address.split('?').next().unwrap();
    testing::page(find(path), model, address)
}

/// A page while batch 5 runs.
#[track_caller]
fn told(name: &str, address: &str) {
    snapshot(name, &page(&history::model(), address));
}

#[test]
fn streaming() {
    told("streaming", "/streaming/");
}

#[test]
fn batch() {
    let address = |number| format!("/streaming/batch/?id={}", batch_time(number));
    told("batch", &address(1));
    told("batch_skewed", &address(2));
    told("batch_failed", &address(3));
    told("batch_that_waited", &address(4));
    told("batch_running", &address(5));
    told("batch_queued", &address(6));
}

#[test]
fn jobs() {
    told("jobs", "/jobs/");
    told("job", "/jobs/job/?id=0");
    told("job_with_a_skipped_stage", "/jobs/job/?id=1");
    told("job_failed", "/jobs/job/?id=5");
}

#[test]
fn stages() {
    told("stages", "/stages/");
    told("stage", "/stages/stage/?id=0");
    told("stage_with_a_repeated_task", "/stages/stage/?id=7");
    told("stage_running", "/stages/stage/?id=13");
    told("stage_failed", "/stages/stage/?id=8");
}

#[test]
fn state() {
    told("state", "/state/");
}

#[test]
fn storage() {
    told("storage", "/storage/");
    told("storage_rdd", "/storage/rdd/?id=4");
}

#[test]
fn environment() {
    told("environment", "/environment/");
}

#[test]
fn executors() {
    told("executors", "/executors/");
}

#[test]
fn graph() {
    told("graph", "/graph/");
}

#[test]
fn before_the_first_batch() {
    let model = model_of(&history::begun());
    snapshot(
        "streaming_before_the_first_batch",
        &page(&model, "/streaming/"),
    );
}

#[test]
fn without_a_stream() {
    let ctx = headwater_core::Context::local(1).unwrap();
    let model = model_of(&history::begun()[..1]);
    let shown = live_page(&ctx, find("/jobs/"), &model, "/jobs/");
    snapshot("jobs_without_a_stream", &shown);
}

/// As a server of histories shows it, which has put its own address before all links.
#[test]
fn ended() {
    let base = Base {
        path: format!("/history/{APP}"),
        notes: vec![format!("A line of the log cannot be read: {HOSTILE}")],
    };
    let model = model_of(&history::ended());
    let shown = testing::view(&model, "/streaming/", |view| {
        testing::whole(
            find("/streaming/"),
            &View {
                base: &base,
                ..*view
            },
        )
    });
    snapshot("ended", &shown);
}

/// No page is quite true any more, so each of them says so.
#[test]
fn dropped_events() {
    let mut model = history::model();
    let told =
        |model: &Model, path| page(model, path).contains("<p class=\"note\" id=\"dropped\">");
    assert!(PAGES.iter().all(|(path, _)| !told(&model, path)));
    model.apply(&Record::Dropped {
        at: testing::at(0),
        events: 1234,
    });
    assert!(PAGES.iter().all(|(path, _)| told(&model, path)));
    let shown = page(&model, "/streaming/");
    assert!(shown.contains("1\u{202f}234 events dropped"), "{shown}");
}

/// Whatever the address: nothing of it becomes a tag, and all elements end.
#[test]
fn hostile_addresses() {
    let model = history::model();
    for (path, _) in PAGES {
        for key in ["id", "attempt", "completedBatches.sort", "tasks.page"] {
            let address = format!("{path}?{key}=%3Cscript%3Ealert(1)%3C/script%3E");
            let shown = page(&model, &address);
            assert!(!shown.contains(HOSTILE), "{address}: {shown}");
            one_tag_a_line(&shown);
        }
    }
}
