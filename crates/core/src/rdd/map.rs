//! The narrow operators: each record, or each partition, on its own.

use super::narrow::Keeps;
use super::partitions::{Gather, PartitionIter};
use super::{Rdd, read};
use crate::chunk::{Emitter, Push, Sink};
use crate::record::Record;
use crate::scheduler::{ClosureOf, TaskContext};
use crate::shuffle::Placement;
use crate::site::Site;

impl<T: Record> Rdd<T> {
    /// Turns each record into one other: Spark's `map`.
    ///
    /// Order and partitions stay.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let squares = ctx.parallelize(vec![1, 2, 3], 2).map(|x| x * x);
    /// assert_eq!(squares.collect().unwrap(), [1, 4, 9]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn map<U: Record>(&self, f: impl Fn(T) -> U + Send + Sync + 'static) -> Rdd<U> {
        self.step(Site::here("map"), None, MapStep { f })
    }

    /// Keeps the records that fulfil a condition: Spark's `filter`.
    ///
    /// Order and partitions stay, and so does the placement of keys.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let odd = ctx.parallelize(vec![1, 2, 3], 2).filter(|x| x % 2 == 1);
    /// assert_eq!(odd.collect().unwrap(), [1, 3]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn filter(&self, keep: impl Fn(&T) -> bool + Send + Sync + 'static) -> Rdd<T> {
        self.step(
            Site::here("filter"),
            self.node.placement(),
            FilterStep { keep },
        )
    }

    /// Turns each record into any number of others: Spark's `flatMap`.
    ///
    /// The closure gives an iterator, which is read as records are wanted; nothing is
    /// collected. An iterator that borrows from the record cannot be returned: use an
    /// owning one such as [`crate::Text::into_words`], or [`Rdd::flat_map_into`].
    ///
    /// ```
    /// use headwater_core::{Context, Text};
    /// let ctx = Context::local(2).unwrap();
    /// let lines = ctx.parallelize(vec![Text::from("to be"), Text::from("or not")], 2);
    /// let words = lines.flat_map(Text::into_words);
    /// assert_eq!(words.collect().unwrap(), ["to", "be", "or", "not"]);
    /// let twice = ctx.parallelize(vec![1, 2], 1).flat_map(|x| [x, x]);
    /// assert_eq!(twice.collect().unwrap(), [1, 1, 2, 2]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn flat_map<U, I>(&self, f: impl Fn(T) -> I + Send + Sync + 'static) -> Rdd<U>
    where
        U: Record,
        I: IntoIterator<Item = U> + 'static,
    {
        self.step(Site::here("flat_map"), None, FlatMapStep { f })
    }

    /// Turns each record into any number of others by emitting them: Spark's `flatMap` for
    /// closures that borrow from the record.
    ///
    /// The closure gets a reference to the record and an [`Emitter`], which is an `Extend`.
    /// Nothing is collected: what is emitted goes to the next operator a chunk at a time.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let lines = ctx.parallelize(vec!["to be".to_string(), "or not".to_string()], 2);
    /// let lengths = lines.flat_map_into(|line, out| out.extend(line.split(' ').map(str::len)));
    /// assert_eq!(lengths.collect().unwrap(), [2, 2, 2, 3]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn flat_map_into<U: Record>(
        &self,
        f: impl Fn(&T, &mut Emitter<'_, U>) + Send + Sync + 'static,
    ) -> Rdd<U> {
        self.step(Site::here("flat_map_into"), None, FlatMapIntoStep { f })
    }

    /// Turns each partition as a whole into another one: Spark's `mapPartitions`.
    ///
    /// The closure is called once for each partition, also for an empty one. The records
    /// of a partition are gathered before the call; use it for what needs all of them or
    /// has a cost per partition, and [`Rdd::map`] otherwise. The placement of keys is
    /// forgotten.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let sums = ctx.parallelize(vec![1, 2, 3], 2).map_partitions(|records| [records.sum::<i32>()]);
    /// assert_eq!(sums.collect().unwrap(), [1, 5]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn map_partitions<U, I>(
        &self,
        f: impl Fn(PartitionIter<T>) -> I + Send + Sync + 'static,
    ) -> Rdd<U>
    where
        U: Record,
        I: IntoIterator<Item = U>,
    {
        let site = Site::here("map_partitions");
        self.whole(site, move |_, records, out| out.extend(f(records)))
    }

    /// As [`Rdd::map_partitions`], with the number of the partition: Spark's
    /// `mapPartitionsWithIndex`.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let tagged = ctx
    ///     .parallelize(vec!['a', 'b', 'c'], 2)
    ///     .map_partitions_with_index(|at, records| records.map(move |c| (at, c)));
    /// assert_eq!(tagged.collect().unwrap(), [(0, 'a'), (1, 'b'), (1, 'c')]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn map_partitions_with_index<U, I>(
        &self,
        f: impl Fn(usize, PartitionIter<T>) -> I + Send + Sync + 'static,
    ) -> Rdd<U>
    where
        U: Record,
        I: IntoIterator<Item = U>,
    {
        let site = Site::here("map_partitions_with_index");
        self.whole(site, move |at, records, out| out.extend(f(at, records)))
    }

    /// Makes each partition one record, a vector of its records: Spark's `glom`.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let parts = ctx.parallelize(vec![1, 2, 3], 2).glom();
    /// assert_eq!(parts.collect().unwrap(), [vec![1], vec![2, 3]]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn glom(&self) -> Rdd<Vec<T>> {
        self.whole(Site::here("glom"), |_, records, out| {
            out.emit(records.into_vec())
        })
    }

    /// Gives each record a key: Spark's `keyBy`.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let by_length = ctx.parallelize(vec!["a", "bc"], 1).key_by(|s| s.len());
    /// assert_eq!(by_length.collect().unwrap(), [(1, "a"), (2, "bc")]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn key_by<K: Record>(&self, key: impl Fn(&T) -> K + Send + Sync + 'static) -> Rdd<(K, T)> {
        self.keyed(Site::here("key_by"), key)
    }

    /// A node that runs `step` on every chunk.
    pub(crate) fn step<U: Record, S: Step<T, U>>(
        &self,
        site: Site,
        placement: Option<Placement>,
        step: S,
    ) -> Rdd<U> {
        let keeps = Keeps {
            placement,
            emptiness: true,
        };
        self.narrow(site, keeps, move |parent, task, partition, sink| {
            let mut sink = StepSink {
                step: &step,
                buffer: Vec::new(),
                out: Out { site, task, sink },
            };
            read(parent, task, partition, &mut sink)
        })
    }

    /// A node that runs `f` on every partition as a whole.
    pub(crate) fn whole<U: Record>(
        &self,
        site: Site,
        f: impl Fn(usize, PartitionIter<T>, &mut Emitter<'_, U>) + Send + Sync + 'static,
    ) -> Rdd<U> {
        let keeps = Keeps::default();
        self.narrow(site, keeps, move |parent, task, partition, sink| {
            let mut gather = Gather::new();
            read(parent, task, partition, &mut gather)?;
            let _closure = ClosureOf(site);
            let mut emitter = Emitter::new(task, sink);
            f(partition, gather.into_records(), &mut emitter);
            emitter.finish()
        })
    }
}

