//! Made-up but realistic access log lines, and a server that sends them.
//!
//! The same seed always gives the same lines; only the timestamp is handed in.

use std::fmt::Write as _;

use fastrand::Rng;
use jiff::Timestamp;

use crate::access_log::AccessLog;

mod server;

pub(crate) use server::LogServer;

/// One line in so many is malformed, unless told otherwise.
const MALFORMED_ONE_IN: u32 = 1_000;
const CLIENTS: u32 = 2_000;
const ENDPOINTS: usize = 200;

/// Response codes and how many lines in a thousand have them.
const STATUS_PER_MILLE: [(u16, u32); 8] = [
    (200, 880),
    (304, 50),
    (301, 15),
    (404, 35),
    (401, 8),
    (403, 5),
    (500, 5),
    (503, 2),
];

const USERS: [&str; 4] = ["ada", "brian", "carol", "dmitri"];

const FIRST_ENDPOINTS: [&str; 8] = [
    "/",
    "/index.html",
    "/css/site.css",
    "/js/app.js",
    "/images/logo.png",
    "/search",
    "/login",
    "/favicon.ico",
];

const REFERRERS: [Option<&str>; 4] = [
    None,
    Some("https://www.example.com/"),
    Some("https://search.example.net/?q=garden+chairs"),
    Some("https://news.example.org/2026/11/today.html"),
];

const AGENTS: [&str; 6] = [
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile Safari/604.1",
    "curl/8.9.1",
    "ExampleBot/2.1 (+https://bot.example.com/about)",
    r#"QuotingClient/1.0 (\"experimental\")"#,
];

/// An endless supply of access log lines.
#[derive(Debug)]
pub(crate) struct LogLines {
    rng: Rng,
    malformed_one_in: u32,
    clients: Vec<String>,
    client_ranks: Zipf,
    endpoints: Vec<String>,
    endpoint_ranks: Zipf,
    clock: ClockText,
    /// The endpoint and query of the current line; kept to reuse its memory.
    target: String,
}

impl LogLines {
    /// Lines that `seed` determines, one in a thousand of them malformed.
    pub(crate) fn new(seed: u64) -> LogLines {
        LogLines::with_malformed(seed, MALFORMED_ONE_IN)
    }

    /// Lines of which one in `one_in` is malformed; none if that is zero.
    pub(crate) fn with_malformed(seed: u64, one_in: u32) -> LogLines {
        let mut rng = Rng::with_seed(seed);
        let clients: Vec<String> = (0..CLIENTS)
            .map(|number| client(number, &mut rng))
            .collect();
        let endpoints: Vec<String> = (0..ENDPOINTS).map(endpoint).collect();
        LogLines {
            malformed_one_in: one_in,
            client_ranks: Zipf::new(clients.len()),
            endpoint_ranks: Zipf::new(endpoints.len()),
            clients,
            endpoints,
            clock: ClockText::default(),
            target: String::new(),
            rng,
        }
    }

    /// Appends the next line, logged at `now`, with its line end.
    pub(crate) fn append_line(&mut self, now: Timestamp, out: &mut String) {
        let start = out.len();
        self.append_well_formed(now, out);
        if self.malformed_one_in > 0 && self.rng.u32(..self.malformed_one_in) == 0 {
            damage(out, start, &mut self.rng);
        }
        out.push('\n');
    }

    fn append_well_formed(&mut self, now: Timestamp, out: &mut String) {
        let rng = &mut self.rng;
        let client = &self.clients[self.client_ranks.pick(rng)];
        let endpoint = &self.endpoints[self.endpoint_ranks.pick(rng)];
        write_target(endpoint, rng, &mut self.target);
        // Two sites log into one stream, each in its own format.
        let combined = rng.bool();
        let status = status(rng);
        let log = AccessLog {
            client,
            identity: "-",
            user: if rng.u8(..) < 8 {
                USERS[rng.usize(..USERS.len())]
            } else {
                "-"
            },
            timestamp: self.clock.at(now),
            method: Some(method(rng)),
            endpoint: &self.target,
            protocol: Some(if rng.u8(..) < 230 {
                "HTTP/1.1"
            } else {
                "HTTP/1.0"
            }),
            status,
            content_size: if status == 304 { 0 } else { content_size(rng) },
            referrer: if combined {
                REFERRERS[rng.usize(..REFERRERS.len())]
            } else {
                None
            },
            agent: if combined {
                Some(AGENTS[rng.usize(..AGENTS.len())])
            } else {
                None
            },
        };
        append(out, &log);
    }
}

