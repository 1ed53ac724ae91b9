//! The look of reports for people: lines and tables, numbers, lengths and times.

use std::fmt::Write;

use crate::time::Time;

/// The cells of a row.
pub(super) fn row<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.map(str::to_owned).to_vec()
}

/// A type without the paths of its names.
pub(crate) fn short_type(name: &str) -> String {
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

/// Which batches, that were begun and not done, run without an input that is dropped.
pub(super) fn without_dropped(batches: &[Time]) -> Option<String> {
    let times: Vec<_> = batches.iter().map(Time::to_string).collect();
    (!times.is_empty()).then(|| {
        format!(
            "what dropped inputs gave to batches that were begun and not done is lost with them; \
             these run without it: {}",
            times.join(", ")
        )
    })
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
pub(super) fn ago(now: Time, time: Time) -> String {
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
pub(super) fn utc(time: Time) -> String {
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

    /// A text of several lines, of which the first stands out.
    pub(super) fn paragraph(&mut self, indent: usize, text: &str) {
        let mut lines = text.lines();
        self.line(indent, lines.next().unwrap_or_default());
        lines.for_each(|line| self.line(indent + 1, line.trim_start()));
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
    pub(super) fn more(&mut self, left: usize) {
        if left > 0 {
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
