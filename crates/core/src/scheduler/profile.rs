//! What each operator of a task gave and how long it took, measured at the edges between them.
//!
//! Every partition that is read passes through [`Profile::read`]. It knows how long the whole
//! read took, and puts an [`Edge`] before the reader's sink, which counts the records and takes
//! the time that the reader spends on them. What is left is the time of the operator and of
//! those before it; the time of those is known, as their reads ended inside this one.
//!
//! Nothing is done for a record, and little for a chunk: most chunks are only counted, and the
//! time that was taken of some of them is scaled up.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::chunk::{Push, Sink};

/// The first chunks of an edge are all timed, so that small tasks are measured exactly.
const TIMED_FIRST: u64 = 8;

/// Of the later chunks one in so many is timed. A prime, so that no rhythm of an operator, such
/// as every eighth chunk being the small rest of something, is always or never met.
const TIMED_EVERY: u64 = 31;

/// What one operator did in a task, or in all successful tasks of a stage.
///
/// ```
/// use headwater_core::{Context, OperatorMetrics, events::Event};
/// use std::sync::mpsc::sync_channel;
///
/// let ctx = Context::local(1).unwrap();
/// let (to, stages) = sync_channel(1);
/// ctx.events().add(move |event: &Event| {
///     if let Event::StageCompleted(stage) = event {
///         to.send(stage.operators.clone()).unwrap();
///     }
/// });
/// let numbers = ctx.range(0..100, 1, 4);
/// let even = numbers.filter(|n| n % 2 == 0);
/// even.count().unwrap();
/// let gave: Vec<_> = stages.recv().unwrap().iter().map(|of| (of.rdd, of.records)).collect();
/// assert_eq!(gave, [(numbers.id(), 100), (even.id(), 50)]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct OperatorMetrics {
    /// The RDD that the operator computes.
    pub rdd: u64,
    /// How many records it gave to the operators that read it in the stage; the last one of a
    /// stage gave them to the shuffle, before that combines any, or to the action.
    pub records: u64,
    /// How long it took by itself, without those before and after it. Reading what is kept of
    /// an RDD counts as that RDD's. In tasks of many chunks it is an estimate, made from some
    /// of them. What a stage's tasks took beyond the sum of these is the work of the shuffle or
    /// the action at its end.
    pub time: Duration,
}

/// The sums of operators, in the order of their RDDs: inputs before what is made of them.
#[derive(Default)]
pub(crate) struct Operators(BTreeMap<u64, Sums>);

#[derive(Default)]
struct Sums {
    records: u64,
    nanos: u64,
}

impl Operators {
    fn add_one(&mut self, rdd: u64, records: u64, nanos: u64) {
        let sums = self.0.entry(rdd).or_default();
        sums.records += records;
        sums.nanos += nanos;
    }

    /// Adds what another task measured.
    pub(crate) fn add(&mut self, others: &Operators) {
        for (rdd, sums) in &others.0 {
            self.add_one(*rdd, sums.records, sums.nanos);
        }
    }

    pub(crate) fn list(&self) -> Vec<OperatorMetrics> {
        let operators = self.0.iter();
        operators
            .map(|(rdd, sums)| OperatorMetrics {
                rdd: *rdd,
                records: sums.records,
                time: Duration::from_nanos(sums.nanos),
            })
            .collect()
    }
}

/// Measures the operators of one task.
#[derive(Default)]
pub(crate) struct Profile {
    operators: RefCell<Operators>,
    /// The nanoseconds of the reads that ended inside the operator that runs now.
    read_inside: Cell<u64>,
}

impl Profile {
    /// Runs the read of an RDD, which gets the sink through which to push.
    pub(crate) fn read<T>(
        &self,
        rdd: u64,
        sink: &mut dyn Sink<T>,
        read: impl FnOnce(&mut dyn Sink<T>) -> Push,
    ) -> Push {
        let outer = self.read_inside.replace(0);
        let mut edge = Edge {
            sink,
            profile: self,
            read_inside: 0,
            records: 0,
            clock: Clock::default(),
        };
        let started = Instant::now();
        let result = read(&mut edge);
        let upstream = nanos(started.elapsed()).saturating_sub(edge.clock.total());
        let own = upstream.saturating_sub(self.read_inside.get());
        self.operators.borrow_mut().add_one(rdd, edge.records, own);
        // The reader may have read something else whenever it got a chunk.
        self.read_inside.set(outer + upstream + edge.read_inside);
        result
    }

    /// What was measured; nothing is left of it.
    pub(crate) fn take(&self) -> Operators {
        self.operators.take()
    }
}

/// The way from an operator to its reader.
struct Edge<'a, T> {
    sink: &'a mut dyn Sink<T>,
    profile: &'a Profile,
    /// The reader's part of [`Profile::read_inside`], put aside while the operator runs.
    read_inside: u64,
    records: u64,
    clock: Clock,
}

