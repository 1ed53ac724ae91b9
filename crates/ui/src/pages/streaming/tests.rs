use crate::model::{Limits, Model};
use crate::pages::{Base, View};
use crate::record::{BatchRecord, Record, Took};
use crate::testing::history::{self, history};
use crate::testing::{self, HOSTILE, START_MS, answer, at, ms};

fn shown(model: &Model, address: &str) -> String {
    answer(super::page, model, address).body.into_string()
}

/// The text from an element's id to the end of what it may hold.
fn part<'a>(page: &'a str, from: &str, to: &str) -> &'a str {
    let begin = page
        .find(from)
        .unwrap_or_else(|| panic!("no {from} in {page}"));
    let rest = &page[begin..];
    &rest[..rest.find(to).unwrap_or(rest.len())]
}

#[test]
fn the_summary_tells_how_long_and_how_much() {
    let page = shown(&history::model(), "/streaming/");
    let summary = part(&page, "<p id=\"summary\">", "</p>");
    let texts = [
        "Running batches of <b>1 second</b>",
        "since <b>2025/11/24 16:00:00</b>",
        "<b>4</b> completed batches, <b class=\"bad\">1</b> of them failed, <b>882</b> records)",
    ];
    for text in texts {
        assert!(summary.contains(text), "{text} in {summary}");
    }
}

#[test]
fn a_log_that_tells_of_no_end_does_not_run() {
    let of_log = |model: &Model| {
        let base = Base {
            path: "/history/local-1".to_owned(),
            notes: Vec::new(),
        };
        let page = testing::view(model, "/streaming/", |view| {
            super::page(&View {
                base: &base,
                ..*view
            })
            .body
            .into_string()
        });
        part(&page, "<p id=\"summary\">", "</p>").to_owned()
    };
    let killed = of_log(&history::model());
    assert!(
        killed.contains("Ran batches of <b>1 second</b>"),
        "{killed}"
    );
    let cut = "until the log ends at <b>2025/11/24 16:00:06</b> without an end";
    assert!(killed.contains(cut), "{killed}");
    let mut records = history();
    records.push(Record::ApplicationEnded { at: at(7000) });
    let ended = of_log(&testing::model_of(&records));
    assert!(
        ended.contains("Ran batches") && !ended.contains("the log ends"),
        "{ended}"
    );
}

#[test]
fn charts_have_a_dot_for_each_batch_that_has_the_value() {
    let page = shown(&history::model(), "/streaming/");
    assert!(page.contains("Timelines (Last 6 batches, 2 active, 4 completed)"));
    let dots = |id: &str| part(&page, &format!("id=\"{id}-timeline\""), "</svg>");
    assert_eq!(dots("input-rate").matches("<circle").count(), 6);
    assert_eq!(dots("scheduling-delay").matches("<circle").count(), 5);
    let processing = dots("processing-time");
    assert_eq!(processing.matches("<circle").count(), 4);
    assert_eq!(processing.matches("class=\"failed\"").count(), 1);
    let failed = format!(
        "href=\"#batch-{}\"><circle class=\"failed\"",
        START_MS + 3000
    );
    assert!(processing.contains(&failed), "{processing}");
    assert!(
        processing.contains(">stable up to 1 sec</text>"),
        "{processing}"
    );
    assert!(!dots("total-delay").contains("stable"));
    // All delays have the unit of the longest.
    assert!(dots("scheduling-delay").contains(">sec</text>"));
    assert!(page.contains("Avg: 147.00 records/sec") && page.contains("Avg: 140.00 records/sec"));
}

#[test]
fn inputs_tell_their_state_and_what_they_have_stored() {
    let page = shown(&history::model(), "/streaming/");
    let receiver = part(&page, "<tr id=\"input-0\">", "</tr>");
    let texts = [
        "SocketReceiver-0",
        "ACTIVE",
        "slowed since 16:00:04",
        "1.5 KiB of 1.0 MiB in memory",
        "4.0 KiB of 1.0 GiB on disk",
        "2025/11/24 16:00:00",
        "connection refused",
        "id=\"input-0-timeline\"",
        "id=\"input-0-histogram\"",
    ];
    for text in texts {
        assert!(receiver.contains(text), "{text} in {receiver}");
    }
    assert!(page.contains("Receivers: 1 / 1 active"));
}

#[test]
fn tables_list_batches_by_their_state() {
    let page = shown(&history::model(), "/streaming/");
    let of = |id: &str| {
        part(
            &page,
            &format!("<section id=\"{id}-section\">"),
            "</section>",
        )
    };
    let running = of("runningBatches");
    assert!(running.contains("Running Batches (1)") && running.contains("processing"));
    assert!(running.contains(&format!("<tr id=\"batch-{}\">", START_MS + 5000)));
    assert!(of("waitingBatches").contains("Waiting Batches (1)"));
    assert!(of("waitingBatches").contains("queued"));
    let completed = of("completedBatches");
    assert!(completed.contains("Completed Batches (last 4 out of 4)"));
    assert!(completed.contains("1/2 (1 failed)") && completed.contains("2/2"));
    assert!(completed.contains("47 records"));
    assert!(completed.contains("/streaming/batch/?id=1764000001000\">2025/11/24 16:00:01</a>"));
    assert!(completed.contains(&format!("<details id=\"error-{}\">", START_MS + 3000)));
    let why = |batch: i64| {
        part(
            completed,
            &format!("batch-{}", START_MS + batch * 1000),
            "</tr>",
        )
    };
    assert!(why(2).contains("One partition is skewed"), "{}", why(2));
    assert!(why(3).contains("A retry"), "{}", why(3));
    assert!(
        why(4).contains("waited 2.3 s for the batch of 2025/11/24 16:00:03"),
        "{}",
        why(4)
    );
    assert!(!why(1).contains("slow"));
}

