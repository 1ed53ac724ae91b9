//! The server of the pages, which answers this too: how near it is to its bounds.

use prometheus_client::registry::Registry;

use super::samples::{counter, counters, gauge};
use crate::server::Traffic;

pub(super) fn register(registry: &mut Registry, traffic: &Traffic) {
    let told = traffic.told();
    let help = "Connections to the web UI that are open";
    gauge(registry, "headwater_ui_connections", help, told.open as f64);
    let help = "Connections that the web UI holds at most: ui.connections";
    let name = "headwater_ui_connections_limit";
    gauge(registry, name, help, told.limit as f64);
    let help = "Connections to the web UI that broke, or were ended as their client did nothing";
    counter(
        registry,
        "headwater_ui_cut_connections",
        help,
        told.cut as f64,
    );
    let of = |kind: &str, count: u64| (vec![("of", kind.to_owned())], count as f64);
    counters(
        registry,
        "headwater_ui_refused_requests",
        "Requests that the web UI refused, as it answered enough of their kind",
        vec![
            of("changes", told.refused_changes),
            of("large_answers", told.refused_large),
        ],
    );
}
