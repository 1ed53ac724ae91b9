//! The command line.

use std::time::Duration;

use clap::Parser;

const EXAMPLES: &str = "\
Examples (in the source tree: cargo run --release --example log_analyzer -- OPTIONS):
  log_analyzer
      analyse a thousand made-up lines per second until Ctrl-C
  log_analyzer --rate 200000 --interval 500ms --batches 20
      more traffic, shorter batches, and stop after twenty
  log_analyzer --window 30s --slide 5s
      every five seconds, report on the last thirty
  log_analyzer --source tcp://localhost:9999
      analyse lines from a server, for example from `tail -F access.log | nc -lk 9999`
  log_analyzer --source dir:/var/log/web/done
      analyse log files that are moved into a directory from now on
  log_analyzer --source dir:/var/log/web/done --checkpoint /var/lib/log_analyzer
      go on where it ended, however it ended
  log_analyzer --master 'local[4]' --conf streaming.block_interval=50ms
      more threads, smaller blocks

Durations are whole numbers with a unit: 500ms, 1s, 2min, 1h.";

/// Analyses web server access logs while they are written.
///
/// Reads lines in Apache's common or combined format, and prints for each interval the response
/// sizes, the counts of response codes, the most frequent clients and the most wanted endpoints.
/// Without --source it makes up realistic traffic and serves it to itself on a loopback socket.
/// Malformed lines are counted and skipped. Ctrl-C finishes the current batches and prints a
/// summary; another Ctrl-C does not wait for them.
#[derive(Clone, Debug, Parser)]
#[command(name = "log_analyzer", after_help = EXAMPLES)]
pub(crate) struct Options {
    /// Lines per second of made-up traffic; 0 is silence
    #[arg(
        long,
        value_name = "N",
        default_value_t = 1_000,
        conflicts_with = "source"
    )]
    #[arg(value_parser = clap::value_parser!(u32).range(..=10_000_000))]
    pub(crate) rate: u32,

    /// Seed of the made-up traffic: the same seed gives the same lines
    #[arg(
        long,
        value_name = "N",
        default_value_t = 42,
        conflicts_with = "source"
    )]
    pub(crate) seed: u64,

    /// How long one batch collects lines
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = duration)]
    pub(crate) interval: Duration,

    /// How far back a report looks; a multiple of the interval [default: the interval]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    window: Option<Duration>,

    /// How often a report is made; a multiple of the interval [default: the interval]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    slide: Option<Duration>,

    /// Where lines come from: tcp://HOST:PORT or dir:PATH [default: made-up traffic]
    ///
    /// dir:PATH reads the files that come into a directory while the program runs; they must
    /// come whole, written elsewhere and moved in. PATH can be a pattern such as logs/*, or the
    /// URL of an object store.
    #[arg(long, value_name = "SOURCE", value_parser = source)]
    pub(crate) source: Option<Source>,

    /// Keep what was received and counted in this directory, or go on from what is there
    ///
    /// Started again with the same directory, the program counts on, and a window looks back
    /// over the restart. Lines of files are analysed exactly once; a TCP server's lines that
    /// had not been received when the program was killed are lost.
    #[arg(long, value_name = "DIR")]
    pub(crate) checkpoint: Option<String>,

    /// Stop after this many printed batches [default: run until Ctrl-C]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) batches: Option<u64>,

    /// Where tasks run: local[N] is N threads of this process
    #[arg(long, value_name = "MASTER", default_value = "local[2]")]
    pub(crate) master: String,

    /// Tell how the stream goes on standard error, also if that is no terminal
    #[arg(long)]
    pub(crate) progress: bool,

    /// Set a configuration key; can be given several times
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    pub(crate) conf: Vec<(String, String)>,
}

impl Options {
    /// How far back a report looks.
    pub(crate) fn window(&self) -> Duration {
        self.window.unwrap_or(self.interval)
    }

    /// How often a report is made.
    pub(crate) fn slide(&self) -> Duration {
        self.slide.unwrap_or(self.interval)
    }
}

/// Where lines come from, if they are not made up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// A server that sends lines.
    Tcp {
        /// Its name or address, an IPv6 address without brackets.
        host: String,
        /// Its port.
        port: u16,
    },
    /// A directory into which files of lines come.
    Directory(String),
}

