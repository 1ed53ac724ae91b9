//! State that only the keys of a batch touch.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use headwater_core::{Key, Partitioning, Record, Site, Wire};

use super::DStream;
use super::stateful::{InitialState, StepAt, show_state};
use crate::graph::{AnyStream, Plan};
use crate::state::{
    Holds, Kept, Outputs, StateSpec, StateTable, StepPlan, Store, TimeOut, TimeoutCheck, TrackStep,
};
use crate::time::{Time, is_multiple};

/// A stream of what the function of [`DStream::map_with_state`] gave, and of its states:
/// Spark's `MapWithStateDStream`.
///
/// It can be used as the [`DStream`] that it holds.
pub struct MapWithState<K, S, M> {
    mapped: DStream<M>,
    shared: Arc<Shared<K, S, M>>,
}

impl<K, S, M> Clone for MapWithState<K, S, M> {
    fn clone(&self) -> Self {
        MapWithState {
            mapped: self.mapped.clone(),
            shared: self.shared.clone(),
        }
    }
}

impl<K, S, M> Deref for MapWithState<K, S, M> {
    type Target = DStream<M>;

    fn deref(&self) -> &DStream<M> {
        &self.mapped
    }
}

/// What the stream of states needs of the stream of records.
struct Shared<K, S, M> {
    site: Site,
    store: Arc<Store<StateTable<K, S>>>,
    partitioning: Partitioning<K>,
    step_at: Arc<StepAt<Outputs<M>>>,
}

impl<K: Key, V: Wire> DStream<(K, V)> {
    /// Keeps a state for each key, and makes records of keys, values and states: Spark's
    /// `mapWithState`.
    ///
    /// The function is called once for each record, records of a key in the order of their
    /// arrival, and once without a value for each key that times out. What it gives is the
    /// stream; the states are another one, [`MapWithState::state_snapshots`]. A batch costs
    /// what its records and time-outs cost, however many keys there are.
    ///
    /// State is changed once in each batch, however many outputs read the stream, also when
    /// none does in that batch. A batch in which the function fails leaves the state as it
    /// was, and the next one does the work of both. Without a checkpoint directory state lives as long as the process.
    ///
    /// ```
    /// use headwater_streaming::testing::run_batches;
    /// use headwater_streaming::{State, StateSpec};
    /// let batches = vec![vec![("a", 1), ("b", 2)], vec![], vec![("a", 3), ("a", 4)]];
    /// let sums = run_batches(batches, |pairs| {
    ///     let add = |key: &char, value: Option<i32>, sum: &mut State<'_, i32>| {
    ///         let new = sum.get().unwrap_or(&0) + value.unwrap_or(0);
    ///         sum.update(new);
    ///         (*key, new)
    ///     };
    ///     let pairs = pairs.map(|(key, value)| (key.chars().next().unwrap(), value));
    ///     pairs.map_with_state(StateSpec::function(add).num_partitions(1)).stream()
    /// });
    /// assert_eq!(sums, [vec![('a', 1), ('b', 2)], vec![], vec![('a', 4), ('a', 8)]]);
    /// ```
    #[track_caller]
    pub fn map_with_state<S: Wire, M: Record>(
        &self,
        spec: StateSpec<K, V, S, M>,
    ) -> MapWithState<K, S, M> {
        let site = Site::here("map_with_state");
        let partitioning = spec
            .partitioning
            .clone()
            .unwrap_or_else(|| Partitioning::from(self.default_partitions()));
        let partitions = partitioning.num_partitions();
        self.check_partitions(site, partitions);
        self.check_timeout(site, &spec);
        self.check_migrations(site, &spec.migrations);
        let store = Store::new(partitions, &StateTable::new(spec.timeout.is_some()));
        let kept = Kept {
            store: store.clone(),
            partitioning: partitioning.clone(),
            is_anywhere: false,
            has_ages: spec.timeout.is_some(),
            versions: spec.migrations.of_tables(),
        };
        let initial = InitialState {
            site,
            slide: self.slide(),
            rdd: spec.initial,
            partitioning: partitioning.clone(),
            store: store.clone(),
            holds: Holds::Last,
        };
        let (graph, parent) = (self.graph().clone(), self.stream.clone());
        let placed = partitioning.clone();
        let (to, function) = (store.clone(), spec.function);
        let (timeout, check) = (spec.timeout, spec.check);
        let plan = move |of: StepPlan<'_>| {
            let time = of.time;
            let rdd = of.input(&graph.ctx, partitions, || parent.rdd_or_fail(time, site))?;
            let zero = graph.zero_time().unwrap_or(time);
            let outputs = Outputs::new(partitions);
            let work = TrackStep {
                store: to.clone(),
                time,
                function: function.clone(),
                timeout: time_out(timeout, check, time, zero),
                outputs: outputs.clone(),
            };
            let before = of.before.cloned();
            let before = before.unwrap_or_else(|| initial.step(&graph.ctx, time));
            let input = [rdd.partition_by(placed.clone())];
            let ctx = &graph.ctx;
            Ok((
                ctx.step(site, partitions, &input, Some(&before), work),
                outputs,
            ))
        };
        let state = self.stateful((site, self.slide()), kept, plan);
        let shared = Shared {
            site,
            store,
            partitioning,
            step_at: state.step_at(),
        };
        let mapped = self.stateful_stream(state, |step, outputs, _| {
            step.rdd(move |partition, to| outputs.show(partition, to))
        });
        MapWithState {
            mapped,
            shared: Arc::new(shared),
        }
    }

    fn check_timeout<S, M>(&self, site: Site, spec: &StateSpec<K, V, S, M>) {
        if spec.timeout.is_some_and(|timeout| timeout.is_zero()) {
            let message = "the time-out is zero; give the time after which a key is idle";
            self.graph().mistake(site, message);
        }
        if spec.check == TimeoutCheck::Every(Duration::ZERO) {
            let message = "idle keys cannot be looked for every 0 ms; leave timeout_check out to \
                           look for them in every batch";
            self.graph().mistake(site, message);
        }
    }
}