/// What a narrow operator does with a chunk.
pub(crate) trait Step<T, U>: Send + Sync + 'static {
    /// The results go into `out`, in chunks; `buffer` is kept between calls.
    fn push(&self, chunk: &mut Vec<T>, buffer: &mut Vec<U>, out: &mut Out<'_, U>) -> Push;

    fn push_shared(&self, chunk: &[T], buffer: &mut Vec<U>, out: &mut Out<'_, U>) -> Push;
}

/// The next operator, and the task that both belong to.
pub(crate) struct Out<'a, U> {
    pub(super) site: Site,
    pub(super) task: &'a TaskContext,
    pub(super) sink: &'a mut dyn Sink<U>,
}

struct StepSink<'a, U, S> {
    step: &'a S,
    buffer: Vec<U>,
    out: Out<'a, U>,
}

impl<T, U, S: Step<T, U>> Sink<T> for StepSink<'_, U, S> {
    fn push(&mut self, chunk: &mut Vec<T>) -> Push {
        self.step.push(chunk, &mut self.buffer, &mut self.out)
    }

    fn push_shared(&mut self, chunk: &[T]) -> Push {
        self.step
            .push_shared(chunk, &mut self.buffer, &mut self.out)
    }
}

impl<U> Out<'_, U> {
    /// Fills the buffer by the operator's closure, then hands it on.
    #[inline]
    fn send(&mut self, buffer: &mut Vec<U>, results: impl Iterator<Item = U>) -> Push {
        {
            let _closure = ClosureOf(self.site);
            buffer.clear();
            buffer.extend(results);
        }
        self.sink.push(buffer)
    }
}