fn source(text: &str) -> Result<Source, String> {
    if let Some(path) = text.strip_prefix("dir:") {
        return match path {
            "" => Err("expected dir:PATH with the path of a directory".to_owned()),
            path => Ok(Source::Directory(path.to_owned())),
        };
    }
    let address = text
        .strip_prefix("tcp://")
        .and_then(|address| address.rsplit_once(':'));
    let (host, port) = address.ok_or("expected tcp://HOST:PORT or dir:PATH")?;
    let host = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    match port.parse() {
        Ok(port) if port > 0 && !host.is_empty() => Ok(Source::Tcp {
            host: host.to_owned(),
            port,
        }),
        _ => Err("expected tcp://HOST:PORT with a host and a port from 1 to 65535".to_owned()),
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    let unit_at = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let unit_ms: Option<u64> = match unit {
        "ms" => Some(1),
        "s" => Some(1_000),
        "m" | "min" => Some(60_000),
        "h" => Some(3_600_000),
        _ => None,
    };
    let ms = unit_ms.and_then(|unit_ms| number.parse::<u64>().ok()?.checked_mul(unit_ms));
    ms.filter(|&ms| ms > 0)
        .map(Duration::from_millis)
        .ok_or_else(|| "expected a whole number above zero with a unit: 500ms, 1s, 2min".to_owned())
}

fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => {
            Ok((key.trim().to_owned(), value.to_owned()))
        }
        _ => Err("expected KEY=VALUE".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn parse(arguments: &[&str]) -> Result<Options, String> {
        let arguments = ["log_analyzer"].iter().chain(arguments);
        Options::try_parse_from(arguments).map_err(|error| error.to_string())
    }

    #[test]
    fn the_declaration_is_sound() {
        Options::command().debug_assert();
    }

    #[test]
    fn defaults() {
        let options = parse(&[]).unwrap();
        assert_eq!((options.rate, options.master.as_str()), (1_000, "local[2]"));
        assert_eq!((options.batches, options.source.clone()), (None, None));
        assert_eq!(options.window(), Duration::from_secs(1));
        assert_eq!(options.slide(), Duration::from_secs(1));
        assert!(options.conf.is_empty());
        assert_eq!(options.checkpoint, None);
        let kept = parse(&["--checkpoint", "kept"]).unwrap();
        assert_eq!(kept.checkpoint.as_deref(), Some("kept"));
    }

    #[test]
    fn window_and_slide_follow_the_interval_unless_given() {
        let options = parse(&["--interval", "500ms", "--window", "2min"]).unwrap();
        assert_eq!(options.window(), Duration::from_secs(120));
        assert_eq!(options.slide(), Duration::from_millis(500));
    }

    #[test]
    fn durations_need_a_number_and_a_unit() {
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("3m"), duration("3min"));
        assert_eq!(duration("1h"), Ok(Duration::from_secs(3_600)));
        for wrong in [
            "",
            "1",
            "s",
            "0s",
            "-1s",
            "1.5s",
            "1 s",
            "1x",
            "99999999999999999999s",
        ] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
        assert!(duration("18446744073709551615h").is_err());
        assert!(
            parse(&["--interval", "1"])
                .unwrap_err()
                .contains("500ms, 1s, 2min")
        );
    }

    #[test]
    fn sources() {
        let tcp = |host: &str, port| {
            Ok(Source::Tcp {
                host: host.to_owned(),
                port,
            })
        };
        assert_eq!(source("tcp://localhost:9999"), tcp("localhost", 9_999));
        assert_eq!(source("tcp://[::1]:80"), tcp("::1", 80));
        let directory = |path: &str| Ok(Source::Directory(path.to_owned()));
        assert_eq!(source("dir:/var/log/web"), directory("/var/log/web"));
        assert_eq!(source("dir:s3://logs/*"), directory("s3://logs/*"));
        assert!(source("dir:").unwrap_err().contains("dir:PATH"));
        for wrong in [
            "localhost:9999",
            "tcp://",
            "tcp://a",
            "tcp://:1",
            "tcp://a:0",
            "tcp://a:x",
        ] {
            assert!(
                source(wrong).unwrap_err().contains("tcp://HOST:PORT"),
                "{wrong}"
            );
        }
    }

    #[test]
    fn the_rate_belongs_to_made_up_traffic() {
        assert!(parse(&["--source", "tcp://a:1"]).is_ok());
        assert!(parse(&["--source", "dir:logs", "--seed", "5"]).is_err());
        let error = parse(&["--source", "tcp://a:1", "--rate", "5"]).unwrap_err();
        assert!(
            error.contains("--rate") && error.contains("--source"),
            "{error}"
        );
        assert!(parse(&["--rate", "1000000"]).is_ok());
        assert!(parse(&["--rate", "10000001"]).is_err());
    }

    #[test]
    fn configuration_can_be_given_several_times() {
        let options = parse(&["--conf", "a=1", "--conf", "b=x=y"]).unwrap();
        let expected = [("a", "1"), ("b", "x=y")].map(|(k, v)| (k.to_owned(), v.to_owned()));
        assert_eq!(options.conf, expected);
        assert!(
            parse(&["--conf", "novalue"])
                .unwrap_err()
                .contains("expected KEY=VALUE")
        );
        assert!(parse(&["--conf", "=1"]).is_err());
        assert!(parse(&["--batches", "0"]).is_err());
    }
}
