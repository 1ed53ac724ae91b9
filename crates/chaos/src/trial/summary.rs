//! What the rounds gave, for people.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use clap::ValueEnum;

use super::plan::Fault;
use super::verify::Findings;

/// How many messages of a round are shown.
const MESSAGES_MAX: usize = 12;

/// What one round gave.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) records: usize,
    /// How many processes were started.
    pub(crate) starts: usize,
    pub(crate) faults: BTreeMap<Fault, usize>,
    /// From the start of a process after the first to its first batch that was done.
    pub(crate) recoveries: Vec<Duration>,
    /// Processes that ended with an error where the plan lets them.
    pub(crate) planned_failures: usize,
    /// Starts that refused to run the last batch again, and did not have to.
    pub(crate) refusals: usize,
    pub(crate) receiver_failures: usize,
    pub(crate) disks_filled: usize,
    pub(crate) files_limited: usize,
    pub(crate) findings: Findings,
    /// What the stream must not do: end without a reason, hang, forget.
    pub(crate) broken: Vec<String>,
    pub(crate) took: Duration,
    /// Where the files of the round are, if they were kept.
    pub(crate) kept: Option<String>,
}

impl Outcome {
    pub(crate) fn count(&mut self, fault: Fault) {
        *self.faults.entry(fault).or_default() += 1;
    }

    pub(crate) fn broken(&mut self, message: String) {
        self.broken.push(message);
    }

    pub(crate) fn is_good(&self) -> bool {
        self.findings.is_good() && self.broken.is_empty()
    }

    /// A line, and what was wrong.
    pub(crate) fn report(&self, number: usize, seed: u64) -> String {
        let verdict = if self.is_good() { "good" } else { "WRONG" };
        let mut text = format!(
            "round {number} (--round-seed {seed}): {verdict}, {} records, {} starts, {:.1} s; {}",
            self.records,
            self.starts,
            self.took.as_secs_f64(),
            list(&self.faults)
        );
        let messages: Vec<_> = self.broken.iter().chain(&self.findings.messages).collect();
        for message in messages.iter().take(MESSAGES_MAX) {
            text.push_str(&format!("\n    {message}"));
        }
        if messages.len() > MESSAGES_MAX {
            text.push_str(&format!("\n    and {} more", messages.len() - MESSAGES_MAX));
        }
        if let Some(place) = &self.kept {
            text.push_str(&format!("\n    kept in {place}"));
        }
        text
    }
}

/// What all rounds gave.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    rounds: usize,
    wrong_rounds: usize,
    broken: usize,
    sum: Outcome,
}

impl Summary {
    pub(crate) fn add(&mut self, outcome: Outcome) {
        self.rounds += 1;
        self.wrong_rounds += usize::from(!outcome.is_good());
        self.broken += outcome.broken.len();
        let sum = &mut self.sum;
        sum.records += outcome.records;
        sum.starts += outcome.starts;
        for (fault, count) in outcome.faults {
            *sum.faults.entry(fault).or_default() += count;
        }
        sum.recoveries.extend(outcome.recoveries);
        sum.planned_failures += outcome.planned_failures;
        sum.refusals += outcome.refusals;
        sum.receiver_failures += outcome.receiver_failures;
        sum.disks_filled += outcome.disks_filled;
        sum.files_limited += outcome.files_limited;
        sum.findings.lost += outcome.findings.lost;
        sum.findings.duplicated += outcome.findings.duplicated;
        sum.findings.wrong += outcome.findings.wrong;
        sum.took += outcome.took;
    }

    pub(crate) fn is_good(&self) -> bool {
        self.wrong_rounds == 0
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sum = &self.sum;
        let kills = sum.faults.get(&Fault::Kill).copied().unwrap_or(0);
        let took = sum.took.as_secs_f64();
        let mut recoveries = sum.recoveries.clone();
        recoveries.sort();
        let ms = |part| part_of(&recoveries, part).as_secs_f64() * 1e3;
        writeln!(f, "rounds            {} ({took:.0} s)", self.rounds)?;
        writeln!(f, "kills             {kills}")?;
        writeln!(
            f,
            "restarts          {}",
            sum.starts - self.rounds.min(sum.starts)
        )?;
        writeln!(f, "records           {}", sum.records)?;
        writeln!(f, "lost              {}", sum.findings.lost)?;
        writeln!(f, "duplicated        {}", sum.findings.duplicated)?;
        writeln!(f, "wrong totals      {}", sum.findings.wrong)?;
        writeln!(f, "other problems    {}", self.broken)?;
        writeln!(
            f,
            "recovery          median {:.0} ms, 95 percent within {:.0} ms, longest {:.0} ms \
             ({} restarts, from the start of the process to its first batch)",
            ms(50),
            ms(95),
            ms(100),
            recoveries.len()
        )?;
        writeln!(f, "faults            {}", list(&sum.faults))?;
        writeln!(
            f,
            "that came of them {} streams stopped by a failing sink or a full disk, {} receivers \
             started again, {} starts that could not run the last batch again",
            sum.planned_failures, sum.receiver_failures, sum.refusals
        )?;
        write!(
            f,
            "full disks        {} by a small file system, {} by a limit for the size of files",
            sum.disks_filled, sum.files_limited
        )
    }
}

/// The duration that so many percent do not exceed.
fn part_of(sorted: &[Duration], percent: usize) -> Duration {
    let place = (sorted.len() * percent).div_ceil(100).max(1) - 1;
    sorted.get(place).copied().unwrap_or_default()
}

fn list(faults: &BTreeMap<Fault, usize>) -> String {
    let name = |fault: &Fault| {
        let value = fault.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    };
    let items: Vec<_> = faults
        .iter()
        .map(|(fault, count)| format!("{} {count}", name(fault)))
        .collect();
    items.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome() -> Outcome {
        let mut outcome = Outcome {
            records: 100,
            starts: 3,
            recoveries: vec![Duration::from_millis(30), Duration::from_millis(10)],
            ..Outcome::default()
        };
        outcome.count(Fault::Kill);
        outcome.count(Fault::Kill);
        outcome.count(Fault::TornTail);
        outcome
    }

    #[test]
    fn rounds_add_up() {
        let mut summary = Summary::default();
        summary.add(outcome());
        summary.add(outcome());
        assert!(summary.is_good());
        let text = summary.to_string();
        for line in [
            "rounds            2 (0 s)",
            "kills             4",
            "restarts          4",
            "records           200",
            "lost              0",
            "faults            kill 4, torn-tail 2",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
        assert!(
            text.contains("median 10 ms, 95 percent within 30 ms"),
            "{text}"
        );
    }

    #[test]
    fn one_wrong_round_is_enough() {
        let mut lost = outcome();
        lost.findings.lost = 1;
        lost.findings
            .messages
            .push("records: record 3 is missing".to_owned());
        let report = lost.report(7, 99);
        assert!(
            report.contains("round 7 (--round-seed 99): WRONG"),
            "{report}"
        );
        assert!(report.contains("record 3 is missing"), "{report}");
        let mut hanging = outcome();
        hanging.broken("it hangs".to_owned());
        for bad in [lost, hanging] {
            let mut summary = Summary::default();
            summary.add(outcome());
            summary.add(bad);
            assert!(!summary.is_good());
        }
    }
}