pub(crate) struct MapStep<F> {
    pub(crate) f: F,
}

impl<T: Record, U, F: Fn(T) -> U + Send + Sync + 'static> Step<T, U> for MapStep<F> {
    fn push(&self, chunk: &mut Vec<T>, buffer: &mut Vec<U>, out: &mut Out<'_, U>) -> Push {
        out.send(buffer, chunk.drain(..).map(&self.f))
    }

    fn push_shared(&self, chunk: &[T], buffer: &mut Vec<U>, out: &mut Out<'_, U>) -> Push {
        out.send(buffer, chunk.iter().cloned().map(&self.f))
    }
}

struct FilterStep<F> {
    keep: F,
}

impl<T: Record, F: Fn(&T) -> bool + Send + Sync + 'static> Step<T, T> for FilterStep<F> {
    fn push(&self, chunk: &mut Vec<T>, _buffer: &mut Vec<T>, out: &mut Out<'_, T>) -> Push {
        {
            let _closure = ClosureOf(out.site);
            chunk.retain(&self.keep);
        }
        if chunk.is_empty() {
            Ok(())
        } else {
            out.sink.push(chunk)
        }
    }

    fn push_shared(&self, chunk: &[T], buffer: &mut Vec<T>, out: &mut Out<'_, T>) -> Push {
        let kept = chunk.iter().filter(|record| (self.keep)(record)).cloned();
        out.send(buffer, kept)
    }
}

struct FlatMapStep<F> {
    f: F,
}

impl<F> FlatMapStep<F> {
    #[inline]
    fn emit_all<T, U, I: IntoIterator<Item = U>>(
        &self,
        records: impl Iterator<Item = T>,
        out: &mut Out<'_, U>,
    ) -> Push
    where
        F: Fn(T) -> I,
    {
        let _closure = ClosureOf(out.site);
        let mut emitter = Emitter::new(out.task, out.sink);
        for record in records {
            emitter.extend((self.f)(record));
            emitter.check()?;
        }
        emitter.finish()
    }
}

impl<T, U, I, F> Step<T, U> for FlatMapStep<F>
where
    T: Record,
    I: IntoIterator<Item = U> + 'static,
    F: Fn(T) -> I + Send + Sync + 'static,
{
    fn push(&self, chunk: &mut Vec<T>, _buffer: &mut Vec<U>, out: &mut Out<'_, U>) -> Push {
        self.emit_all(chunk.drain(..), out)
    }

    fn push_shared(&self, chunk: &[T], _buffer: &mut Vec<U>, out: &mut Out<'_, U>) -> Push {
        self.emit_all(chunk.iter().cloned(), out)
    }
}

struct FlatMapIntoStep<F> {
    f: F,
}

impl<T, U, F> Step<T, U> for FlatMapIntoStep<F>
where
    T: Record,
    F: Fn(&T, &mut Emitter<'_, U>) + Send + Sync + 'static,
{
    fn push(&self, chunk: &mut Vec<T>, buffer: &mut Vec<U>, out: &mut Out<'_, U>) -> Push {
        let result = self.push_shared(chunk, buffer, out);
        chunk.clear();
        result
    }

    fn push_shared(&self, chunk: &[T], _buffer: &mut Vec<U>, out: &mut Out<'_, U>) -> Push {
        let _closure = ClosureOf(out.site);
        let mut emitter = Emitter::new(out.task, out.sink);
        for record in chunk {
            (self.f)(record, &mut emitter);
            emitter.check()?;
        }
        emitter.finish()
    }
}
