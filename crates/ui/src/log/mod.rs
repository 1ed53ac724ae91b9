//! The event log: what happened, as lines of JSON below a directory or in an object store.
//!
//! Each program writes into `<event_log.dir>/<application id>/`:
//!
//! - `part-000000.jsonl`, `part-000001.jsonl`, ...: a [`Record`](crate::record::Record) a line.
//!   The first one is `Application`, with the version of the format. A part ends when it has
//!   `event_log.roll` bytes; the first one also ends with the start of the stream. When there
//!   are more than `event_log.parts_max`, the oldest are removed, but never the first, without
//!   which the others mean nothing.
//! - `summary.json`: what a list of programs shows, so that making it reads no parts.
//!
//! In a local directory lines are appended as they come, and a program that is killed leaves at
//! most a torn last line. Object stores cannot append: there the open part is kept in memory and
//! written anew as a whole, more rarely the larger it is (`part.rs`). A part that cannot be
//! written is given up; after `event_log.flush` the log goes on with the next one, and tells how
//! many events are missing.
//!
//! Lines leave out what a field is by default, and plans that are in the part already (`plans.rs`).
//!
//! Read in this order: `event_log` (the listener), `writer` (its thread), `part`, `plans`,
//! `summary`, `reading`, `reader`.

mod error;
mod event_log;
mod part;
mod plans;
mod reader;
mod reading;
mod settings;
mod summary;
#[cfg(test)]
mod tests;
mod writer;

pub use error::LogError;
pub use event_log::EventLog;
pub(crate) use event_log::LogStatus;
pub(crate) use reading::Reading;
pub use settings::EVENT_LOG_KEYS;
use summary::Reach;
pub(crate) use summary::{Summary, summary_of};

/// The file of a program's [`Summary`].
const SUMMARY: &str = "summary.json";

/// The name of a part.
fn part_name(number: u64) -> String {
    format!("part-{number:06}.jsonl")
}

/// The number of a part, if this is the name of one.
fn part_number(name: &str) -> Option<u64> {
    let number = name.strip_prefix("part-")?.strip_suffix(".jsonl")?;
    let number = number.parse().ok()?;
    // Other names of the same number, such as `part-0.jsonl`, are nothing that was written here.
    (part_name(number) == name).then_some(number)
}
