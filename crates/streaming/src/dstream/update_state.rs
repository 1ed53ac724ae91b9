//! State that every batch visits whole.

use std::sync::Arc;
use std::time::Duration;

use headwater_core::{Key, Partitioning, Rdd, Site, Wire};

use super::DStream;
use super::stateful::{InitialState, show_state};
use crate::state::{
    AnyStore, Holds, Item, Kept, RewriteStep, Rows, StateTable, StepPlan, Store, UpdateFunction,
    UpdateStateSpec, UpdateStep,
};
use crate::time::Time;

impl<K: Key, V: Wire> DStream<(K, V)> {
    /// Keeps a state for each key, and gives all of them after each batch: Spark's
    /// `updateStateByKey`.
    ///
    /// In every batch the function is called for each key that has a state or new values,
    /// with the values in the order of their arrival, none for a key without any; a key for
    /// which it gives `None` is dropped. Since every key is visited, a batch costs as much as
    /// there are keys; where only some change, [`DStream::map_with_state`] is faster. The
    /// state is cloned before the function gets it, so that a batch that fails leaves it as
    /// it was.
    ///
    /// Later operators by key on the result need no shuffle. About failures and restarts the
    /// same holds as for [`DStream::map_with_state`].
    ///
    /// ```
    /// use headwater_streaming::testing::run_batches;
    /// let batches = vec![vec![('a', 1), ('b', 2)], vec![], vec![('a', 3), ('a', 4)]];
    /// let totals = run_batches(batches, |pairs| {
    ///     pairs.update_state_by_key(|new, total| {
    ///         Some(total.unwrap_or(0) + new.iter().sum::<i32>())
    ///     })
    /// });
    /// let sorted = totals.into_iter().map(|mut batch| {
    ///     batch.sort();
    ///     batch
    /// });
    /// let expected = [[('a', 1), ('b', 2)], [('a', 1), ('b', 2)], [('a', 8), ('b', 2)]];
    /// assert!(sorted.eq(expected));
    /// ```
    #[track_caller]
    #[must_use]
    pub fn update_state_by_key<S: Wire>(
        &self,
        f: impl Fn(Vec<V>, Option<S>) -> Option<S> + Send + Sync + 'static,
    ) -> DStream<(K, S)> {
        let site = Site::here("update_state_by_key");
        self.updated(site, UpdateStateSpec::function(f))
    }

