//! What is written about batches.

use crate::pages::format::{at_millis, clock, count, length, maybe_length};
use crate::record::BatchRecord;

use super::batches::Batches;

/// The line of a terminal.
pub(super) fn line(batches: &Batches) -> String {
    let mut parts = vec![format!("[{}]", batches.app)];
    match &batches.last {
        Some(batch) => {
            parts[0].push(' ');
            parts[0].push_str(&time_of_day(batches, batch));
            parts.push(format!("batch #{}", count(batches.done)));
            parts.push(format!("{} records", count(batch.records())));
            parts.push(format!("delay {}", maybe_length(batch.scheduling_delay)));
            let took = maybe_length(batch.processing_delay);
            parts.push(format!("took {took} / {}", length(batches.interval)));
        }
        None => parts.push("no batch is done yet".to_owned()),
    }
    parts.push(format!("backlog {}", count(batches.backlog())));
    if batches.failed > 0 {
        parts.push(format!("{} failed", count(batches.failed)));
    }
    if batches.last.is_some() {
        parts.push(format!("{} rec/s", rate(batches.rate())));
    }
    parts.join("  ")
}

/// A line of the log, whose fields tell the rest.
pub(super) fn log(batches: &Batches, batch: &BatchRecord) -> String {
    let time = time_of_day(batches, batch);
    match batch.failure() {
        None => format!("batch {time} is done"),
        Some(failure) => format!("batch {time} failed: {failure}"),
    }
}

fn time_of_day(batches: &Batches, batch: &BatchRecord) -> String {
    let has_millis = !batches.interval.0.is_multiple_of(1_000_000);
    clock(at_millis(batch.time), &batches.zone, has_millis)
}

/// A decimal only where it says something.
fn rate(per_second: f64) -> String {
    match per_second {
        ..1000.0 => format!("{per_second:.1}"),
        // Rates are positive and far below the largest whole number.
        _ => count(per_second.round() as u64),
    }
}

#[cfg(test)]
mod tests {
    use super::super::batches::tests::{batch, batches};
    use super::*;
    use crate::record::{OutputRecord, Record, Took};

    #[test]
    fn the_line_tells_the_last_batch_and_what_waits() {
        let mut batches = batches();
        assert_eq!(
            line(&batches),
            "[LogAnalyzer]  no batch is done yet  backlog 0"
        );
        batches.apply(&Record::BatchCompleted(batch(36_005_000, 2835)));
        batches.apply(&Record::BatchSubmitted(batch(36_006_000, 2)));
        let expected = "[LogAnalyzer] 10:00:05  batch #1  2\u{202f}835 records  delay 6.00 ms  \
                        took 349 ms / 1.0 s  backlog 1  2\u{202f}835 rec/s";
        assert_eq!(line(&batches), expected);
    }

    #[test]
    fn failures_are_told() {
        let mut batches = batches();
        batches.interval = Took(500_000);
        let mut failed = batch(36_005_500, 7);
        failed.outputs.push(OutputRecord {
            failure: Some("the disk is full".to_owned()),
            ..OutputRecord::default()
        });
        batches.apply(&Record::BatchCompleted(failed.clone()));
        let line = line(&batches);
        assert!(line.contains("backlog 0  1 failed  14.0 rec/s"), "{line}");
        assert_eq!(
            log(&batches, &failed),
            "batch 10:00:05.500 failed: the disk is full"
        );
    }

    #[test]
    fn a_line_of_the_log_is_one_batch() {
        assert_eq!(
            log(&batches(), &batch(36_005_000, 2835)),
            "batch 10:00:05 is done"
        );
    }
}
