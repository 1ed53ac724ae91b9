//! What a user says about state: specifications, and the handle that functions get.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use headwater_core::{Key, Partitioning, Rdd, Record, Wire};

use super::migration::Migrations;
use crate::time::Time;

/// The state of one key, as the function of
/// [`map_with_state`](crate::DStream::map_with_state) sees it: Spark's `State`.
///
/// ```
/// use headwater_streaming::testing::run_batches;
/// use headwater_streaming::{State, StateSpec};
/// let batches = vec![vec![("a", 3), ("a", 4)], vec![("a", 5)]];
/// let sums = run_batches(batches, |pairs| {
///     let spec = StateSpec::function(|_key: &String, value: Option<i32>, sum: &mut State<'_, i32>| {
///         let new = sum.get().copied().unwrap_or(0) + value.unwrap_or(0);
///         sum.update(new);
///         new
///     });
///     pairs.map(|(k, v)| (k.to_string(), v)).map_with_state(spec).stream()
/// });
/// assert_eq!(sums, [vec![3, 7], vec![12]]);
/// ```
pub struct State<'a, S> {
    value: Value<'a, S>,
    fate: Fate,
    is_timing_out: bool,
    misuse: Option<String>,
}

/// The value that a state has at the moment.
pub(super) enum Value<'a, S> {
    None,
    /// As the batch before left it.
    Old(&'a S),
    New(S),
}

/// What the function did so far.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Left,
    Updated,
    Removed,
}

impl<'a, S> State<'a, S> {
    pub(super) fn new(value: Value<'a, S>) -> Self {
        State {
            value,
            fate: Fate::Left,
            is_timing_out: false,
            misuse: None,
        }
    }

    pub(super) fn timing_out(old: &'a S) -> Self {
        State {
            is_timing_out: true,
            ..State::new(Value::Old(old))
        }
    }

    /// The value that is left, or what the function did wrong.
    pub(super) fn into_value(self) -> Result<Value<'a, S>, String> {
        self.misuse.map_or(Ok(self.value), Err)
    }

    /// Whether the key has a state: Spark's `exists`. A state that is timing out exists.
    #[must_use]
    pub fn exists(&self) -> bool {
        self.get().is_some()
    }

    /// The state: Spark's `getOption`. Spark's `get` is this with an `expect`, which fails
    /// the batch with the line.
    #[must_use]
    pub fn get(&self) -> Option<&S> {
        match &self.value {
            Value::None => None,
            Value::Old(value) => Some(value),
            Value::New(value) => Some(value),
        }
    }

    /// Sets the state: Spark's `update`.
    ///
    /// After [`State::remove`] in the same call, or while the state is timing out, this is a
    /// mistake, which fails the batch and names the line.
    #[track_caller]
    pub fn update(&mut self, value: S) {
        if self.is_timing_out {
            self.blame("update() of a state that is timing out, which cannot be kept");
        } else if self.fate == Fate::Removed {
            self.blame("update() of a state after it was removed");
        } else {
            self.value = Value::New(value);
            self.fate = Fate::Updated;
        }
    }

    /// Removes the state: Spark's `remove`. A key without a state may be removed.
    ///
    /// A second time in the same call, or while the state is timing out, this is a mistake,
    /// which fails the batch and names the line.
    #[track_caller]
    pub fn remove(&mut self) {
        if self.is_timing_out {
            self.blame("remove() of a state that is timing out, which is removed anyway");
        } else if self.fate == Fate::Removed {
            self.blame("remove() of a state that was removed already");
        } else {
            self.value = Value::None;
            self.fate = Fate::Removed;
        }
    }

    /// Whether the key has been idle for longer than the time-out, and its state is removed
    /// after this call: Spark's `isTimingOut`. There is no value in such a call.
    #[must_use]
    pub fn is_timing_out(&self) -> bool {
        self.is_timing_out
    }

    #[track_caller]
    fn blame(&mut self, what: &str) {
        let at = Location::caller();
        self.misuse
            .get_or_insert_with(|| format!("{what} (at {at})"));
    }
}

/// The value, or `<state not set>`, as Spark shows it.
impl<S: fmt::Display> fmt::Display for State<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.get() {
            Some(value) => value.fmt(f),
            None => f.write_str("<state not set>"),
        }
    }
}

/// In which batches idle keys are looked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum TimeoutCheck {
    /// In each one: a key times out in the first batch in which it has been idle for longer
    /// than the time-out.
    #[default]
    EveryBatch,
    /// Only in batches at multiples of a duration after the start. Spark looks for idle keys
    /// when it checkpoints state, every ten batches unless told otherwise: this gives its
    /// timing.
    Every(Duration),
}