/// Ranks with probabilities in proportion to 1, 1/2, 1/3 and so on.
#[derive(Debug)]
struct Zipf {
    cumulative: Vec<f64>,
    total: f64,
}

impl Zipf {
    fn new(ranks: usize) -> Zipf {
        let mut total = 0.0;
        let mut cumulative = Vec::with_capacity(ranks);
        for rank in 1..=ranks {
            total += 1.0 / rank as f64;
            cumulative.push(total);
        }
        Zipf { cumulative, total }
    }

    fn pick(&self, rng: &mut Rng) -> usize {
        let at = rng.f64() * self.total;
        // Rounding could carry the product up to the total itself.
        self.cumulative
            .partition_point(|&end| end <= at)
            .min(self.cumulative.len() - 1)
    }
}

/// The text of a timestamp, made anew only when the second changes.
#[derive(Debug, Default)]
struct ClockText {
    second: Option<i64>,
    text: String,
}

impl ClockText {
    fn at(&mut self, now: Timestamp) -> &str {
        if self.second != Some(now.as_second()) {
            self.second = Some(now.as_second());
            self.text.clear();
            append(&mut self.text, &now.strftime("%d/%b/%Y:%H:%M:%S +0000"));
        }
        &self.text
    }
}

fn append(out: &mut String, value: &impl std::fmt::Display) {
    write!(out, "{value}").expect("a string takes all text");
}

/// A client's address, from the private and documentation ranges; one in ten is IPv6.
fn client(number: u32, rng: &mut Rng) -> String {
    if rng.u8(..10) == 0 {
        return format!("2001:db8:{:x}::{number:x}", rng.u16(1..));
    }
    format!("10.{}.{}.{}", rng.u8(..), number / 250, number % 250 + 1)
}

/// The path of the given popularity rank.
fn endpoint(rank: usize) -> String {
    if let Some(first) = FIRST_ENDPOINTS.get(rank) {
        return (*first).to_owned();
    }
    match rank % 5 {
        0 => format!("/products/{rank}"),
        1 => format!("/articles/{rank}.html"),
        2 => format!("/images/item-{rank}.jpg"),
        3 => format!("/api/v1/orders/{rank}"),
        _ => format!("/help/page-{rank}"),
    }
}

/// Writes the endpoint, and a query after one in sixteen.
fn write_target(endpoint: &str, rng: &mut Rng, target: &mut String) {
    target.clear();
    target.push_str(endpoint);
    match rng.u8(..32) {
        0 => append(target, &format_args!("?page={}", rng.u8(1..20))),
        1 => append(
            target,
            &format_args!("?q=chairs+%22oak%22&max={}", rng.u16(10..500)),
        ),
        _ => {}
    }
}

fn status(rng: &mut Rng) -> u16 {
    let mut at = rng.u32(..1_000);
    for (status, per_mille) in STATUS_PER_MILLE {
        if at < per_mille {
            return status;
        }
        at -= per_mille;
    }
    200
}

fn method(rng: &mut Rng) -> &'static str {
    match rng.u8(..100) {
        0..90 => "GET",
        90..98 => "POST",
        _ => "HEAD",
    }
}

/// A size near log-normal: half are below 2.5 kB, a few above 100 kB, some are empty.
fn content_size(rng: &mut Rng) -> u64 {
    let bits = rng.u64(..);
    if bits.is_multiple_of(64) {
        return 0;
    }
    // The sum of four uniform numbers is close to normal, with a variance of a third.
    let uniform = |shift: u32| f64::from((bits >> shift) as u16) / f64::from(u16::MAX);
    let normal = (uniform(0) + uniform(16) + uniform(32) + uniform(48) - 2.0) * 3f64.sqrt();
    (2_500.0 * (1.3 * normal).exp()) as u64
}

