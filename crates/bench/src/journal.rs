//! `journal`: what it costs a socket stream to survive a crash.

use crate::directory::Directory;
use crate::error::BenchError;
use crate::measure::median;
use crate::options::Options;
use crate::socket;
use crate::table::Row;

/// A way to count: a name, whether everything that is received goes to a journal, and how soon
/// blocks go to disk when memory is full. The source sends as fast as it is read, so without any
/// patience every block goes there.
type Variant = (&'static str, bool, &'static str);

/// Variants in pairs, of which the second is compared to the first.
const VARIANTS: [[Variant; 2]; 2] = [
    [("journal/off", false, "10s"), ("journal/on", true, "10s")],
    [
        ("journal/off+disk", false, "0s"),
        ("journal/on+disk", true, "0s"),
    ],
];

/// Counts the words of a socket with and without a checkpoint directory. The variants take
/// turns, so that what else the machine does is shared by both.
pub(crate) fn run(options: &Options) -> Result<Vec<Row>, BenchError> {
    let mut rounds = Vec::new();
    for _ in 0..options.runs {
        for variant in VARIANTS.iter().flatten() {
            rounds.extend(count(variant, options)?);
        }
    }
    let mut rows = Vec::new();
    for [(off, ..), (on, ..)] in VARIANTS {
        let (off, on) = (medians(off, &rounds), medians(on, &rounds));
        let compared = on.into_iter().zip(&off);
        let compared: Vec<_> = compared.map(|(on, off)| on.compared_to(off)).collect();
        rows.extend(off.into_iter().chain(compared));
    }
    Ok(rows)
}

fn count(
    (name, is_kept, spill_after): &Variant,
    options: &Options,
) -> Result<Vec<Row>, BenchError> {
    let directory = Directory::new()?;
    let kept_in = directory.name();
    let mut settings = vec![("streaming.receiver.spill_after", *spill_after)];
    if *is_kept {
        settings.push(("streaming.checkpoint.directory", &kept_in));
    }
    socket::run_with(name, &settings, options)
}

/// The median of each metric of a variant over all rounds.
pub(crate) fn medians(name: &str, rounds: &[Row]) -> Vec<Row> {
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