impl<T> Edge<'_, T> {
    #[inline]
    fn cross(&mut self, records: usize, push: impl FnOnce(&mut dyn Sink<T>) -> Push) -> Push {
        self.records += records as u64;
        let of_operator = self.profile.read_inside.replace(self.read_inside);
        let sink = &mut *self.sink;
        let result = self.clock.time(records as u64, || push(sink));
        self.read_inside = self.profile.read_inside.replace(of_operator);
        result
    }
}

impl<T> Sink<T> for Edge<'_, T> {
    fn push(&mut self, chunk: &mut Vec<T>) -> Push {
        self.cross(chunk.len(), |sink| sink.push(chunk))
    }

    fn push_shared(&mut self, chunk: &[T]) -> Push {
        self.cross(chunk.len(), |sink| sink.push_shared(chunk))
    }
}

/// How long the pushes of an edge took, though not all of them are timed.
#[derive(Default)]
struct Clock {
    pushes: u64,
    /// The nanoseconds of the first pushes.
    first_nanos: u64,
    /// The nanoseconds of those later pushes that are timed.
    later_nanos: u64,
    /// How much was pushed later, and how much of that was timed.
    later: u64,
    later_timed: u64,
}

impl Clock {
    #[inline]
    fn time(&mut self, records: u64, push: impl FnOnce() -> Push) -> Push {
        let Some(later) = self.pushes.checked_sub(TIMED_FIRST) else {
            self.pushes += 1;
            return timed(&mut self.first_nanos, push);
        };
        self.pushes += 1;
        // A chunk takes some time even if there is nothing in it.
        self.later += records + 1;
        if !later.is_multiple_of(TIMED_EVERY) {
            return push();
        }
        self.later_timed += records + 1;
        timed(&mut self.later_nanos, push)
    }

    fn total(&self) -> u64 {
        let timed = u128::from(self.later_timed.max(1));
        let later = u128::from(self.later_nanos) * u128::from(self.later) / timed;
        self.first_nanos + u64::try_from(later).unwrap_or(u64::MAX)
    }
}

fn timed(nanos_taken: &mut u64, push: impl FnOnce() -> Push) -> Push {
    let started = Instant::now();
    let result = push();
    *nanos_taken += nanos(started.elapsed());
    result
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;

    use super::*;
    use crate::events::Event;
    use crate::{Context, Emitter, PartitionSource};

    fn spin(time: Duration) {
        let started = Instant::now();
        while started.elapsed() < time {}
    }

    const SHORT: Duration = Duration::from_micros(100);
    const LONG: Duration = Duration::from_millis(2);

    #[test]
    fn the_time_of_many_chunks_is_told_from_some() {
        let mut clock = Clock::default();
        let mut ran = 0;
        for _ in 0..100 {
            let push = || {
                ran += 1;
                spin(SHORT);
                Ok(())
            };
            assert!(clock.time(10, push).is_ok());
        }
        assert_eq!(
            (ran, clock.later, clock.later_timed),
            (100, 92 * 11, 3 * 11)
        );
        assert!(clock.total() >= nanos(SHORT) * 100);
    }

    struct Slow;

    impl PartitionSource<u8> for Slow {
        fn partitions(&self) -> usize {
            1
        }
        fn read(&self, _: usize, out: &mut Emitter<'_, u8>) -> Result<(), String> {
            spin(LONG);
            out.extend([1, 2]);
            Ok(())
        }
    }

    #[test]
    fn time_is_that_of_the_operator_which_took_it() {
        let ctx = Context::local(1).unwrap();
        let (to, tasks) = sync_channel(1);
        ctx.events().add(move |event: &Event| {
            if let Event::TaskEnded(task) = event {
                to.send(task.clone()).unwrap();
            }
        });
        let slowly = |n| {
            spin(LONG);
            n
        };
        let source = ctx.from_source(Slow);
        // One that hands on at once, one that gathers first, one that reads two others.
        let mapped = source.map(slowly);
        let whole = mapped.map_partitions(move |records| {
            spin(LONG);
            records
        });
        let both = whole.cartesian(&source).map(slowly_paired);
        both.for_each(|_| spin(LONG)).unwrap();
        let task = tasks.recv().unwrap();
        let of = |rdd| {
            let operators = task.operators.iter();
            operators
                .filter(|of| of.rdd == rdd)
                .map(|of| of.time)
                .sum::<Duration>()
        };
        assert!(of(source.id()) >= 2 * LONG, "it is read twice: {task:?}");
        assert!(of(mapped.id()) >= 2 * LONG, "{task:?}");
        assert!(of(whole.id()) >= LONG, "{task:?}");
        assert!(of(both.id()) >= 4 * LONG, "{task:?}");
        // Nothing is counted twice, and the action has its own part.
        let own: Duration = task.operators.iter().map(|of| of.time).sum();
        assert!(own + 4 * LONG <= task.metrics.run_time, "{task:?}");
    }

    fn slowly_paired(pair: (u8, u8)) -> (u8, u8) {
        spin(LONG);
        pair
    }
}