#[test]
fn failed_batches_that_are_older_than_the_others_are_listed() {
    let limits = Limits {
        batches: 1,
        ..Limits::default()
    };
    let mut model = Model::new(limits);
    history().iter().for_each(|record| model.apply(record));
    let page = shown(&model, "/streaming/");
    assert!(page.contains("Completed Batches (last 1 out of 4)"));
    assert!(page.contains("Failed Batches Before (1)"));
    let link = format!("/streaming/batch/?id={}", START_MS + 3000);
    assert!(
        part(
            &page,
            "<section id=\"failedBatches-section\">",
            "</section>"
        )
        .contains(&link)
    );
    let of_batch = answer(crate::pages::batch::page, &model, &link);
    assert_eq!(of_batch.status, 200);
}

/// As when a batch before has failed, and streams stop at failures.
#[test]
fn what_was_queued_when_the_stream_stopped_is_not_run() {
    let mut records = history::history();
    records.push(Record::StreamStopped { at: at(6500) });
    let model = testing::model_of(&records);
    let page = shown(&model, "/streaming/");
    assert!(page.contains("Waiting Batches (0)") && page.contains("Batches Not Run (1)"));
    let not_run = part(
        &page,
        "<section id=\"notRunBatches-section\">",
        "</section>",
    );
    assert!(not_run.contains(&format!("<tr id=\"batch-{}\">", START_MS + 6000)));
    assert!(not_run.contains("<td>not run</td>"), "{not_run}");
    assert!(!not_run.contains("so far"), "{not_run}");
    assert!(page.contains("Timelines (Last 6 batches, 1 active, 4 completed, 1 not run)"));
    // Nor is it when the program ended without a word about its stream.
    *records.last_mut().unwrap() = Record::ApplicationEnded { at: at(6500) };
    let ended = testing::model_of(&records).streaming.unwrap();
    assert_eq!(ended.active(), 1);
}

#[test]
fn what_is_dropped_after_a_failure_is_not_run_before_the_stream_stops() {
    let mut records = history::history();
    let Some(Record::BatchSubmitted(queued)) = records.last().cloned() else {
        panic!("batch 6 is queued");
    };
    records.push(Record::BatchDropped(queued));
    let page = shown(&testing::model_of(&records), "/streaming/");
    assert!(page.contains("Waiting Batches (0)") && page.contains("Batches Not Run (1)"));
    assert!(page.contains("Timelines (Last 6 batches, 1 active, 4 completed, 1 not run)"));
}

#[test]
fn tables_are_sorted_by_the_address() {
    let page = shown(
        &history::model(),
        "/streaming/?completedBatches.sort=Records",
    );
    let rows: Vec<_> = page
        .match_indices("<tr id=\"batch-")
        .map(|(at, _)| at)
        .collect();
    let times: Vec<_> = rows[2..].iter().map(|at| &page[at + 14..at + 27]).collect();
    assert_eq!(
        times,
        [
            "1764000001000",
            "1764000002000",
            "1764000003000",
            "1764000004000"
        ]
    );
    // A row may be on another page now: dots of batches that are done lead to theirs.
    assert!(page.contains("<a href=\"/streaming/batch/?id=1764000001000\"><circle"));
}

#[test]
fn before_the_first_batch_there_are_no_averages() {
    let page = shown(&testing::model_of(&history::begun()), "/streaming/");
    assert!(page.contains("Avg: -") && page.contains("No batch yet."));
    assert!(page.contains("Completed Batches (last 0 out of 0)"));
}

#[test]
fn without_a_stream_there_is_no_page() {
    assert_eq!(
        answer(super::page, &Model::default(), "/streaming/").status,
        404
    );
}

#[test]
fn hostile_text_stays_text() {
    let page = shown(&history::model(), "/streaming/");
    assert!(!page.contains(HOSTILE));
    assert!(page.contains("connection refused &lt;script&gt;"));
}

/// A page with everything that is kept of a stream that has run for long stays small.
#[test]
fn a_long_history_is_a_small_page() {
    let mut records = history();
    for number in 10..2000 {
        records.push(Record::BatchCompleted(BatchRecord {
            time: START_MS + number * 1000,
            submitted: at(number * 1000),
            scheduling_delay: Some(Took(number as u64 * 37 % 5000)),
            processing_delay: Some(ms(100 + number as u64 % 71)),
            ..BatchRecord::default()
        }));
    }
    let page = shown(&testing::model_of(&records), "/streaming/");
    assert!(page.len() < 150_000, "{} bytes", page.len());
    let newest = format!("href=\"#batch-{}\"", START_MS + 1_999_000);
    assert!(page.contains(&newest));
}