pub(crate) type StateFunction<K, V, S, M> =
    dyn Fn(Time, &K, Option<V>, &mut State<'_, S>) -> Option<M> + Send + Sync;

/// How [`map_with_state`](crate::DStream::map_with_state) works: Spark's `StateSpec`.
///
/// ```
/// use headwater_streaming::testing::run_batches;
/// use headwater_streaming::time::seconds;
/// use headwater_streaming::{State, StateSpec};
///
/// // Sessions: how many clicks a user made before being idle for more than two seconds.
/// let clicks = vec![vec![(7, ()), (7, ())], vec![(8, ())], vec![], vec![]];
/// let sessions = run_batches(clicks, |clicks| {
///     let count = |_, user: &u32, click: Option<()>, count: &mut State<'_, u32>| {
///         let so_far = count.get().copied().unwrap_or(0);
///         if click.is_none() {
///             return Some((*user, so_far));
///         }
///         count.update(so_far + 1);
///         None
///     };
///     let spec = StateSpec::function_with_time(count).timeout(seconds(2)).num_partitions(4);
///     clicks.map_with_state(spec).stream()
/// });
/// assert_eq!(sessions, [vec![], vec![], vec![], vec![(7, 2)]]);
/// ```
#[must_use = "a specification does nothing until map_with_state takes it"]
pub struct StateSpec<K, V, S, M> {
    pub(crate) function: Arc<StateFunction<K, V, S, M>>,
    pub(crate) initial: Option<Rdd<(K, S)>>,
    pub(crate) partitioning: Option<Partitioning<K>>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) check: TimeoutCheck,
    pub(crate) migrations: Migrations<K, S>,
}

