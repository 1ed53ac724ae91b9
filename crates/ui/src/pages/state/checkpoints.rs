//! What is written down so that a stream can go on: the ends of batches, and state as a whole.

use maud::{Markup, html};

use crate::model::{Checkpoints, Streaming};
use crate::pages::{View, format, parts};
use crate::record::{CheckpointFailure, CheckpointRecord, Took};

pub(super) fn section(view: &View<'_>, streaming: &Streaming) -> Markup {
    html! {
        h2 { "Checkpoints" }
        (written(view, streaming))
        h2 { "Journal" }
        (journal(view, streaming))
    }
}

/// When state was written whole, and how that went.
fn written(view: &View<'_>, streaming: &Streaming) -> Markup {
    let Checkpoints {
        written_total,
        failed_total,
        last,
        last_failure,
        is_failing,
    } = &streaming.checkpoints;
    html! {
        @if last.is_none() {
            p.empty {
                "None was written: the stream has no checkpoint directory, or none was due yet."
            }
        }
        @if *is_failing {
            p.note {
                "The last attempt failed. The stream goes on, keeps its journal for longer, and \
                 tries again."
            }
        }
        dl.facts #checkpoints {
            @if let Some(last) = last {
                (facts(view, streaming, last))
                dt { "Written so far" } dd { (format::count(*written_total)) }
            }
            @if let Some(failure) = last_failure {
                dt { "Failed so far" }
                dd { span.bad { (format::count(*failed_total)) } }
                (failed(view, failure))
            }
        }
    }
}

fn facts(view: &View<'_>, streaming: &Streaming, last: &CheckpointRecord) -> Markup {
    let CheckpointRecord {
        at,
        took,
        time,
        state_bytes,
        snapshots,
        unchanged,
        manifest,
    } = last;
    html! {
        dt { "Last written" }
        dd {
            (format::date_time(*at, view.zone, format::has_millis(streaming.interval)))
            ", up to the end of batch "
            (batch(view, streaming, *time))
        }
        dt title="With the time in which it gave way to batches" { "Took" }
        dd { (format::length(*took)) }
        dt title="A snapshot is a partition of a state, written whole" { "State" }
        dd {
            (format::size(*state_bytes)) " in snapshots: " (format::count(*snapshots))
            " (unchanged since earlier ones: " (format::count(*unchanged)) ")"
        }
        dt { "Manifest" } dd { code { (manifest) } }
    }
}

fn failed(view: &View<'_>, failure: &CheckpointFailure) -> Markup {
    html! {
        dt { "Last failure" }
        dd {
            (parts::moment(view, Some(failure.at))) ", after " (format::length(failure.took))
            (parts::message("checkpoint-failure", &failure.message))
        }
    }
}

/// What is written down of each batch.
fn journal(view: &View<'_>, streaming: &Streaming) -> Markup {
    let last = streaming.completed.iter().rev();
    let mut last = last.filter_map(|batch| Some((batch.time(), batch.record.commit_took?)));
    html! {
        @match last.next() {
            None => p.empty {
                "Nothing was told: the stream has no checkpoint directory, or no batch has ended \
                 yet."
            },
            Some((time, took)) => dl.facts #journal {
                dt { "Last written" }
                dd { "at the end of batch " (batch(view, streaming, time)) }
                dt { "Took" } dd { (format::length(took)) }
                dt { "Took on average" }
                dd { (mean_length(streaming.mean_ms(|batch| batch.commit_took))) }
                dt title="Writing down what a batch consists of, before it begins" {
                    "Cuts took on average"
                }
                dd { (mean_length(streaming.mean_ms(|batch| batch.cut_took))) }
            },
        }
    }
}

fn batch(view: &View<'_>, streaming: &Streaming, time: i64) -> Markup {
    html! {
        a href=(view.batch(time)) { (format::batch_time(time, streaming.interval, view.zone)) }
    }
}

fn mean_length(millis: Option<f64>) -> String {
    format::maybe_length(millis.map(|millis| Took((millis * 1000.0) as u64)))
}

#[cfg(test)]
mod tests {
    use crate::pages::state::page;
    use crate::record::Record;
    use crate::testing::{self, HOSTILE, history};

    /// The page after some of the checkpoints of the tests.
    fn after(checkpoints: &[Record]) -> String {
        let mut model = history::model();
        for record in checkpoints {
            model.apply(record);
        }
        testing::page(page, &model, "/state/")
    }

    #[test]
    fn the_last_checkpoint_tells_what_was_written() {
        let [written, failed] = testing::checkpoints("the disk is full");
        let page = after(&[failed, written]);
        for part in [
            "2025/11/24 16:00:04, up to the end of batch \
             <a href=\"/streaming/batch/?id=1764000004000\">",
            "<dd>25 ms</dd>",
            "<dd>2.0 KiB in snapshots: 3 (unchanged since earlier ones: 1)</dd>",
            "<code>manifest-7</code>",
            "<dt>Written so far</dt><dd>1</dd>",
            "<span class=\"bad\">1</span>",
            "the disk is full",
        ] {
            assert!(page.contains(part), "{part}: {page}");
        }
        // That is over: one was written since.
        assert!(!page.contains("The last attempt failed"), "{page}");
    }

    #[test]
    fn a_failure_is_told_until_one_is_written() {
        let [written, failed] = testing::checkpoints(HOSTILE);
        let page = after(&[written, failed.clone(), failed]);
        assert!(page.contains("The last attempt failed"), "{page}");
        assert!(page.contains("<span class=\"bad\">2</span>"), "{page}");
        assert!(page.contains("manifest-7"), "{page}");
        assert!(
            page.contains("&lt;script&gt;") && !page.contains(HOSTILE),
            "{page}"
        );
    }
}
