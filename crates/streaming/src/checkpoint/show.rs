//! What a checkpoint holds, as a report for people.

use std::fmt;

use super::describe::PartDescription;
use super::report::{Report, ago, bytes, plural, row, short_type, utc, when};
use super::summary::{
    BatchSummary, BlockCount, CheckpointSummary, DamageSummary, InputSummary, Problem,
    RangeSummary, StateSummary, StreamSummary, TakenRange, TornSummary,
};

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
            let format = self.manifests.iter().find(|one| one.is_used);
            let format = format.and_then(|one| one.format);
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
                    (None, _) => match one.format {
                        None => "damaged".to_owned(),
                        Some(format) => format!("of a newer release, format {format}"),
                    },
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
            report.more(self.unfinished.len().saturating_sub(LINES_MAX));
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
            facts.push(format!("{} are of batches that are done", self.kept));
        }
        if let Some(taken) = &self.last {
            facts.push(format!("{taken} at {}", taken.time));
        }
        if let Some(position) = &self.position {
            facts.push(format!("the source is at {}", position.escape_ascii()));
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
        report.paragraph(1, &format!("{mark}: {}", self.what));
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
            range if range.holds_nothing() => f.write_str("no blocks"),
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
fn part_row(part: &PartDescription, facts: &str) -> Vec<String> {
    let of = format!("{} of {}", part.site, short_type(&part.records));
    row([&part.label, facts, &of])
}
