//! Small parts that several pages show.

use maud::{Markup, html};

use super::format;
use crate::model::Batch;

/// How far something has come: `1/3 (1 failed)`, with a bar.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Progress {
    pub(crate) done: usize,
    pub(crate) failed: usize,
    pub(crate) skipped: usize,
    pub(crate) total: usize,
}

impl Progress {
    pub(crate) fn show(self) -> Markup {
        html! {
            @if self.total > 0 {
                progress max=(self.total) value=(self.done.min(self.total)) {}
                " "
            }
            (self.text())
        }
    }

    fn text(self) -> String {
        let also = [(self.failed, "failed"), (self.skipped, "skipped")];
        let also = also.into_iter().filter(|(count, _)| *count > 0);
        let also: String = also
            .map(|(count, what)| format!(" ({count} {what})"))
            .collect();
        format!("{}/{}{also}", self.done, self.total)
    }
}

/// The output operations of a batch, out of so many that the stream has.
pub(crate) fn outputs(batch: &Batch, all: usize) -> Progress {
    let outputs = &batch.record.outputs;
    let ended = outputs.iter().filter(|output| output.took.is_some());
    let failed = outputs.iter().filter(|output| output.failure.is_some());
    let failed = failed.count();
    Progress {
        done: ended.count().saturating_sub(failed),
        failed,
        skipped: 0,
        total: all.max(outputs.len()),
    }
}

/// The first line of a message, and all of it on demand if there is more.
pub(crate) fn message(id: &str, text: &str) -> Markup {
    let first = text.lines().next().unwrap_or_default();
    html! {
        span.bad { (shortened(first)) }
        @if first != text || first.chars().count() > SHOWN_CHARS {
            details id=(id) { summary { "details" } pre { (text) } }
        }
    }
}

/// So much of a line is shown, as in Spark.
const SHOWN_CHARS: usize = 100;

fn shortened(line: &str) -> String {
    match line.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{}...", &line[..end]),
        None => line.to_owned(),
    }
}

/// The address of a batch's page.
pub(crate) fn batch_address(time: i64) -> String {
    format!("/streaming/batch/?id={time}")
}

/// How many records, in words.
pub(crate) fn records(count: u64) -> String {
    format::counted(count, "record")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_tells_what_failed_and_what_was_skipped() {
        let progress = Progress {
            done: 1,
            failed: 1,
            skipped: 5,
            total: 3,
        };
        assert_eq!(progress.text(), "1/3 (1 failed) (5 skipped)");
        assert!(
            progress
                .show()
                .into_string()
                .contains("max=\"3\" value=\"1\"")
        );
        assert_eq!(Progress::default().show().into_string(), "0/0");
    }

    #[test]
    fn long_messages_are_shortened_and_can_be_read() {
        assert!(!message("m", "short").into_string().contains("details"));
        let long = message("m", &"é".repeat(101)).into_string();
        assert!(long.contains(&format!("{}...", "é".repeat(100))), "{long}");
        assert!(
            message("m", "one\ntwo")
                .into_string()
                .contains("<pre>one\ntwo</pre>")
        );
    }
}
