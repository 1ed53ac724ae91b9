//! Nothing is kept that nothing remembers.

mod probe;

use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use headwater_core::StorageLevel;
use headwater_streaming::time::seconds;
use probe::{Start, stream};
use serde::{Deserialize, Serialize};

/// A record whose copies can be counted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Probe {
    #[serde(skip)]
    copies: Arc<()>,
}

fn copies(probe: &Probe) -> usize {
    Arc::strong_count(&probe.copies) - 1
}

#[test]
fn records_of_old_batches_are_dropped() {
    let test = stream(&[]);
    let probes: Vec<Probe> = (0..10).map(|_| Probe::default()).collect();
    let input = test.input(probes.iter().map(|probe| vec![probe.clone()]).collect());
    input
        .map(|probe| probe)
        .foreach_rdd(|rdd, _| rdd.count().map(drop));
    for batch in 1..=20_usize {
        test.run(1);
        let dropped = &probes[..batch.saturating_sub(1).min(10)];
        assert!(
            dropped.iter().all(|probe| copies(probe) == 0),
            "batch {batch}"
        );
    }
    assert!(probes.iter().all(|probe| copies(probe) == 0));
}

#[test]
fn records_of_a_window_are_dropped_after_it() {
    let test = stream(&[]);
    let probes: Vec<Probe> = (0..30).map(|_| Probe::default()).collect();
    let input = test.input(probes.iter().map(|probe| vec![probe.clone()]).collect());
    let windows = input.window(seconds(4), seconds(2));
    windows.foreach_rdd(|rdd, _| rdd.count().map(drop));
    for batch in 1..=30_usize {
        test.run(1);
        // Width and slide, as Spark's windows remember.
        let dropped = &probes[..batch.saturating_sub(6)];
        assert!(
            dropped.iter().all(|probe| copies(probe) == 0),
            "batch {batch}"
        );
    }
}

#[test]
fn what_a_receiver_stored_is_dropped() {
    let test = stream(&[]);
    let (to, contexts) = sync_channel(1);
    let received = test
        .context()
        .receiver_stream(Start::<Probe>::new(move |ctx| {
            to.send(ctx.clone()).unwrap();
            Ok(())
        }));
    received.foreach_rdd(|rdd, _| rdd.count().map(drop));
    // Nothing reads this one.
    let _unused = received.window(seconds(100), seconds(100));
    test.try_run(0).unwrap();
    let ctx = contexts.recv().unwrap();
    let probe = Probe::default();
    for _ in 0..100 {
        ctx.store_many(vec![probe.clone(); 10]).unwrap();
        test.run(1);
        assert!(copies(&probe) <= 20, "{} copies", copies(&probe));
    }
    test.run(1);
    assert_eq!(copies(&probe), 0);
}

#[test]
fn closures_are_dropped_when_the_stream_stops() {
    let test = stream(&[]);
    let probe = Probe::default();
    let (held, also_held) = (probe.clone(), probe.clone());
    let ssc = test.context().clone();
    let mapped = test.input(vec![vec![1]]).map(move |n| {
        let _ = &held;
        n
    });
    // A circle: the output holds its own context.
    mapped.foreach_rdd(move |_, _| {
        let _ = (&also_held, &ssc);
    });
    drop(mapped);
    test.run(1);
    assert_eq!(copies(&probe), 2);
    test.context().stop(false, false).unwrap();
    assert_eq!(copies(&probe), 0);
}

#[test]
fn persisted_rdds_of_old_batches_are_dropped() {
    let test = stream(&[]);
    let numbers = test
        .context()
        .stream_by_time(|time| vec![time.as_millis(); 100]);
    let kept = numbers.map(|n| n + 1).persist(StorageLevel::MEMORY_ONLY);
    kept.foreach_rdd(|rdd, _| rdd.count().map(drop));
    kept.window(seconds(3), seconds(1))
        .foreach_rdd(|rdd, _| rdd.count().map(drop));
    for batch in 1..=50 {
        test.run(1);
        let info = test.context().context().storage_info();
        assert!(info.len() <= batch.min(4), "{info:?}");
        assert!(
            info.iter()
                .all(|rdd| rdd.cached_partitions == rdd.partitions),
            "{info:?}"
        );
    }
}

#[test]
fn an_rdd_that_batches_share_stays_persisted() {
    let test = stream(&[]);
    let ctx = test.context().context().clone();
    let computed = ctx.long_accumulator("computed");
    let count = computed.clone();
    let rdd = ctx.parallelize(vec![1, 2, 3], 1).map(move |n| {
        count.add(1);
        n
    });
    let shared = test
        .context()
        .constant_stream(&rdd)
        .persist(StorageLevel::MEMORY_ONLY);
    shared.foreach_rdd(|rdd, _| rdd.count().map(drop));
    test.run(20);
    assert_eq!(computed.value(), 3);
}

#[test]
fn ten_thousand_empty_batches_leave_nothing() {
    let test = stream(&[]);
    let probe = Probe::default();
    let given = probe.clone();
    let input = test.context().stream_by_time(move |_| vec![given.clone()]);
    let nothing = input.filter(|_| false);
    nothing.foreach_rdd(|rdd, _| rdd.count().map(drop));
    for _ in 0..10 {
        test.run(1_000);
        // The one in the source's closure, and that of the batches that are remembered.
        assert!(copies(&probe) <= 3, "{} copies", copies(&probe));
    }
}
