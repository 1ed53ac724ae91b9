//! The process that the program runs in: the event bus, kept RDDs, and what the system says.

use prometheus_client::registry::Registry;

use super::samples::{counter, gauge};
use crate::live::Live;
use crate::process;
use crate::rest::Stored;

pub(super) fn register(registry: &mut Registry, live: &Live) {
    bus(registry, live);
    log(registry, live);
    storage(registry, live);
    process(registry, live);
}

fn bus(registry: &mut Registry, live: &Live) {
    let bus = live.ctx.events();
    let help = "Events that were posted to listeners";
    counter(
        registry,
        "headwater_event_bus_posted",
        help,
        bus.posted() as f64,
    );
    let help = "Events that were dropped, as listeners were too slow";
    counter(
        registry,
        "headwater_event_bus_dropped",
        help,
        bus.dropped() as f64,
    );
    let help = "Events that wait for listeners";
    gauge(
        registry,
        "headwater_event_bus_queue_length",
        help,
        bus.queued() as f64,
    );
}

/// The event log, if there is one.
fn log(registry: &mut Registry, live: &Live) {
    let Some(log) = &live.log else { return };
    let help = "Records that wait to be written to the event log";
    let queued = log.queued() as f64;
    gauge(registry, "headwater_event_log_queue_length", help, queued);
    let help = "Events that are not in the event log, as writing was too slow or failed";
    let dropped = log.dropped() as f64;
    counter(registry, "headwater_event_log_dropped", help, dropped);
}

fn storage(registry: &mut Registry, live: &Live) {
    let stored = Stored::by(live);
    let sizes = [
        (
            "memory_bytes",
            "What kept RDDs take in memory",
            stored.memory_bytes,
        ),
        (
            "memory_limit_bytes",
            "What kept RDDs may take in memory",
            stored.memory_bytes_max,
        ),
        (
            "disk_bytes",
            "What kept RDDs take on disk",
            stored.disk_bytes,
        ),
        (
            "partitions",
            "Partitions that are kept",
            stored.partitions as u64,
        ),
    ];
    for (name, help, value) in sizes {
        gauge(
            registry,
            &format!("headwater_storage_{name}"),
            help,
            value as f64,
        );
    }
}

fn process(registry: &mut Registry, live: &Live) {
    let started = live.ctx.start_time();
    let since = started.duration_since(std::time::UNIX_EPOCH);
    let help = "When the program was started, in seconds since 1970";
    let started = since.map_or(0.0, |since| since.as_secs_f64());
    gauge(registry, "process_start_time_seconds", help, started);
    if let Some(usage) = process::process() {
        usage_of(registry, usage);
    }
}

fn usage_of(registry: &mut Registry, usage: process::Process) {
    let help = "Processor time that the process has used";
    counter(
        registry,
        "process_cpu_seconds",
        help,
        usage.cpu.seconds_f64(),
    );
    let gauges = [
        (
            "resident_memory_bytes",
            "Memory that the process has",
            usage.resident_bytes as f64,
        ),
        (
            "virtual_memory_bytes",
            "Addresses that the process has",
            usage.virtual_bytes as f64,
        ),
        (
            "open_fds",
            "Files and connections that are open",
            usage.open_files as f64,
        ),
        ("threads", "Threads of the process", usage.threads as f64),
    ];
    for (name, help, value) in gauges {
        gauge(registry, &format!("process_{name}"), help, value);
    }
}
