//! Reports for people: of what a checkpoint holds, and what a program would make of it.

use std::fmt::{self, Write};

use super::describe::PartDescription;
use super::summary::{
    BatchSummary, BlockCount, CheckpointSummary, DamageSummary, InputSummary, Problem,
    RangeSummary, StateSummary, StreamSummary, TakenRange, TornSummary,
};
use crate::time::Time;

/// How many lines of one kind are shown; JSON has all of them.
const LINES_MAX: usize = 20;

impl fmt::Display for CheckpointSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut report = Report::default();
        self.head(&mut report);
        self.files(&mut report);
        if let Some(stream) = &self.stream {
            stream.show(&mut report);
        }
        if !self.problems.is_empty() {
            report.section("problems");
            self.problems.iter().for_each(|one| one.show(&mut report));
        }
        report.section("a restart of this program");
        self.restart
            .steps
            .iter()
            .for_each(|step| report.line(1, step));
        f.write_str(&report.text)
    }
}

impl CheckpointSummary {
    fn head(&self, report: &mut Report) {
        let size = match self.files {
            0 => "holds nothing".to_owned(),
            files => format!(
                "{}, {}",
                plural(files as u64, "file", "files"),
                bytes(self.bytes)
            ),
        };
        let written = self.written.map(|at| format!(", last written {}", utc(at)));
        let mut rows = vec![
            row(["checkpoint", &self.directory]),
            row(["size", &format!("{size}{}", written.unwrap_or_default())]),
        ];
        if let Some(stream) = &self.stream {
            let program = &stream.program;
            let format = self.manifests.iter().find_map(|one| one.format);
            let batch = program.batch_duration().as_millis();
            let done = match stream.last_done {
                None => "no batch yet".to_owned(),
                Some(at) => format!("up to {}{}", when(at), ago(self.now, at)),
            };
            rows.extend([
                row(["format", &format.unwrap_or_default().to_string()]),
                row(["application", program.app_name()]),
                row([
                    "batches",
                    &format!("every {batch} ms since {}", when(stream.zero)),
                ]),
                row(["done", &done]),
            ]);
        }
        report.table(0, rows);
    }

    fn files(&self, report: &mut Report) {
        if !self.manifests.is_empty() {
            report.section("manifests");
            let rows = self.manifests.iter().map(|one| {
                let state = match (&one.ended, one.is_used) {
                    (None, _) => "damaged".to_owned(),
                    (Some(at), false) => format!("up to {}", when(*at)),
                    (Some(at), true) => format!("up to {}, used", when(*at)),
                };
                row([&one.file, &bytes(one.bytes), &state])
            });
            report.table(1, rows.collect());
        }
        let journal = &self.journal;
        if journal.segments == 0 && journal.error.is_none() {
            return;
        }
        report.section("journal");
        let entries = journal.next - journal.first;
        let needed = self.stream.as_ref().map_or(String::new(), |stream| {
            format!(", needed from {} on", stream.oldest_needed)
        });
        report.line(
            1,
            &format!(
                "{}, {}, {} from {} on{needed}",
                plural(journal.segments as u64, "segment", "segments"),
                bytes(journal.bytes),
                plural(entries, "entry", "entries"),
                journal.first,
            ),
        );
        let torn = journal.torn.iter().map(TornSummary::to_string);
        let damaged = journal.damaged.iter().map(DamageSummary::to_string);
        let lines = torn.chain(damaged).chain(journal.error.clone());
        lines.for_each(|line| report.line(1, &line));
    }
}

impl StreamSummary {
    fn show(&self, report: &mut Report) {
        if !self.unfinished.is_empty() {
            report.section("begun and not done");
            let shown = self.unfinished.iter().take(LINES_MAX);
            report.table(1, shown.map(BatchSummary::row).collect());
            report.more(self.unfinished.len());
        }
        if !self.inputs.is_empty() {
            report.section("inputs");
            report.table(1, self.inputs.iter().map(InputSummary::row).collect());
        }
        if !self.states.is_empty() {
            report.section("states");
            report.table(1, self.states.iter().map(StateSummary::row).collect());
        }
    }
}

impl BatchSummary {
    fn row(&self) -> Vec<String> {
        let inputs = self.inputs.iter();
        let inputs: Vec<_> = inputs
            .map(|taken| format!("{}: {taken}", taken.input))
            .collect();
        let inputs = match inputs.is_empty() {
            true => "no recorded input".to_owned(),
            false => inputs.join("; "),
        };
        row([&when(self.time), &inputs])
    }
}

