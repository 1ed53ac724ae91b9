//! `memory`: the most memory that each workload held, each in a process of its own.

use crate::children;
use crate::error::BenchError;
use crate::options::Options;
use crate::table::Row;

const WORKLOADS: [&str; 5] = ["word-count", "socket", "batch", "idle", "shuffle"];

/// Runs each workload again, without the loops that it is compared to.
pub(crate) fn run(options: &Options) -> Result<Vec<Row>, BenchError> {
    let mut rows = Vec::new();
    for name in WORKLOADS {
        rows.extend(children::peak(name, options)?);
    }
    Ok(rows)
}
