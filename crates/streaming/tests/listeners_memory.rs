//! Batches that are told leave nothing behind. In a process of its own, whose memory is measured.

#![cfg(target_os = "linux")]

mod probe;

use headwater_streaming::StreamingListener;
use headwater_streaming::{BatchInfo, State, StateSpec};
use probe::stream;

/// What the process has in memory, in pages.
fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").expect("Linux tells it");
    let pages = text.split(' ').nth(1).and_then(|pages| pages.parse().ok());
    pages.expect("the second number is that of resident pages")
}

struct Attentive;

impl StreamingListener for Attentive {
    fn on_batch_completed(&mut self, batch: &BatchInfo) {
        assert_eq!(batch.states.len(), 1);
    }
}

#[test]
fn twenty_thousand_told_batches_leave_nothing() {
    let test = stream(&[("listener_bus.queue.capacity", "100")]);
    test.context().add_listener(Attentive);
    let pairs = test.context().stream_by_time(|_| vec![(1_u8, 1_u8)]);
    let latest = |_: &u8, value: Option<u8>, state: &mut State<'_, u8>| {
        value.into_iter().for_each(|value| state.update(value));
    };
    let spec = StateSpec::function(latest).num_partitions(1);
    pairs.map_with_state(spec).foreach_rdd(|_, _| ());
    test.run(5_000);
    let before = resident();
    test.run(15_000);
    let pages = resident().saturating_sub(before);
    // A hundred bytes for each batch would be some 370 pages.
    assert!(pages < 300, "{pages} pages more after 15,000 batches");
}
