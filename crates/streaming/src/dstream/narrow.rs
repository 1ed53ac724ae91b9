//! Operators on the records of each batch.

use std::sync::Arc;

use headwater_core::{Emitter, Key, PartitionIter, Record, Site, Wire};

use super::DStream;

impl<T: Record> DStream<T> {
    /// Turns each record into one other: Spark's `map`.
    ///
    /// ```
    /// use headwater_streaming::testing::run_batches;
    /// let out = run_batches(vec![vec![1, 2], vec![], vec![3]], |numbers| numbers.map(|n| n * n));
    /// assert_eq!(out, [vec![1, 4], vec![], vec![9]]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn map<U: Record>(&self, f: impl Fn(T) -> U + Send + Sync + 'static) -> DStream<U> {
        let f = Arc::new(f);
        self.each_rdd(Site::here("map"), move |rdd, _| {
            let f = f.clone();
            Ok(rdd.map(move |record| f(record)))
        })
    }

    /// Keeps the records that fulfil a condition: Spark's `filter`.
    ///
    /// ```
    /// use headwater_streaming::testing::run_batches;
    /// let odd = run_batches(vec![vec![1, 2, 3], vec![4]], |numbers| numbers.filter(|n| n % 2 == 1));
    /// assert_eq!(odd, [vec![1, 3], vec![]]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn filter(&self, keep: impl Fn(&T) -> bool + Send + Sync + 'static) -> DStream<T> {
        let keep = Arc::new(keep);
        self.each_rdd(Site::here("filter"), move |rdd, _| {
            let keep = keep.clone();
            Ok(rdd.filter(move |record| keep(record)))
        })
    }

    /// Turns each record into any number of others: Spark's `flatMap`.
    ///
    /// The closure gives an iterator, which is not collected. It cannot borrow from the
    /// record; for that there is [`DStream::flat_map_into`], and for text the owning
    /// [`Text::into_words`](headwater_core::Text::into_words).
    ///
    /// ```
    /// use headwater_streaming::testing::run_batches;
    /// let twice = run_batches(vec![vec![1, 2], vec![]], |numbers| numbers.flat_map(|n| [n, n]));
    /// assert_eq!(twice, [vec![1, 1, 2, 2], vec![]]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn flat_map<U, I>(&self, f: impl Fn(T) -> I + Send + Sync + 'static) -> DStream<U>
    where
        U: Record,
        I: IntoIterator<Item = U> + 'static,
    {
        let f = Arc::new(f);
        self.each_rdd(Site::here("flat_map"), move |rdd, _| {
            let f = f.clone();
            Ok(rdd.flat_map(move |record| f(record)))
        })
    }

    /// Turns each record into any number of others by emitting them: `flatMap` for
    /// closures that borrow from the record. Nothing is collected.
    ///
    /// ```
    /// use headwater_streaming::testing::run_batches;
    /// let batches = vec![vec!["to be".to_string()], vec!["or not".to_string()]];
    /// let lengths = run_batches(batches, |lines| {
    ///     lines.flat_map_into(|line, out| out.extend(line.split(' ').map(str::len)))
    /// });
    /// assert_eq!(lengths, [vec![2, 2], vec![2, 3]]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn flat_map_into<U: Record>(
        &self,
        f: impl Fn(&T, &mut Emitter<'_, U>) + Send + Sync + 'static,
    ) -> DStream<U> {
        let f = Arc::new(f);
        self.each_rdd(Site::here("flat_map_into"), move |rdd, _| {
            let f = f.clone();
            Ok(rdd.flat_map_into(move |record, out| f(record, out)))
        })
    }

    /// Turns each partition of each batch into another one: Spark's `mapPartitions`.
    ///
    /// Called once for each partition, also for an empty one.
    ///
    /// ```
    /// use headwater_streaming::testing::run_batches;
    /// let sums = run_batches(vec![vec![1, 2], vec![]], |numbers| {
    ///     numbers.map_partitions(|records| [records.sum::<i32>()])
    /// });
    /// assert_eq!(sums, [vec![1, 2], vec![0, 0]]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn map_partitions<U, I>(
        &self,
        f: impl Fn(PartitionIter<T>) -> I + Send + Sync + 'static,
    ) -> DStream<U>
    where
        U: Record,
        I: IntoIterator<Item = U>,
    {
        let f = Arc::new(f);
        self.each_rdd(Site::here("map_partitions"), move |rdd, _| {
            let f = f.clone();
            Ok(rdd.map_partitions(move |records| f(records)))
        })
    }

    /// As [`DStream::map_partitions`], with the number of the partition: Python's
    /// `mapPartitionsWithIndex`.
    ///
    /// ```
    /// use headwater_streaming::testing::run_batches;
    /// let tagged = run_batches(vec![vec!['a', 'b']], |letters| {
    ///     letters.map_partitions_with_index(|at, records| records.map(move |c| (at, c)))
    /// });
    /// assert_eq!(tagged, [vec![(0, 'a'), (1, 'b')]]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn map_partitions_with_index<U, I>(
        &self,
        f: impl Fn(usize, PartitionIter<T>) -> I + Send + Sync + 'static,
    ) -> DStream<U>
    where
        U: Record,
        I: IntoIterator<Item = U>,
    {
        let f = Arc::new(f);
        self.each_rdd(Site::here("map_partitions_with_index"), move |rdd, _| {
            let f = f.clone();
            Ok(rdd.map_partitions_with_index(move |at, records| f(at, records)))
        })
    }

    /// Makes each partition one record, a vector: Spark's `glom`.
    ///
    /// ```
    /// use headwater_streaming::testing::run_batches;
    /// let parts = run_batches(vec![vec![1, 2, 3]], |numbers| numbers.glom());
    /// assert_eq!(parts, [vec![vec![1], vec![2, 3]]]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn glom(&self) -> DStream<Vec<T>> {
        self.each_rdd(Site::here("glom"), |rdd, _| Ok(rdd.glom()))
    }

    /// Spreads each batch over exactly `partitions` partitions: Spark's `repartition`.
    ///
    /// ```
    /// use headwater_streaming::testing::run_batches;
    /// let parts = run_batches(vec![vec![1, 2, 3]], |numbers| numbers.repartition(4).glom());
    /// assert_eq!(parts[0].len(), 4);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn repartition(&self, partitions: usize) -> DStream<T>
    where
        T: Wire,
    {
        let site = Site::here("repartition");
        self.check_partitions(site, partitions);
        self.each_rdd(site, move |rdd, _| Ok(rdd.repartition(partitions)))
    }

    /// The records of both streams: Spark's `union`. Duplicates stay.
    ///
    /// ```
    /// use headwater_streaming::testing::run_batches;
    /// let both = run_batches(vec![vec![1], vec![2]], |numbers| numbers.union(&numbers.map(|n| -n)));
    /// assert_eq!(both, [vec![1, -1], vec![2, -2]]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn union(&self, other: &DStream<T>) -> DStream<T> {
        self.each_rdd_with(other, Site::here("union"), |left, right, _| {
            Ok(left.union(&right))
        })
    }

    /// How many records each batch has, as one record: Spark's `count`. An empty batch
    /// gives 0.
    ///
    /// The record is in the first of as many partitions as the
    /// [default parallelism](headwater_core::Context::default_parallelism) says; the others
    /// are empty, as in Spark.
    ///
    /// ```
    /// use headwater_streaming::testing::run_batches;
    /// let counts = run_batches(vec![vec!['a', 'b'], vec![]], |letters| letters.count());
    /// assert_eq!(counts, [vec![2], vec![0]]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn count(&self) -> DStream<u64> {
        let others = self.default_partitions() - 1;
        self.each_rdd(Site::here("count"), move |rdd, _| {
            let count = rdd.count_into_rdd();
            Ok(match others {
                0 => count,
                // Partitions that are known to be empty need no tasks.
                _ => count.union(&rdd.context().parallelize(Vec::new(), others)),
            })
        })
    }

    /// The records of each batch reduced to one: Spark's `reduce`. An empty batch gives no
    /// record.
    ///
    /// ```
    /// use headwater_streaming::testing::run_batches;
    /// let sums = run_batches(vec![vec![1, 2, 3], vec![]], |numbers| numbers.reduce(|a, b| a + b));
    /// assert_eq!(sums, [vec![6], vec![]]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn reduce(&self, f: impl Fn(T, T) -> T + Send + Sync + 'static) -> DStream<T>
    where
        T: Wire,
    {
        let f = Arc::new(f);
        self.each_rdd(Site::here("reduce"), move |rdd, _| {
            let f = f.clone();
            Ok(rdd.reduce_into_rdd(move |a, b| f(a, b)))
        })
    }

    /// How often each value comes in each batch: Spark's `countByValue`.
    ///
    /// ```
    /// use headwater_streaming::testing::run_batches;
    /// let mut counts = run_batches(vec![vec!['a', 'b', 'a']], |letters| letters.count_by_value());
    /// counts[0].sort();
    /// assert_eq!(counts, [vec![('a', 2), ('b', 1)]]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn count_by_value(&self) -> DStream<(T, u64)>
    where
        T: Key,
    {
        self.counted(Site::here("count_by_value"), self.default_partitions())
    }

    /// As [`DStream::count_by_value`], over a number of partitions.
    ///
    /// ```
    /// use headwater_streaming::testing::run_batches;
    /// let counts = run_batches(vec![vec![7, 7]], |n| n.count_by_value_partitioned(1));
    /// assert_eq!(counts, [vec![(7, 2)]]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn count_by_value_partitioned(&self, partitions: usize) -> DStream<(T, u64)>
    where
        T: Key,
    {
        self.counted(Site::here("count_by_value"), partitions)
    }

    pub(super) fn counted(&self, site: Site, partitions: usize) -> DStream<(T, u64)>
    where
        T: Key,
    {
        self.check_partitions(site, partitions);
        self.each_rdd(site, move |rdd, _| {
            Ok(rdd
                .map(|value| (value, 1_u64))
                .reduce_by_key_partitioned(|a, b| a + b, partitions))
        })
    }

    pub(crate) fn check_partitions(&self, site: Site, partitions: usize) {
        if partitions == 0 {
            self.graph()
                .mistake(site, "0 partitions asked for; at least 1 is needed");
        }
    }
}

#[cfg(test)]
mod tests {
    use headwater_core::Context;

    use crate::testing::TestStream;
    use crate::time::seconds;

    /// The partitions of the counts of two batches.
    fn counts(slots: usize) -> Vec<Vec<Vec<u64>>> {
        let ctx = Context::local(slots).unwrap();
        let test = TestStream::on(&ctx, seconds(1)).unwrap();
        let letters = test.input_partitioned(vec![vec!['a', 'b', 'c'], vec![]], 2);
        let out = test.collect(&letters.count());
        test.run(2);
        let firings = out.firings().into_iter();
        firings.map(|firing| firing.partitions).collect()
    }

    #[test]
    fn a_count_is_in_the_first_of_the_default_number_of_partitions() {
        assert_eq!(counts(1), [[[3]], [[0]]]);
        assert_eq!(
            counts(3),
            [[vec![3], vec![], vec![]], [vec![0], vec![], vec![]]]
        );
    }
}
