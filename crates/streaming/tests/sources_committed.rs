//! Sources hear which batches are done in the order of the batches, however many outputs run at a
//! time.

#![allow(clippy::unwrap_used, reason = "a helper of tests fails with them")]

mod probe;

use std::sync::mpsc::sync_channel;

use headwater_core::Context;
use headwater_streaming::testing::TestStream;
use headwater_streaming::time::Time;
use headwater_streaming::{InputSource, SourceBatch};
use parking_lot::Mutex;
use probe::{Log, Told, going_on, record, second, stream};

/// Keeps what it hears.
struct Hears(Log<Time>);

impl InputSource<i64> for Hears {
    fn compute(&mut self, time: Time, ctx: &Context) -> Result<SourceBatch<i64>, String> {
        Ok(ctx.parallelize(vec![time.as_millis()], 1).into())
    }

    fn committed(&mut self, time: Time) {
        self.0.push(time);
    }
}

/// Runs a check without a checkpoint directory and with one.
fn on_streams(jobs: &str, check: impl Fn(&TestStream)) {
    let settings = [("streaming.concurrent_jobs", jobs)];
    check(&stream(&settings));
    let dir = tempfile::tempdir().unwrap();
    check(&going_on(dir.path(), 0, &settings));
}

#[test]
fn a_batch_that_overtook_another_is_committed_after_it() {
    on_streams("2", |test| {
        let (heard, told) = (Log::new(), record(test.context()));
        let (release, gate) = sync_channel::<()>(0);
        let gate = Mutex::new(gate);
        let source = test.context().source_stream(Hears(heard.clone()));
        source.foreach_rdd(move |_, time| {
            if time == second(1) {
                gate.lock().recv().unwrap();
            }
        });
        test.try_run(0).unwrap();
        test.clock().set(second(3));
        let completed = |told: &Told| match told {
            Told::Completed(batch) => Some(batch.time),
            _ => None,
        };
        told.wait_for(|told| told.iter().filter_map(completed).eq([2, 3].map(second)));
        assert_eq!(heard.entries(), []);
        release.send(()).unwrap();
        assert_eq!(
            heard.wait_for(|times| times.len() == 3),
            [1, 2, 3].map(second)
        );
    });
}

#[test]
fn batches_that_end_at_the_same_time_are_committed_in_order() {
    on_streams("4", |test| {
        let heard = [Log::new(), Log::new()];
        for log in &heard {
            let source = test.context().source_stream(Hears(log.clone()));
            source.foreach_rdd(|_, _| ());
        }
        test.try_run(0).unwrap();
        test.clock().set(second(300));
        for log in &heard {
            let times = log.wait_for(|times| times.len() == 300);
            assert!(times.is_sorted(), "{times:?}");
        }
    });
}
