//! What the analyser prints: a report per interval, and a summary at the end.
//!
//! Everything that came out of a log line was written by a stranger; it is escaped on its way to
//! the terminal.

use std::fmt::{self, Write as _};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Clients are named when they came more often than this in one window.
pub(crate) const FREQUENT_VISITS: u64 = 10;
/// At most so many endpoints are printed.
pub(crate) const TOP_ENDPOINTS: usize = 10;

/// The sizes of some responses, in a form that can be merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stats {
    /// All sizes together.
    pub(crate) sum: u64,
    /// How many sizes; never zero.
    pub(crate) count: u64,
    /// The smallest.
    pub(crate) min: u64,
    /// The largest.
    pub(crate) max: u64,
}

impl Stats {
    /// The statistics of one response.
    pub(crate) fn of(size: u64) -> Stats {
        Stats {
            sum: size,
            count: 1,
            min: size,
            max: size,
        }
    }

    /// The statistics of both sets of responses.
    pub(crate) fn merge(self, other: Stats) -> Stats {
        Stats {
            // A forged line can claim any size: it must not bring the program down.
            sum: self.sum.saturating_add(other.sum),
            count: self.count + other.count,
            min: self.min.min(other.min),
            max: self.max.max(other.max),
        }
    }

    fn average(&self) -> u64 {
        self.sum / self.count.max(1)
    }
}

/// What one window of the log says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Report {
    /// The sizes of the responses; nothing if no line could be read.
    pub(crate) content_size: Option<Stats>,
    /// Response codes and how often each came; printed in the order of the codes.
    pub(crate) response_codes: Vec<(u16, u64)>,
    /// Clients that came more than [`FREQUENT_VISITS`] times; printed in this order.
    pub(crate) frequent_clients: Vec<String>,
    /// Endpoints and how often each was asked for; the first [`TOP_ENDPOINTS`] are printed.
    pub(crate) top_endpoints: Vec<(String, u64)>,
    /// Lines that were no access log lines.
    pub(crate) malformed: u64,
    /// How long the analysis took.
    pub(crate) took: Duration,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.content_size {
            Some(sizes) => self.fmt_traffic(sizes, f)?,
            None => f.write_str("No access logs in this time interval")?,
        }
        if self.malformed > 0 {
            write!(f, "\nMalformed lines: {}", self.malformed)?;
        }
        if self.content_size.is_some() {
            write!(f, "\nTime: {} ms", self.took.as_millis())?;
        }
        Ok(())
    }
}

impl Report {
    fn fmt_traffic(&self, sizes: &Stats, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (average, min, max) = (sizes.average(), sizes.min, sizes.max);
        writeln!(f, "Content Size Avg: {average}, Min: {min}, Max: {max}")?;
        let mut codes = self.response_codes.clone();
        codes.sort_unstable();
        let codes = codes
            .iter()
            .map(|(code, count)| format!("({code},{count})"));
        writeln!(f, "Response code counts: {}", listed(codes))?;
        let clients = self
            .frequent_clients
            .iter()
            .map(|client| Printable(client).to_string());
        writeln!(
            f,
            "IPAddresses > {FREQUENT_VISITS} times: {}",
            listed(clients)
        )?;
        let endpoints = self.top_endpoints.iter().take(TOP_ENDPOINTS);
        let endpoints = endpoints.map(|(path, count)| format!("({},{count})", Printable(path)));
        write!(f, "Top Endpoints: {}", listed(endpoints))
    }
}

fn listed(items: impl Iterator<Item = String>) -> String {
    format!("[{}]", items.collect::<Vec<_>>().join(", "))
}

/// What was seen since the beginning, over all restarts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SoFar {
    /// Lines that were read, malformed ones included.
    pub(crate) lines: u64,
    /// Lines that were no access log lines.
    pub(crate) malformed: u64,
    /// Bytes of log that were read.
    pub(crate) bytes: u64,
}

impl SoFar {
    /// Both together.
    pub(crate) fn and(self, other: SoFar) -> SoFar {
        SoFar {
            lines: self.lines + other.lines,
            malformed: self.malformed + other.malformed,
            bytes: self.bytes + other.bytes,
        }
    }
}

impl fmt::Display for SoFar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SoFar {
            lines,
            malformed,
            bytes,
        } = self;
        write!(
            f,
            "So far: {lines} lines, {malformed} malformed, {bytes} bytes"
        )
    }
}

/// What all batches of this process together gave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    /// Batches that were analysed.
    pub(crate) batches: u64,
    /// Lines that were read, malformed ones included.
    pub(crate) lines: u64,
    /// Lines that were no access log lines.
    pub(crate) malformed: u64,
    /// Bytes of log that were read.
    pub(crate) bytes: u64,
    /// From the start to the end.
    pub(crate) elapsed: Duration,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Summary {
            batches,
            lines,
            malformed,
            bytes,
            elapsed,
        } = self;
        let seconds = elapsed.as_secs_f64();
        let rate = if seconds > 0.0 {
            *lines as f64 / seconds
        } else {
            0.0
        };
        write!(
            f,
            "Batches: {batches}\nLines: {lines}\nMalformed lines: {malformed}\nBytes: {bytes}\n\
             Elapsed: {seconds:.1} s\nLines/s: {rate:.0}"
        )
    }
}

