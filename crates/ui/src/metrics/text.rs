//! The two texts that metrics are read in.

use std::collections::HashMap;
use std::fmt::Write;

use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;

/// How metrics are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    OpenMetrics,
    /// The older one, which every tool reads.
    Prometheus,
}

impl Form {
    /// OpenMetrics for whoever says that it is understood.
    pub(super) fn accepted(accept: &str) -> Self {
        let mut kinds = accept.split(',').map(|kind| kind.split(';').map(str::trim));
        let is_accepted = kinds.any(|mut parts| {
            parts.next() == Some("application/openmetrics-text")
                && !parts.any(|part| part.strip_prefix("q=").and_then(number) == Some(0.0))
        });
        match is_accepted {
            true => Form::OpenMetrics,
            false => Form::Prometheus,
        }
    }

    pub(super) fn content_type(self) -> &'static str {
        match self {
            Form::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Form::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
        }
    }

    pub(super) fn write(self, registry: &Registry) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        encode(&mut text, registry)?;
        match self {
            Form::OpenMetrics => Ok(text),
            Form::Prometheus => older(&text),
        }
    }
}

fn number(text: &str) -> Option<f64> {
    text.parse().ok()
}

/// The older text of the same metrics: the names of counters and of infos end in their
/// descriptions as they do in their samples, and there are neither units nor an end.
fn older(text: &str) -> Result<String, std::fmt::Error> {
    let typed = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let kinds: HashMap<_, _> = typed.filter_map(|line| line.split_once(' ')).collect();
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        if line == "# EOF" || line.starts_with("# UNIT ") {
            continue;
        }
        let mut words = line.splitn(4, ' ');
        let (Some("#"), Some(what), Some(name), Some(rest)) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            writeln!(out, "{line}")?;
            continue;
        };
        let (suffix, kind) = match kinds.get(name).copied() {
            Some("counter") => ("_total", "counter"),
            Some("info") => ("_info", "gauge"),
            Some(other) => ("", other),
            None => ("", "untyped"),
        };
        let rest = if what == "TYPE" { kind } else { rest };
        writeln!(out, "# {what} {name}{suffix} {rest}")?;
    }
    Ok(out)
}