impl InputSummary {
    fn row(&self) -> Vec<String> {
        let mut facts = Vec::new();
        if self.waiting.blocks > 0 {
            facts.push(format!("{} wait", self.waiting));
        }
        if self.kept.blocks > 0 {
            facts.push(format!("{} kept for windows", self.kept));
        }
        if let Some(taken) = &self.last {
            facts.push(format!("{taken} at {}", taken.time));
        }
        if facts.is_empty() {
            facts.push("nothing is kept of it".to_owned());
        }
        part_row(&self.part, &facts.join("; "))
    }
}

impl StateSummary {
    fn row(&self) -> Vec<String> {
        let mut facts = Vec::new();
        let times = self.snapshots.iter().map(|one| one.time);
        if let (Some(partitions), Some(last)) = (self.partitions, times.max()) {
            let whole: u64 = self.snapshots.iter().map(|one| one.bytes).sum();
            let partitions = plural(partitions as u64, "partition", "partitions");
            facts.push(format!("{} whole at {last} in {partitions}", bytes(whole)));
        }
        if self.changed_by > 0 {
            let batches = plural(self.changed_by as u64, "batch", "batches");
            let changes = bytes(self.change_bytes);
            facts.push(format!("{changes} of changes by {batches}"));
        }
        if facts.is_empty() {
            facts.push("empty".to_owned());
        }
        part_row(&self.part, &facts.join("; "))
    }
}

impl Problem {
    fn show(&self, report: &mut Report) {
        let mark = if self.stops_restart { "error" } else { "note" };
        report.line(1, &format!("{mark}: {}", self.what));
        report.line(2, &self.advice);
    }
}

/// `3 blocks with 12 records, 240 B`.
impl fmt::Display for BlockCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let blocks = plural(self.blocks, "block", "blocks");
        let records = plural(self.records, "record", "records");
        write!(f, "{blocks} with {records}, {}", bytes(self.bytes))
    }
}

/// What was taken.
impl fmt::Display for TakenRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let records = match self.records {
            0 => String::new(),
            records => format!(", {}", plural(records, "record", "records")),
        };
        match &self.range {
            RangeSummary::Blocks { from, to } if from >= to => f.write_str("no blocks"),
            RangeSummary::Blocks { from, to } => {
                write!(f, "blocks {from} to {}{records}", to - 1)
            }
            RangeSummary::Files(files) => match files.as_slice() {
                [] => f.write_str("no files"),
                [one] => write!(f, "{}, {}{records}", one.path, bytes(one.bytes)),
                [first, ..] => {
                    let length = files.iter().map(|file| file.bytes).sum();
                    let (others, length) = (files.len() - 1, bytes(length));
                    write!(f, "{} and {others} more, {length}{records}", first.path)
                }
            },
            RangeSummary::Source {
                text: Some(text), ..
            } => write!(f, "range {text}{records}"),
            RangeSummary::Source { bytes: length, .. } => {
                write!(f, "a range of {}{records}", bytes(*length))
            }
        }
    }
}

/// Where the half-written end is.
impl fmt::Display for TornSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TornSummary {
            segment,
            offset,
            bytes,
        } = self;
        write!(f, "{bytes} bytes at {offset} of {segment} are half written")
    }
}

/// What is damaged, and what is lost.
impl fmt::Display for DamageSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.bytes {
            (from, to) if from == to => write!(f, "{} is missing", self.segment)?,
            (from, to) => write!(
                f,
                "{} cannot be read from byte {from} to {to}",
                self.segment
            )?,
        }
        let (from, to) = self.lost;
        match to.saturating_sub(from) {
            0 => Ok(()),
            lost => {
                let entries = plural(lost, "entry", "entries");
                write!(
                    f,
                    "; {entries} from {from} on {} lost",
                    if lost == 1 { "is" } else { "are" }
                )
            }
        }
    }
}

/// A row of a table about a part: what it is called, what it is, and facts.
pub(super) fn part_row(part: &PartDescription, facts: &str) -> Vec<String> {
    let of = format!("{} of {}", part.site, short_type(&part.records));
    row([&part.label, facts, &of])
}

/// The cells of a row.
pub(super) fn row<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.map(str::to_owned).to_vec()
}

/// A type without the paths of its names.
fn short_type(name: &str) -> String {
    let mut short = String::new();
    let mut word = 0;
    for character in name.chars() {
        match character {
            ':' => short.truncate(word),
            _ => short.push(character),
        }
        if !character.is_alphanumeric() && character != '_' {
            word = short.len();
        }
    }
    short
}

/// A number and what it counts.
pub(super) fn plural(count: u64, one: &str, many: &str) -> String {
    match count {
        1 => format!("1 {one}"),
        _ => format!("{count} {many}"),
    }
}

