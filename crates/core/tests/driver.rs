//! What the driver of a job has to survive: attempts over lost shuffles, panics of user code
//! outside tasks, listeners and tasks that call back, events that stay balanced.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use headwater_core::events::Event;
use headwater_core::rdd::Stages;
use headwater_core::{Conf, Context, Error, Rdd};
use serde::{Deserialize, Serialize};

/// A context whose shuffles hand everything over, so that a second reader finds nothing.
fn handing_over(master: &str) -> Context {
    let conf = Conf::new().master(master).set("shuffle.keep", "0b");
    Context::new(conf).expect("the settings are right")
}

fn sums(ctx: &Context) -> Rdd<(i64, i64)> {
    ctx.range(0..9, 1, 3)
        .map(|n| (n % 4, n))
        .reduce_by_key_partitioned(|a, b| a + b, 2)
}

#[test]
fn attempts_are_counted_over_lost_shuffles_and_the_cause_is_told() {
    let ctx = handing_over("local[1,3]");
    let tries = Arc::new(AtomicUsize::new(0));
    let seen = tries.clone();
    let failing = sums(&ctx).coalesce(1).map(move |pair| {
        seen.fetch_add(1, Ordering::Relaxed);
        assert!(pair.0 > 100, "the real reason");
        pair
    });
    let error = failing.collect().unwrap_err().to_string();
    assert!(error.contains("the real reason"), "{error}");
    assert_eq!(tries.load(Ordering::Relaxed), 3);
}

#[test]
fn bytes_of_map_tasks_are_the_same_before_and_after_a_read() {
    for ctx in [Context::local(2).unwrap(), handing_over("local[2]")] {
        let rdd = sums(&ctx);
        let stages = rdd.stages();
        let bytes = || -> Vec<_> { (0..3).map(|p| stages.run(0, p).unwrap()).collect() };
        let before = bytes();
        stages.run(1, 0).unwrap();
        rdd.first().unwrap();
        assert_eq!(before, bytes());
        let elsewhere = sums(&ctx).stages();
        for (partition, bytes) in before.iter().enumerate() {
            elsewhere.import(0, partition, bytes).unwrap();
        }
        let total: i64 = (0..2)
            .flat_map(|p| Stages::decode::<(i64, i64)>(&elsewhere.run(1, p).unwrap()).unwrap())
            .map(|(_, sum)| sum)
            .sum();
        assert_eq!(total, (0..9).sum());
    }
}

/// A key whose order panics, as careless orders of floating numbers do.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Careless(u32);

impl PartialOrd for Careless {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Careless {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        assert!(self.0 != 30 && other.0 != 30, "cannot be compared");
        self.0.cmp(&other.0)
    }
}

#[test]
fn a_panic_on_the_driver_ends_its_job_with_an_error() {
    let ctx = Context::local(2).unwrap();
    let keys = ctx.parallelize((0..50).map(Careless).collect(), 2);
    let error = keys.sort_by(Clone::clone, true).collect().err();
    assert!(matches!(error, Some(Error::Driver { .. })), "{error:?}");
    let total = ctx.accumulator("bad", 0_i64, |total, part| {
        assert!(*total < 3, "cannot be merged");
        *total += part;
    });
    let error = ctx.range(0..10, 1, 5).for_each(move |_| total.add(2)).err();
    assert!(matches!(error, Some(Error::Driver { .. })), "{error:?}");
    assert!(!(0..10).any(|job| ctx.cancel_job(job)), "no job is left");
    assert_eq!(ctx.range(0..3, 1, 2).count().unwrap(), 3);
}

#[test]
fn a_listener_may_add_and_remove_listeners() {
    let ctx = Arc::new(Context::local(1).unwrap());
    let heard = Arc::new(AtomicUsize::new(0));
    let (weak, count) = (Arc::downgrade(&ctx), heard.clone());
    ctx.events().add(move |_: &Event| {
        let Some(ctx) = weak.upgrade() else { return };
        let count = count.clone();
        let id = ctx.events().add(move |_: &Event| {
            count.fetch_add(1, Ordering::Relaxed);
        });
        assert!(ctx.events().remove(id));
    });
    ctx.range(0..3, 1, 2).count().unwrap();
    ctx.events().flush();
    assert_eq!(
        heard.load(Ordering::Relaxed),
        0,
        "removed before its first event"
    );
}

#[test]
fn every_start_has_its_end() {
    let ctx = handing_over("local[2]");
    let balance: Arc<[AtomicUsize; 6]> = Arc::default();
    let counts = balance.clone();
    ctx.events().add(move |event: &Event| {
        let at = match event {
            Event::JobStarted(_) => 0,
            Event::JobEnded(_) => 1,
            Event::StageSubmitted(_) => 2,
            Event::StageCompleted(_) => 3,
            Event::TaskStarted(_) => 4,
            Event::TaskEnded(_) => 5,
            _ => return,
        };
        counts[at].fetch_add(1, Ordering::Relaxed);
    });
    // Empty partitions, a shuffle that is lost, a failing task, a job that cannot be planned.
    ctx.parallelize(vec![1], 4).count().unwrap();
    let sums = sums(&ctx);
    sums.count().unwrap();
    sums.count().unwrap();
    let failing = sums.map(|pair| assert!(pair.0 > 9));
    failing.collect().unwrap_err();
    ctx.text_file("/no/such/file").count().unwrap_err();
    ctx.events().flush();
    let seen: Vec<_> = balance
        .iter()
        .map(|count| count.load(Ordering::Relaxed))
        .collect();
    assert_eq!(
        (seen[0], seen[2], seen[4]),
        (seen[1], seen[3], seen[5]),
        "{seen:?}"
    );
    assert!(seen.iter().all(|count| *count > 3), "{seen:?}");
}
