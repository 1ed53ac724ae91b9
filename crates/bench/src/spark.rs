//! The same workloads on Apache Spark Streaming, by `peers/spark/run.sh`.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::{Builder, NamedTempFile};

use crate::batch::JOBS;
use crate::error::BenchError;
use crate::options::Options;
use crate::state::{KEYS, UPDATES};
use crate::table::Row;
use crate::text::Recipe;
use crate::word_count::WORDS;

/// The script's exit status where Spark cannot run for want of Python or Java.
const MISSING: i32 = 3;

/// Spark needs longer than we do until its figures are steady.
const SOCKET_SECONDS_MIN: u64 = 20;

/// Of how many batches of state Spark's figures are, and how long they are: long enough that
/// they do not queue up.
const STATE_BATCHES: u32 = 20;
const STATE_INTERVAL_MS: u32 = 4_000;

/// Our benchmark and Spark's workload that does the same.
const WORKLOADS: [(&str, &str); 6] = [
    ("word-count", "word-count"),
    ("socket", "socket"),
    ("batch", "trivial-batch"),
    ("shortest-interval", "shortest-interval"),
    ("map-with-state", "map-with-state"),
    ("update-state", "update-state"),
];

/// Spark's workload and metric, and our row that is compared to it; our metrics have the same
/// names.
const COUNTERPARTS: [(&str, &str, &str); 17] = [
    ("word-count", "mb_per_s", "word-count/50000/engine"),
    ("word-count", "mb_per_cpu_s", "word-count/50000/engine"),
    ("word-count", "records_per_cpu_s", "word-count/50000/engine"),
    ("word-count", "peak_rss_mb", "memory/word-count"),
    ("socket", "mb_per_s", "socket/engine"),
    ("socket", "lines_per_s", "socket/engine"),
    ("socket", "mb_per_cpu_s", "socket/engine"),
    ("socket", "peak_rss_mb", "memory/socket"),
    ("trivial-batch", "median_ms", "batch/job"),
    ("trivial-batch", "p95_ms", "batch/job"),
    ("trivial-batch", "processing_ms", "batch/stream"),
    ("trivial-batch", "peak_rss_mb", "memory/batch"),
    ("shortest-interval", "interval_ms", "shortest-interval"),
    ("map-with-state", "processing_ms", "map-with-state"),
    ("map-with-state", "processing_p95_ms", "map-with-state"),
    ("update-state", "processing_ms", "update-state"),
    ("update-state", "processing_p95_ms", "update-state"),
];

/// What Spark said.
pub(crate) enum Answer {
    /// Its figures.
    Figures(Vec<Row>),
    /// Why it cannot run here.
    Missing(String),
}

/// Runs Spark's workloads for those of the benchmarks that have one.
pub(crate) fn run(names: &[&str], options: &Options) -> Result<Answer, BenchError> {
    let text = Text::write(options.bytes)?;
    let mut rows = Vec::new();
    for (_, workload) in WORKLOADS.iter().filter(|(ours, _)| names.contains(ours)) {
        eprintln!("running {workload} on Spark; its first run installs it");
        match run_workload(workload, &text.path(), options)? {
            Answer::Figures(figures) => rows.extend(figures),
            missing @ Answer::Missing(_) => return Ok(missing),
        }
    }
    Ok(Answer::Figures(rows))
}

/// The text in a file, which is removed in the end.
struct Text(NamedTempFile);

impl Text {
    fn write(bytes: u64) -> Result<Text, BenchError> {
        // Spark passes over files whose names begin with a dot.
        let mut file = Builder::new()
            .prefix("headwater-bench-")
            .suffix(".txt")
            .tempfile()
            .map_err(BenchError::io("create", "a temporary file"))?;
        let path = file.path().to_owned();
        Recipe::new(WORDS[0], bytes)
            .write_to(&mut file)
            .map_err(BenchError::io("write", path))?;
        Ok(Text(file))
    }

    fn path(&self) -> String {
        self.0.path().to_string_lossy().into_owned()
    }
}

fn run_workload(workload: &str, file: &str, options: &Options) -> Result<Answer, BenchError> {
    let runs = options.runs.to_string();
    let seconds = options.seconds.max(SOCKET_SECONDS_MIN).to_string();
    let jobs = JOBS.to_string();
    let (keys, updates) = (KEYS.to_string(), UPDATES.to_string());
    let (batches, interval_ms) = (STATE_BATCHES.to_string(), STATE_INTERVAL_MS.to_string());
    let arguments: &[&str] = match workload {
        "word-count" => &[file, &runs],
        "socket" => &[file, &seconds],
        "trivial-batch" => &[&jobs],
        "map-with-state" | "update-state" => &[&keys, &updates, &batches, &interval_ms],
        _ => &[],
    };
    let script = script();
    let output = Command::new(&script)
        .arg(workload)
        .args(arguments)
        .output()
        .map_err(BenchError::io("start", script))?;
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    match output.status.code() {
        Some(0) => {
            let text = String::from_utf8_lossy(&output.stdout);
            Ok(Answer::Figures(
                text.lines()
                    .filter_map(Row::from_json)
                    .map(of_spark)
                    .collect(),
            ))
        }
        Some(MISSING) => Ok(Answer::Missing(said)),
        _ => Err(BenchError::Child {
            what: format!("Spark's {workload}"),
            message: said,
        }),
    }
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/spark/run.sh")
}

fn of_spark(mut row: Row) -> Row {
    row.name = format!("spark/{}", row.name);
    row
}

/// Each of Spark's rows, followed by ours that does the same, compared to it.
pub(crate) fn compare(spark: Vec<Row>, ours: &[Row]) -> Vec<Row> {
    let mut rows = Vec::new();
    for row in spark {
        let counterpart = COUNTERPARTS.iter().find(|(workload, metric, _)| {
            row.name.strip_prefix("spark/") == Some(workload) && row.metric == *metric
        });
        let name = counterpart.map(|(_, _, name)| *name);
        let our = ours
            .iter()
            .find(|our| Some(our.name.as_str()) == name && our.metric == row.metric);
        let compared = our.map(|our| our.clone().compared_to(&row));
        rows.push(row);
        rows.extend(compared);
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_rows_stand_beside_those_of_spark() {
        let spark = [
            ("word-count", "mb_per_s", 40.0),
            ("socket", "peak_rss_mb", 4_000.0),
        ]
        .map(|(name, metric, value)| of_spark(Row::new(name, metric, value, "MB/s")));
        let ours = [
            Row::new("word-count/50000/engine", "mb_per_s", 400.0, "MB/s"),
            Row::new("word-count/50000/loop", "mb_per_s", 420.0, "MB/s"),
        ];
        let rows = compare(spark.to_vec(), &ours);
        let names: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "spark/word-count",
                "word-count/50000/engine",
                "spark/socket"
            ]
        );
        assert_eq!(rows[1].ratio, Some((10.0, "spark/word-count".to_owned())));
    }

    #[test]
    fn the_script_is_there() {
        assert!(script().is_file());
    }
}