impl<K: Key, V: Wire, S: Wire, M: Record> StateSpec<K, V, S, M> {
    /// A function of key, value and state that gives a record each time.
    ///
    /// It is called for each record in the order of arrival, and once with no value for each
    /// key that times out.
    pub fn function(
        f: impl Fn(&K, Option<V>, &mut State<'_, S>) -> M + Send + Sync + 'static,
    ) -> Self {
        StateSpec::function_with_time(move |_, key, value, state| Some(f(key, value, state)))
    }

    /// A function that sees the batch time as well, and need not give a record.
    pub fn function_with_time(
        f: impl Fn(Time, &K, Option<V>, &mut State<'_, S>) -> Option<M> + Send + Sync + 'static,
    ) -> Self {
        StateSpec {
            function: Arc::new(f),
            initial: None,
            partitioning: None,
            timeout: None,
            check: TimeoutCheck::EveryBatch,
            migrations: Migrations::none(),
        }
    }

    /// States that are there before the first batch, as young as it for time-outs. Of several
    /// states of a key the last one holds.
    pub fn initial_state(mut self, rdd: &Rdd<(K, S)>) -> Self {
        self.initial = Some(rdd.clone());
        self
    }

    /// Into how many partitions keys are hashed; the default parallelism unless set.
    pub fn num_partitions(self, partitions: usize) -> Self {
        self.partitioner(partitions)
    }

    /// Where keys lie.
    pub fn partitioner(mut self, partitioning: impl Into<Partitioning<K>>) -> Self {
        self.partitioning = Some(partitioning.into());
        self
    }

    /// Removes the state of a key that had no record for longer than this.
    ///
    /// Every record of a key counts, also one with which the function does not update the
    /// state. Time is batch time, so the same input times out alike in every run.
    pub fn timeout(mut self, idle: Duration) -> Self {
        self.timeout = Some(idle);
        self
    }

    /// In which batches idle keys are looked for.
    ///
    /// ```
    /// use headwater_streaming::time::seconds;
    /// use headwater_streaming::{State, StateSpec, TimeoutCheck};
    /// let count = |key: &u8, _: Option<u8>, state: &mut State<'_, u8>| *key;
    /// let like_spark = StateSpec::function(count)
    ///     .timeout(seconds(30))
    ///     .timeout_check(TimeoutCheck::Every(seconds(10)));
    /// # drop(like_spark);
    /// ```
    pub fn timeout_check(mut self, check: TimeoutCheck) -> Self {
        self.check = check;
        self
    }

    /// The version of the type of the states; 1 unless set. Spark has no such thing.
    ///
    /// Give it a new one when the type changes, so that a checkpoint which was written with an
    /// older one is [migrated](StateSpec::migrate_from) instead of refused.
    ///
    /// ```
    /// use headwater_streaming::{State, StateSpec};
    /// use serde::{Deserialize, Serialize};
    ///
    /// // In version 1 a state was the number of visits alone.
    /// #[derive(Clone, Serialize, Deserialize)]
    /// struct Visits {
    ///     count: u64,
    ///     last_page: Option<String>,
    /// }
    ///
    /// let visit = |user: &u64, page: Option<String>, visits: &mut State<'_, Visits>| {
    ///     let count = visits.get().map_or(0, |visits| visits.count) + 1;
    ///     visits.update(Visits { count, last_page: page });
    ///     (*user, count)
    /// };
    /// let spec = StateSpec::function(visit)
    ///     .version(2)
    ///     .migrate_from(1, |count: u64| Visits { count, last_page: None });
    /// # drop(spec);
    /// ```
    pub fn version(mut self, version: u32) -> Self {
        self.migrations.current = version;
        self
    }

    /// What makes a state of an older version of the type into one of now, when a stream goes
    /// on from a checkpoint that holds such. Each version that may be found needs one; keys,
    /// and how long they have been idle, stay.
    ///
    /// `Old` must be read from what was written of the older type: the same fields in the same
    /// order, under whatever name. A migration from the [version](StateSpec::version) of now is
    /// a mistake, and so are two from one version; `start` says so.
    ///
    /// ```
    /// use headwater_streaming::{State, StateSpec};
    /// // Counts were 32 bits wide, then 64, and are floating-point numbers now.
    /// let count = |_: &u8, _: Option<()>, count: &mut State<'_, f64>| {
    ///     count.update(count.get().unwrap_or(&0.0) + 1.0);
    /// };
    /// let spec = StateSpec::function(count)
    ///     .version(3)
    ///     .migrate_from(1, |count: u32| f64::from(count))
    ///     .migrate_from(2, |count: u64| count as f64);
    /// # drop(spec);
    /// ```
    pub fn migrate_from<Old: Wire>(
        mut self,
        version: u32,
        migrate: impl Fn(Old) -> S + Send + Sync + 'static,
    ) -> Self {
        self.migrations.add(version, migrate);
        self
    }
}

type KeyFunction<K, V, S> = dyn Fn(Time, &K, Vec<V>, Option<S>) -> Option<S> + Send + Sync;
type PartitionFunction<K, V, S> =
    dyn Fn(Time, Vec<(K, Vec<V>, Option<S>)>) -> Vec<(K, S)> + Send + Sync;

/// What is done to each key, or to each partition.
pub(crate) enum UpdateFunction<K, V, S> {
    Key(Arc<KeyFunction<K, V, S>>),
    Partition(Arc<PartitionFunction<K, V, S>>),
}

/// How [`update_state_by_key_with`](crate::DStream::update_state_by_key_with) works: the
/// longer forms of Spark's `updateStateByKey`.
///
/// ```
/// use headwater_streaming::UpdateStateSpec;
/// use headwater_streaming::testing::TestStream;
/// use headwater_streaming::time::seconds;
///
/// let test = TestStream::new(seconds(1));
/// let before = test.context().context().parallelize(vec![("a".to_string(), 10)], 1);
/// let pairs = test.input(vec![vec![("a".to_string(), 1)], vec![]]);
/// let count_down = |_, _: &String, new: Vec<i32>, left: Option<i32>| {
///     let left = left.unwrap_or(0) + new.iter().sum::<i32>() - 2;
///     (left > 0).then_some(left)
/// };
/// let spec = UpdateStateSpec::function_with_time(count_down).initial_state(&before).num_partitions(3);
/// let out = test.collect(&pairs.update_state_by_key_with(spec));
/// test.run(2);
/// assert_eq!(out.batches(), [vec![("a".to_string(), 9)], vec![("a".to_string(), 7)]]);
/// ```
#[must_use = "a specification does nothing until update_state_by_key_with takes it"]
pub struct UpdateStateSpec<K, V, S> {
    pub(crate) function: UpdateFunction<K, V, S>,
    pub(crate) initial: Option<Rdd<(K, S)>>,
    pub(crate) partitioning: Option<Partitioning<K>>,
    pub(crate) remember_partitioner: bool,
    pub(crate) migrations: Migrations<K, S>,
}

impl<K: Key, V: Wire, S: Wire> UpdateStateSpec<K, V, S> {
    /// A function of a key's new values and its state.
    pub fn function(f: impl Fn(Vec<V>, Option<S>) -> Option<S> + Send + Sync + 'static) -> Self {
        UpdateStateSpec::function_with_time(move |_, _, values, state| f(values, state))
    }

    /// A function that sees the batch time and the key as well.
    pub fn function_with_time(
        f: impl Fn(Time, &K, Vec<V>, Option<S>) -> Option<S> + Send + Sync + 'static,
    ) -> Self {
        UpdateStateSpec::new(UpdateFunction::Key(Arc::new(f)))
    }

    /// A function of a whole partition: every key that has a state or new values. What it
    /// gives are the states of the partition; it may add, rename and drop keys.
    ///
    /// It is called with the batch time, once for each partition and batch. Of several states
    /// that it gives for a key all are in the stream, and the next batch takes the first.
    ///
    /// ```
    /// use headwater_streaming::UpdateStateSpec;
    /// use headwater_streaming::testing::run_batches;
    /// let out = run_batches(vec![vec![(1, 'x')], vec![(1, 'y'), (2, 'z')]], |pairs| {
    ///     let spec = UpdateStateSpec::partition_function(|_, keys| {
    ///         keys.map(|(key, new, old): (i32, Vec<char>, Option<usize>)| {
    ///             (key, old.unwrap_or(0) + new.len())
    ///         })
    ///     });
    ///     pairs.update_state_by_key_with(spec.num_partitions(1))
    /// });
    /// assert_eq!(out, [vec![(1, 1)], vec![(1, 2), (2, 1)]]);
    /// ```
    pub fn partition_function<I>(
        f: impl Fn(Time, std::vec::IntoIter<(K, Vec<V>, Option<S>)>) -> I + Send + Sync + 'static,
    ) -> Self
    where
        I: IntoIterator<Item = (K, S)>,
    {
        let whole = move |time, keys: Vec<_>| f(time, keys.into_iter()).into_iter().collect();
        UpdateStateSpec::new(UpdateFunction::Partition(Arc::new(whole)))
    }

    fn new(function: UpdateFunction<K, V, S>) -> Self {
        UpdateStateSpec {
            function,
            initial: None,
            partitioning: None,
            remember_partitioner: true,
            migrations: Migrations::none(),
        }
    }

    /// States that are there before the first batch, in which they are visited like others.
    pub fn initial_state(mut self, rdd: &Rdd<(K, S)>) -> Self {
        self.initial = Some(rdd.clone());
        self
    }

    /// Into how many partitions keys are hashed; the default parallelism unless set.
    pub fn num_partitions(self, partitions: usize) -> Self {
        self.partitioner(partitions)
    }

    /// Where keys lie.
    pub fn partitioner(mut self, partitioning: impl Into<Partitioning<K>>) -> Self {
        self.partitioning = Some(partitioning.into());
        self
    }

    /// Whether a [partition function](UpdateStateSpec::partition_function) leaves keys in
    /// the partition where they belong; `true` unless set. With `false` it may rename keys:
    /// the states are then shuffled in the next batch. Functions of keys cannot move them.
    pub fn remember_partitioner(mut self, remember: bool) -> Self {
        self.remember_partitioner = remember;
        self
    }

    /// The version of the type of the states, as [`StateSpec::version`] says; 1 unless set.
    ///
    /// ```
    /// use headwater_streaming::UpdateStateSpec;
    /// let sum = |new: Vec<u32>, sum: Option<u64>| {
    ///     Some(sum.unwrap_or(0) + new.into_iter().map(u64::from).sum::<u64>())
    /// };
    /// // Sums were 32 bits wide.
    /// let spec: UpdateStateSpec<String, u32, u64> =
    ///     UpdateStateSpec::function(sum).version(2).migrate_from(1, |sum: u32| u64::from(sum));
    /// # drop(spec);
    /// ```
    pub fn version(mut self, version: u32) -> Self {
        self.migrations.current = version;
        self
    }

    /// What makes a state of an older version into one of now, as
    /// [`StateSpec::migrate_from`] says.
    ///
    /// ```
    /// use headwater_streaming::UpdateStateSpec;
    /// let last = |new: Vec<String>, last: Option<String>| new.into_iter().next_back().or(last);
    /// let spec: UpdateStateSpec<u64, String, String> =
    ///     UpdateStateSpec::function(last).version(2).migrate_from(1, |last: char| last.to_string());
    /// # drop(spec);
    /// ```
    pub fn migrate_from<Old: Wire>(
        mut self,
        version: u32,
        migrate: impl Fn(Old) -> S + Send + Sync + 'static,
    ) -> Self {
        self.migrations.add(version, migrate);
        self
    }
}