/// A number of bytes in the unit that suits it.
pub(super) fn bytes(count: u64) -> String {
    let units = [("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000)];
    match units.iter().find(|(_, size)| count >= *size) {
        Some((unit, size)) => format!("{:.1} {unit}", count as f64 / *size as f64),
        None => format!("{count} B"),
    }
}

/// How long ago a time was.
fn ago(now: Time, time: Time) -> String {
    match now.checked_since(time).map(|length| length.as_secs()) {
        None => String::new(),
        Some(seconds) if seconds < 120 => format!(", {seconds} s ago"),
        Some(seconds) if seconds < 7_200 => format!(", {} min ago", seconds / 60),
        Some(seconds) if seconds < 172_800 => format!(", {} h ago", seconds / 3_600),
        Some(seconds) => format!(", {} days ago", seconds / 86_400),
    }
}

/// A time by the calendar, and as batches are called.
pub(super) fn when(time: Time) -> String {
    format!("{} ({time})", utc(time))
}

/// A time by the calendar, in UTC.
fn utc(time: Time) -> String {
    let seconds = time.as_millis().div_euclid(1000);
    let (day, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = date(day);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
}

/// Year, month and day of a day that is counted from 1 January 1970.
fn date(day: i64) -> (i64, i64, i64) {
    // In years that begin in March the leap day is the last one.
    let day = day + 719_468;
    let (era, day) = (day.div_euclid(146_097), day.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (year, month) = match month {
        0..10 => (year, month + 3),
        _ => (year + 1, month - 9),
    };
    (400 * era + year, month, day)
}

/// A text in sections, made of lines and aligned tables. Whatever could move a terminal's cursor
/// is written as an escape.
#[derive(Default)]
pub(super) struct Report {
    pub(super) text: String,
}

impl Report {
    /// Begins a section.
    pub(super) fn section(&mut self, title: &str) {
        self.text.push('\n');
        self.line(0, title);
    }

    /// A line, indented.
    pub(super) fn line(&mut self, indent: usize, line: &str) {
        let line = escape(line);
        // Writing into a string cannot fail.
        let _ = writeln!(self.text, "{}{line}", "  ".repeat(indent));
    }

    /// Rows whose cells lie below each other.
    pub(super) fn table(&mut self, indent: usize, rows: Vec<Vec<String>>) {
        let rows: Vec<Vec<_>> = rows
            .iter()
            .map(|row| row.iter().map(|cell| escape(cell)).collect())
            .collect();
        let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
        let width = |column: usize| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            cells
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or_default()
        };
        let widths: Vec<_> = (0..columns).map(width).collect();
        for row in &rows {
            let cells = row.iter().zip(&widths);
            let cells: Vec<_> = cells
                .map(|(cell, width)| format!("{cell:width$}"))
                .collect();
            let line = cells.join("  ");
            let _ = writeln!(self.text, "{}{}", "  ".repeat(indent), line.trim_end());
        }
    }

    /// Says that not all were shown.
    fn more(&mut self, count: usize) {
        if let Some(left) = count.checked_sub(LINES_MAX).filter(|left| *left > 0) {
            self.line(1, &format!("and {left} more"));
        }
    }
}

/// A text without control characters.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character.is_control() {
            true => escaped.extend(character.escape_default()),
            false => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_by_the_calendar() {
        for (millis, expected) in [
            (0, "1970-01-01 00:00:00 UTC"),
            (-1, "1969-12-31 23:59:59 UTC"),
            (951_782_400_000, "2000-02-29 00:00:00 UTC"),
            (1_709_251_199_999, "2024-02-29 23:59:59 UTC"),
            (4_107_542_400_000, "2100-03-01 00:00:00 UTC"),
            (1_798_675_200_000, "2026-12-31 00:00:00 UTC"),
        ] {
            assert_eq!(utc(Time::from_millis(millis)), expected);
        }
    }

    #[test]
    fn types_lose_their_paths_and_lengths_get_a_unit() {
        let name = "(alloc::string::String, core::option::Option<i64>)";
        assert_eq!(short_type(name), "(String, Option<i64>)");
        let lengths = [0, 999, 1_500, 2_340_000, 7_000_000_000];
        let expected = ["0 B", "999 B", "1.5 kB", "2.3 MB", "7.0 GB"];
        assert_eq!(lengths.map(bytes), expected);
    }

    #[test]
    fn tables_are_aligned_and_nothing_moves_the_cursor() {
        let mut report = Report::default();
        report.table(1, vec![row(["a\x1b[2J", "1"]), row(["b", "2"])]);
        report.line(0, "x\ny");
        assert_eq!(report.text, "  a\\u{1b}[2J  1\n  b           2\nx\\ny\n");
    }
}