/// Text whose control and invisible direction characters are printed as escapes, so that a log
/// line can neither command the terminal nor forge or reorder a line of the report.
pub(crate) struct Printable<'a>(pub(crate) &'a str);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            if is_unsafe_to_print(character) {
                write!(f, "{}", character.escape_default())?;
            } else {
                f.write_char(character)?;
            }
        }
        Ok(())
    }
}

fn is_unsafe_to_print(character: char) -> bool {
    character.is_control()
        // Direction marks, embeddings, overrides and isolates, and the line and paragraph breaks.
        || matches!(
            character,
            '\u{61c}' | '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        Report {
            content_size: Some(Stats {
                sum: 21_735,
                count: 14,
                min: 100,
                max: 2_500,
            }),
            response_codes: vec![(404, 5), (200, 6), (401, 3)],
            frequent_clients: vec!["10.0.0.1".into(), "2001:db8::1".into()],
            top_endpoints: vec![("/path".into(), 5), ("/other".into(), 2)],
            malformed: 0,
            took: Duration::from_micros(12_900),
        }
    }

    #[test]
    fn a_report_reads_as_promised() {
        let expected = "\
Content Size Avg: 1552, Min: 100, Max: 2500
Response code counts: [(200,6), (401,3), (404,5)]
IPAddresses > 10 times: [10.0.0.1, 2001:db8::1]
Top Endpoints: [(/path,5), (/other,2)]
Time: 12 ms";
        assert_eq!(report().to_string(), expected);
    }

    #[test]
    fn malformed_lines_are_shown_only_when_there_are_some() {
        let text = Report {
            malformed: 3,
            ..report()
        }
        .to_string();
        assert!(
            text.ends_with("(/other,2)]\nMalformed lines: 3\nTime: 12 ms"),
            "{text}"
        );
    }

    #[test]
    fn a_silent_interval_says_so() {
        let silent = Report {
            took: Duration::from_millis(3),
            ..Report::default()
        };
        assert_eq!(silent.to_string(), "No access logs in this time interval");
        let garbage = Report {
            malformed: 2,
            ..Report::default()
        };
        let expected = "No access logs in this time interval\nMalformed lines: 2";
        assert_eq!(garbage.to_string(), expected);
    }

    #[test]
    fn empty_lists_and_long_lists() {
        let many = (0..12).map(|n| (format!("/{n}"), 12 - n)).collect();
        let text = Report {
            frequent_clients: vec![],
            top_endpoints: many,
            ..report()
        }
        .to_string();
        assert!(text.contains("IPAddresses > 10 times: []\n"));
        assert!(text.contains("(/9,3)]\n"), "{text}");
    }

    #[test]
    fn stats_merge_without_overflow() {
        let merged = Stats::of(5).merge(Stats::of(0)).merge(Stats::of(10));
        assert_eq!(
            merged,
            Stats {
                sum: 15,
                count: 3,
                min: 0,
                max: 10
            }
        );
        assert_eq!(merged.average(), 5);
        assert_eq!(Stats::of(u64::MAX).merge(Stats::of(1)).sum, u64::MAX);
    }

    #[test]
    fn log_text_cannot_command_the_terminal() {
        let evil = "/\u{1b}[2J\u{9b}31m\r\nTime: 0 ms\u{202e}é\u{7f}";
        let expected = r"/\u{1b}[2J\u{9b}31m\r\nTime: 0 ms\u{202e}é\u{7f}";
        assert_eq!(Printable(evil).to_string(), expected);
        let text = Report {
            frequent_clients: vec!["\u{1b}c".into()],
            top_endpoints: vec![(evil.into(), 1)],
            ..report()
        }
        .to_string();
        assert_eq!(text.lines().count(), 5);
        assert!(!text.contains(['\u{1b}', '\u{9b}', '\r']));
    }

    #[test]
    fn what_was_seen_adds_up() {
        let seen = SoFar {
            lines: 2,
            malformed: 1,
            bytes: 200,
        };
        let text = seen.and(seen).and(SoFar::default()).to_string();
        assert_eq!(text, "So far: 4 lines, 2 malformed, 400 bytes");
    }

    #[test]
    fn a_summary_gives_the_rate() {
        let summary = Summary {
            batches: 4,
            lines: 10_000,
            malformed: 10,
            bytes: 1_300_000,
            elapsed: Duration::from_millis(4_000),
        };
        let expected = "Batches: 4\nLines: 10000\nMalformed lines: 10\nBytes: 1300000\n\
                        Elapsed: 4.0 s\nLines/s: 2500";
        assert_eq!(summary.to_string(), expected);
        assert!(Summary::default().to_string().ends_with("Lines/s: 0"));
    }
}
