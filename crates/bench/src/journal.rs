//! `journal`: what it costs a socket stream to survive a crash.

use crate::directory::Directory;
use crate::error::BenchError;
use crate::measure::median;
use crate::options::Options;
use crate::socket;
use crate::table::Row;

/// Variants, and whether everything that is received goes to a journal.
const VARIANTS: [(&str, bool); 2] = [("journal/off", false), ("journal/on", true)];

/// Counts the words of a socket with and without a checkpoint directory. The variants take
/// turns, so that what else the machine does is shared by both.
pub(crate) fn run(options: &Options) -> Result<Vec<Row>, BenchError> {
    let mut rounds = Vec::new();
    for _ in 0..options.runs {
        for (name, is_kept) in VARIANTS {
            rounds.extend(count(name, is_kept, options)?);
        }
    }
    let [off, on] = VARIANTS.map(|(name, _)| medians(name, &rounds));
    let compared = on
        .iter()
        .zip(&off)
        .map(|(on, off)| on.clone().compared_to(off));
    Ok(off.iter().cloned().chain(compared).collect())
}

fn count(name: &str, is_kept: bool, options: &Options) -> Result<Vec<Row>, BenchError> {
    if !is_kept {
        return socket::run_with(name, &[], options);
    }
    let directory = Directory::new()?;
    let settings = [("streaming.checkpoint.directory", directory.name())];
    let settings = settings
        .each_ref()
        .map(|(key, value)| (*key, value.as_str()));
    socket::run_with(name, &settings, options)
}

/// The median of each metric of a variant over all rounds.
fn medians(name: &str, rounds: &[Row]) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for row in rounds.iter().filter(|row| row.name == name) {
        if rows.iter().any(|known| known.metric == row.metric) {
            continue;
        }
        let is_same = |other: &&Row| other.name == name && other.metric == row.metric;
        let values: Vec<f64> = rounds.iter().filter(is_same).map(|row| row.value).collect();
        rows.push(Row::new(name, &row.metric, median(&values), &row.unit));
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_metric_has_the_median_of_its_rounds() {
        let row = |name, metric, value| Row::new(name, metric, value, "MB/s");
        let rounds = [
            row("a", "x", 3.0),
            row("a", "y", 10.0),
            row("b", "x", 100.0),
            row("a", "x", 1.0),
            row("a", "x", 2.0),
        ];
        let expected = [row("a", "x", 2.0), row("a", "y", 10.0)];
        assert_eq!(medians("a", &rounds), expected);
    }
}