/// Spoils the line that starts at `start`, in one of the ways seen in real logs.
fn damage(out: &mut String, start: usize, rng: &mut Rng) {
    match rng.u8(..3) {
        // Cut inside the client's address, as when a log is rotated in the middle of a write.
        0 => out.truncate(start + 5),
        // A message of the server strayed into its access log.
        1 => {
            out.truncate(start);
            out.push_str("[error] child pid 1877 exit signal Segmentation fault (11)");
        }
        // The beginning is missing.
        _ => {
            let request = out[start..].find('"').unwrap_or(0);
            out.replace_range(start..=start + request, "");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn lines(source: &mut LogLines, count: usize) -> Vec<String> {
        let now = Timestamp::from_second(1_795_247_727).unwrap();
        let mut text = String::new();
        for _ in 0..count {
            source.append_line(now, &mut text);
        }
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_seed_determines_the_lines() {
        let first = lines(&mut LogLines::new(7), 1_000);
        assert_eq!(first.len(), 1_000);
        assert_eq!(first, lines(&mut LogLines::new(7), 1_000));
        assert_ne!(first, lines(&mut LogLines::new(8), 1_000));
    }

    #[test]
    fn lines_survive_parsing_and_printing() {
        for line in lines(&mut LogLines::with_malformed(1, 0), 20_000) {
            let log = AccessLog::parse(&line).unwrap();
            assert_eq!(log.to_string(), line);
            assert_eq!(log.timestamp, "21/Nov/2026:07:55:27 +0000");
        }
    }

    #[test]
    fn the_asked_share_is_malformed() {
        let all = lines(&mut LogLines::with_malformed(1, 1), 3_000);
        assert!(all.iter().all(|line| AccessLog::parse(line).is_err()));
        let some = lines(&mut LogLines::new(1), 100_000);
        let malformed = some
            .iter()
            .filter(|line| AccessLog::parse(line).is_err())
            .count();
        assert!((50..200).contains(&malformed), "{malformed} of 100000");
    }

    #[test]
    fn the_clock_follows_the_time_handed_in() {
        let mut clock = ClockText::default();
        assert_eq!(
            clock.at(Timestamp::UNIX_EPOCH),
            "01/Jan/1970:00:00:00 +0000"
        );
        let later = Timestamp::from_second(86_399).unwrap();
        assert_eq!(clock.at(later), "01/Jan/1970:23:59:59 +0000");
    }

    #[test]
    fn traffic_is_spread_as_on_a_real_site() {
        let count = 50_000;
        let lines = lines(&mut LogLines::with_malformed(3, 0), count);
        let logs: Vec<_> = lines
            .iter()
            .map(|line| AccessLog::parse(line).unwrap())
            .collect();

        let ok = logs.iter().filter(|log| log.status == 200).count();
        assert!((43_000..45_000).contains(&ok), "{ok}");
        let codes = logs
            .iter()
            .map(|log| log.status)
            .collect::<std::collections::HashSet<_>>();
        assert_eq!(codes.len(), STATUS_PER_MILLE.len());
        assert_eq!(
            STATUS_PER_MILLE.iter().map(|(_, share)| share).sum::<u32>(),
            1_000
        );

        let mut clients = HashMap::new();
        for log in &logs {
            *clients.entry(log.client).or_insert(0) += 1;
        }
        assert!(clients.len() > 1_900 && clients.len() <= 2_000);
        assert!(clients.keys().any(|client| client.contains(':')));
        // The first of 2,000 Zipf ranks has one share in 8.2.
        assert!(clients.values().any(|&visits| visits > count / 10));

        let mut sizes: Vec<u64> = logs.iter().map(|log| log.content_size).collect();
        sizes.sort_unstable();
        assert_eq!(sizes[0], 0);
        assert!((2_000..2_800).contains(&sizes[count / 2]));
        assert!(*sizes.last().unwrap() > 50_000);
        assert!(
            logs.iter()
                .any(|log| log.agent.is_some_and(|agent| agent.contains("\\\"")))
        );
        assert!(logs.iter().any(|log| log.endpoint.contains('?')));
    }
}