    /// As [`DStream::update_state_by_key`], with a number of partitions or a partitioner.
    ///
    /// ```
    /// use headwater_streaming::testing::run_batches;
    /// let batches = vec![vec![('a', 1), ('a', 1)], vec![]];
    /// // How many batches ago a key was last seen; forgotten after one.
    /// let idle = run_batches(batches, |pairs| {
    ///     pairs.update_state_by_key_partitioned(
    ///         |new, idle: Option<u32>| match idle {
    ///             _ if !new.is_empty() => Some(0),
    ///             Some(0) => Some(1),
    ///             _ => None,
    ///         },
    ///         3,
    ///     )
    /// });
    /// assert_eq!(idle, [vec![('a', 0)], vec![('a', 1)]]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn update_state_by_key_partitioned<S: Wire>(
        &self,
        f: impl Fn(Vec<V>, Option<S>) -> Option<S> + Send + Sync + 'static,
        partitioning: impl Into<Partitioning<K>>,
    ) -> DStream<(K, S)> {
        let spec = UpdateStateSpec::function(f).partitioner(partitioning);
        self.updated(Site::here("update_state_by_key"), spec)
    }

    /// As [`DStream::update_state_by_key`], with everything that Spark's longer forms take:
    /// initial states, a function that sees batch time and key, one that sees whole
    /// partitions. See [`UpdateStateSpec`].
    ///
    /// ```
    /// use headwater_streaming::UpdateStateSpec;
    /// use headwater_streaming::testing::run_batches;
    /// let first_seen = |time, _: &u8, _: Vec<()>, first: Option<i64>| {
    ///     let time: headwater_streaming::time::Time = time;
    ///     first.or(Some(time.as_millis()))
    /// };
    /// let out = run_batches(vec![vec![], vec![(7, ())], vec![(7, ())]], |pairs| {
    ///     pairs.update_state_by_key_with(UpdateStateSpec::function_with_time(first_seen))
    /// });
    /// assert_eq!(out, [vec![], vec![(7, 2000)], vec![(7, 2000)]]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn update_state_by_key_with<S: Wire>(
        &self,
        spec: UpdateStateSpec<K, V, S>,
    ) -> DStream<(K, S)> {
        self.updated(Site::here("update_state_by_key"), spec)
    }

    fn updated<S: Wire>(&self, site: Site, spec: UpdateStateSpec<K, V, S>) -> DStream<(K, S)> {
        let partitioning = spec
            .partitioning
            .unwrap_or_else(|| Partitioning::from(self.default_partitions()));
        self.check_partitions(site, partitioning.num_partitions());
        self.check_migrations(site, &spec.migrations);
        let partitions = partitioning.num_partitions();
        match spec.function {
            UpdateFunction::Key(f) => {
                let f = move |time, key: &K, values, state| f(time, key, values, state);
                let kept = Kept {
                    store: Store::new(partitions, &StateTable::new(false)),
                    partitioning,
                    is_anywhere: false,
                    has_ages: false,
                    versions: spec.migrations.of_tables(),
                };
                self.updated_by_key(site, f, spec.initial, kept)
            }
            UpdateFunction::Partition(f) => {
                let f = move |time, keys| f(time, keys);
                let remember = spec.remember_partitioner;
                // Without a shuffle a partition reads only what it has itself.
                let lag = if remember {
                    Duration::ZERO
                } else {
                    self.slide()
                };
                let kept = Kept {
                    store: Store::lagging(partitions, &Rows::new(), lag),
                    partitioning,
                    is_anywhere: !remember,
                    has_ages: false,
                    versions: spec.migrations.of_rows(),
                };
                self.updated_by_partition(site, f, spec.initial, kept)
            }
        }
    }

    fn updated_by_key<S: Wire>(
        &self,
        site: Site,
        f: impl Fn(Time, &K, Vec<V>, Option<S>) -> Option<S> + Clone + Send + Sync + 'static,
        initial: Option<Rdd<(K, S)>>,
        kept: Kept<StateTable<K, S>>,
    ) -> DStream<(K, S)> {
        let (store, partitioning) = (kept.store.clone(), kept.partitioning.clone());
        let partitions = partitioning.num_partitions();
        let initial = self.initial_state(site, initial, &partitioning, &store);
        let (graph, parent) = (self.graph().clone(), self.stream.clone());
        let (placed, to) = (partitioning.clone(), store.clone());
        let plan = move |of: StepPlan<'_>| {
            let time = of.time;
            let rdd = of.input(&graph.ctx, partitions, || parent.rdd_or_fail(time, site))?;
            let work = UpdateStep {
                store: to.clone(),
                time,
                function: f.clone(),
            };
            let before = of.before.cloned();
            let before = before.unwrap_or_else(|| initial.step(&graph.ctx, time));
            let input = [rdd.partition_by(placed.clone())];
            let ctx = &graph.ctx;
            Ok((ctx.step(site, partitions, &input, Some(&before), work), ()))
        };
        let state = self.stateful((site, self.slide()), kept, plan);
        self.state_stream(state, store, Some(partitioning))
    }

    fn updated_by_partition<S: Wire>(
        &self,
        site: Site,
        f: impl Fn(Time, Vec<(K, Vec<V>, Option<S>)>) -> Vec<(K, S)> + Clone + Send + Sync + 'static,
        initial: Option<Rdd<(K, S)>>,
        kept: Kept<Rows<K, S>>,
    ) -> DStream<(K, S)> {
        let (store, partitioning) = (kept.store.clone(), kept.partitioning.clone());
        let remember_partitioner = !kept.is_anywhere;
        let partitions = partitioning.num_partitions();
        let slide = self.slide();
        let initial = self.initial_state(site, initial, &partitioning, &store);
        let (graph, parent) = (self.graph().clone(), self.stream.clone());
        let (placed, to) = (partitioning.clone(), store.clone());
        // What a function leaves where it belongs need not be looked for anywhere else.
        let remembered = remember_partitioner.then(|| partitioning.clone());
        let plan = move |of: StepPlan<'_>| {
            let time = of.time;
            let values = of.input(&graph.ctx, partitions, || parent.rdd_or_fail(time, site))?;
            let values = values.partition_by(placed.clone()).map_values(Item::Value);
            let before = of.before.cloned();
            let before = before.unwrap_or_else(|| initial.step(&graph.ctx, time));
            let items = if remember_partitioner {
                values
            } else {
                // Initial states are in their place; what was restored lies anywhere.
                let is_initial = of.before.is_none() && to.at(0).is_none();
                let lies = is_initial.then(|| placed.clone());
                let states = show_state(&before, &to, time - slide, lies);
                let states = states.partition_by(placed.clone()).map_values(Item::State);
                graph.ctx.union(&[states, values])
            };
            let work = RewriteStep {
                store: to.clone(),
                time,
                function: f.clone(),
                reads_own: remember_partitioner,
            };
            let ctx = &graph.ctx;
            Ok((
                ctx.step(site, partitions, &[items], Some(&before), work),
                (),
            ))
        };
        let state = self.stateful((site, slide), kept, plan);
        self.state_stream(state, store, remembered)
    }

    fn initial_state<S: Wire, P>(
        &self,
        site: Site,
        rdd: Option<Rdd<(K, S)>>,
        partitioning: &Partitioning<K>,
        store: &Arc<Store<P>>,
    ) -> InitialState<K, S, P> {
        InitialState {
            site,
            slide: self.slide(),
            rdd,
            partitioning: partitioning.clone(),
            store: store.clone(),
            holds: Holds::First,
        }
    }
}
