//! Batches of earlier processes of which nothing was kept, for readers who look further back.

use std::sync::OnceLock;
use std::time::Duration;

use headwater_core::{Context, Rdd, Record, Site};

use crate::checkpoint::{InputPast, InputRange};
use crate::error::PlanError;
use crate::graph::{AnyStream, Stream};
use crate::state::taken_in;
use crate::time::Time;

/// The batches that count as empty, as those do from before time began.
///
/// A process keeps of its inputs what its own windows need. A program that looks further back than
/// the one before finds no more than that, and begins with shorter windows. What a process has cut
/// itself is never among them: not to remember that is a mistake, which its reader is told.
#[derive(Default)]
pub(super) struct Bygone {
    up_to: OnceLock<Time>,
}

impl Bygone {
    /// Finds what was not kept of an input, and says so if a window may look for it.
    pub(super) fn find<T: Record>(&self, stream: &Stream<T>, past: &InputPast<'_>) {
        let (graph, info) = (stream.graph(), stream.info());
        let zero = graph.zero_time().unwrap_or(Time::ZERO);
        let first = first_of_run(&past.cuts, info.slide);
        let before = first.map_or(past.taken_in, |first| first - info.slide);
        // What a state is yet to take in may be lost, and is not empty.
        let taken_in = taken_in(graph.state_over(info).iter(), zero);
        let up_to = taken_in.map_or(before, |taken_in| before.min(taken_in));
        // An input is restored once.
        let _ = self.up_to.set(up_to);
        let is_old = past.cuts.iter().any(|(_, range)| range.is_some());
        if let Some(first) = first.filter(|_| is_old)
            && (past.taken_in - reads_back(info.remembered(), info.slide)).max(zero) < up_to
        {
            let name = info.name().map(|name| format!(" ({name})"));
            tracing::warn!(
                "{}{}: what came before batch {first} was not kept, since the program did not look \
                 back as far as it does now; windows find nothing of it, and are whole once they \
                 begin with that batch or a later one",
                info.site,
                name.unwrap_or_default()
            );
        }
    }

    /// What stands for the RDD of a batch that is not there; `fate` is what became of the records
    /// of one that was.
    pub(super) fn rdd<T: Record>(
        &self,
        ctx: &Context,
        (site, time): (Site, Time),
        fate: &str,
    ) -> Result<Rdd<T>, PlanError> {
        if self.up_to.get().is_some_and(|up_to| time <= *up_to) {
            return Ok(ctx.empty());
        }
        let message = format!(
            "the batch at {time} is not remembered, and {fate}; StreamingContext::remember keeps \
             batches longer"
        );
        Err(PlanError::new(site, message))
    }
}

/// The batch from which on each one is recorded, up to the last.
fn first_of_run(cuts: &[(Time, Option<InputRange>)], batch: Duration) -> Option<Time> {
    let mut newest_first = cuts.iter().rev().map(|(time, _)| *time);
    let last = newest_first.next()?;
    let follows = |first: Time, before: Time| (before + batch == first).then_some(before);
    newest_first
        .scan(last, |first, before| {
            *first = follows(*first, before)?;
            Some(*first)
        })
        .last()
        .or(Some(last))
}

/// How much of the past the batches of a stream are read, if they are remembered for so long.
fn reads_back(remembered: Duration, batch: Duration) -> Duration {
    // One batch more is remembered than a window reads, and the last one of these is just cut.
    remembered.saturating_sub(batch * 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_unbroken_run_of_cuts_is_whole() {
        let first = |cuts: &[i64]| {
            let at = |second: &i64| (Time::from_millis(second * 1000), None);
            let cuts: Vec<_> = cuts.iter().map(at).collect();
            let first = first_of_run(&cuts, Duration::from_secs(1));
            first.map(|first| first.as_millis() / 1000)
        };
        assert_eq!(first(&[]), None);
        assert_eq!(first(&[7]), Some(7));
        assert_eq!(first(&[6, 7, 8]), Some(6));
        assert_eq!(first(&[1, 2, 4, 5, 7, 8]), Some(7));
        assert_eq!(first(&[1, 7]), Some(7));
    }

    #[test]
    fn only_windows_read_the_past() {
        let batch = Duration::from_secs(1);
        assert_eq!(reads_back(batch, batch), Duration::ZERO);
        // A window of five batches, for a reader that remembers one.
        assert_eq!(reads_back(batch * 6, batch), batch * 4);
    }
}
