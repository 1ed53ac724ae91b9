//! Inputs of which the test decides what they give to each batch.

#![allow(clippy::unwrap_used, reason = "a helper of tests fails with them")]

use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};

use headwater_core::Context;
use headwater_streaming::testing::TestStream;
use headwater_streaming::time::Time;
use headwater_streaming::{DStream, InputSource, ReceiverContext, SourceBatch};
use parking_lot::Mutex;

use super::Start;

/// A log outside of the stream, of which a batch gets what was added since the batch before.
#[derive(Clone, Default)]
pub(crate) struct Outside(pub(crate) Arc<Mutex<Vec<i64>>>);

impl Outside {
    pub(crate) fn add(&self, number: i64) {
        self.0.lock().push(number);
    }
}

/// Reads such a log by offsets; it cannot be reached when some batches are cut.
pub(crate) struct Offsets {
    log: Outside,
    next: u64,
    fails_at: &'static [i64],
    /// Leaves out what was in the log before the stream began.
    from_end: bool,
}

impl Offsets {
    pub(crate) fn of(log: &Outside, fails_at: &'static [i64]) -> Self {
        let (log, next, from_end) = (log.clone(), 0, false);
        Offsets {
            log,
            next,
            fails_at,
            from_end,
        }
    }

    pub(crate) fn from_end_of(log: &Outside) -> Self {
        Offsets {
            from_end: true,
            ..Offsets::of(log, &[])
        }
    }

    fn read(&self, ctx: &Context, (from, to): (u64, u64)) -> SourceBatch<i64> {
        let numbers = self.log.0.lock()[from as usize..to as usize].to_vec();
        let range = [from.to_le_bytes(), to.to_le_bytes()].concat();
        SourceBatch::new(ctx.parallelize(numbers, 1)).range(range)
    }
}

fn offsets(range: &[u8]) -> (u64, u64) {
    let (from, to) = range.split_at(8);
    let number = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().unwrap());
    (number(from), number(to))
}

impl InputSource<i64> for Offsets {
    fn origin(&mut self) -> Option<Vec<u8>> {
        if self.from_end {
            self.next = self.log.0.lock().len() as u64;
        }
        Some(self.next.to_le_bytes().to_vec())
    }

    fn recall_origin(&mut self, origin: &[u8]) -> Result<(), String> {
        self.next = u64::from_le_bytes(origin.try_into().unwrap());
        Ok(())
    }

    fn compute(&mut self, time: Time, ctx: &Context) -> Result<SourceBatch<i64>, String> {
        if self.fails_at.contains(&(time.as_millis() / 1000)) {
            return Err("nobody is at home".to_owned());
        }
        let from = self.next;
        self.next = self.log.0.lock().len() as u64;
        Ok(self.read(ctx, (from, self.next)))
    }

    fn recall(&mut self, _: Time, range: &[u8]) -> Result<(), String> {
        self.next = offsets(range).1;
        Ok(())
    }

    fn restore(
        &mut self,
        _: Time,
        range: &[u8],
        ctx: &Context,
    ) -> Result<SourceBatch<i64>, String> {
        Ok(self.read(ctx, offsets(range)))
    }
}

/// Gives the second of each batch, by the time alone.
pub(crate) struct Seconds;

impl InputSource<i64> for Seconds {
    fn compute(&mut self, time: Time, ctx: &Context) -> Result<SourceBatch<i64>, String> {
        Ok(ctx.parallelize(vec![time.as_millis() / 1000], 1).into())
    }
}

/// A stream of what the test stores, and where it gets what to store through.
pub(crate) fn handed_out(test: &TestStream) -> (DStream<i64>, Receiver<ReceiverContext<i64>>) {
    let (to, contexts) = sync_channel(10);
    let received = test.context().receiver_stream(Start::new(move |ctx| {
        to.send(ctx.clone()).map_err(|error| error.to_string())
    }));
    (received, contexts)
}