fn time_out(timeout: Option<Duration>, check: TimeoutCheck, time: Time, zero: Time) -> TimeOut {
    let Some(idle) = timeout else {
        return TimeOut::Never;
    };
    let is_now = match check {
        TimeoutCheck::EveryBatch => true,
        TimeoutCheck::Every(interval) => time
            .checked_since(zero)
            .is_some_and(|since| is_multiple(since, interval)),
    };
    if is_now {
        TimeOut::Before(time - idle)
    } else {
        TimeOut::NotNow
    }
}

impl<K: Key, S: Wire, M: Record> MapWithState<K, S, M> {
    /// The stream of what the function gave.
    ///
    /// ```
    /// use headwater_streaming::testing::run_batches;
    /// use headwater_streaming::{State, StateSpec};
    /// let seen = |key: &u8, _: Option<()>, seen: &mut State<'_, ()>| {
    ///     let is_new = !seen.exists();
    ///     seen.update(());
    ///     (*key, is_new)
    /// };
    /// let out = run_batches(vec![vec![(1, ())], vec![(1, ())]], |pairs| {
    ///     pairs.map_with_state(StateSpec::function(seen)).stream()
    /// });
    /// assert_eq!(out, [vec![(1, true)], vec![(1, false)]]);
    /// ```
    #[must_use]
    pub fn stream(&self) -> DStream<M> {
        self.mapped.clone()
    }

    /// Names the stream and with it its state, as [`DStream::named`] does.
    ///
    /// ```
    /// # use headwater_streaming::{State, StateSpec, StreamingContext, time::seconds};
    /// # let ctx = headwater_core::Context::local(1).unwrap();
    /// let ssc = StreamingContext::new(&ctx, seconds(1)).unwrap();
    /// let pairs = ssc.stream_by_time(|_| vec![(1, 1)]);
    /// let spec = StateSpec::function(|_: &i32, _: Option<i32>, _: &mut State<'_, i32>| ());
    /// let visits = pairs.map_with_state(spec).named("visits");
    /// assert_eq!(visits.name(), Some("visits"));
    /// assert_eq!(ssc.state_stores()[0].name(), Some("visits"));
    /// ```
    #[track_caller]
    #[must_use]
    pub fn named(self, name: impl Into<String>) -> Self {
        let MapWithState { mapped, shared } = self;
        MapWithState {
            mapped: mapped.named(name),
            shared,
        }
    }

    /// How often the state is saved, as [`DStream::checkpoint`] says.
    ///
    /// ```
    /// # use headwater_streaming::{State, StateSpec, StreamingContext, time::seconds};
    /// # let ctx = headwater_core::Context::local(1).unwrap();
    /// let ssc = StreamingContext::new(&ctx, seconds(1)).unwrap();
    /// let pairs = ssc.stream_by_time(|_| vec![(1, 1)]);
    /// let spec = StateSpec::function(|_: &i32, _: Option<i32>, _: &mut State<'_, i32>| ());
    /// pairs.map_with_state(spec).checkpoint(seconds(20)).state_snapshots().print();
    /// ```
    #[track_caller]
    #[must_use]
    pub fn checkpoint(&self, interval: Duration) -> Self {
        MapWithState {
            mapped: self.mapped.checkpoint(interval),
            shared: self.shared.clone(),
        }
    }

    /// All keys and their states after each batch: Spark's `stateSnapshots`. States that were
    /// removed or timed out in the batch are not among them.
    ///
    /// The states are shown as they lie: a snapshot that nobody reads costs nothing.
    ///
    /// ```
    /// use headwater_streaming::testing::run_batches;
    /// use headwater_streaming::{State, StateSpec};
    /// let last = |_: &char, value: Option<i32>, last: &mut State<'_, i32>| {
    ///     value.into_iter().for_each(|value| last.update(value));
    /// };
    /// let batches = vec![vec![('a', 1), ('b', 2)], vec![('a', 3)]];
    /// let states = run_batches(batches, |pairs| {
    ///     let spec = StateSpec::function(last).num_partitions(1);
    ///     pairs.map_with_state(spec).state_snapshots()
    /// });
    /// assert_eq!(states, [vec![('a', 1), ('b', 2)], vec![('a', 3), ('b', 2)]]);
    /// ```
    #[must_use]
    pub fn state_snapshots(&self) -> DStream<(K, S)> {
        let shared = self.shared.clone();
        let plan = Plan {
            site: shared.site,
            slide: self.mapped.slide(),
            looks_back: Duration::ZERO,
            parents: AnyStream::parents(&*self.mapped.stream).to_vec(),
        };
        let store = shared.store.clone();
        let reader = store.add_reader();
        let ctx = self.mapped.graph().ctx.clone();
        let stream = self.mapped.graph().add(plan, move |time| {
            let Some((step, _)) = (shared.step_at)(time)? else {
                return Ok(ctx.parallelize(Vec::new(), 1));
            };
            let partitioning = Some(shared.partitioning.clone());
            Ok(show_state(&step, &shared.store, time, partitioning))
        });
        AnyStream::info(&*stream).set_shows(store, reader);
        DStream { stream }
    }
}
