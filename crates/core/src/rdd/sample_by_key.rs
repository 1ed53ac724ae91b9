//! Samples with a fraction for each key.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use super::sample::{Draw, mistake, random_of};
use super::{AnyNode, Dependency, Node, NodeInfo, Parent, Rdd, read, refuse};
use crate::chunk::{Emitter, Push, Sink};
use crate::error::TaskError;
use crate::record::{Key, Record};
use crate::scheduler::TaskContext;
use crate::shuffle::Placement;
use crate::site::Site;

impl<K: Key, V: Record> Rdd<(K, V)> {
    /// A random sample with a fraction for each key: Spark's `sampleByKey`.
    ///
    /// As [`Rdd::sample`] with the fraction of the pair's key: only the expected size of a
    /// key's sample is known. A key without a fraction fails the job, as in Spark. Order,
    /// partitions and the placement of keys stay.
    ///
    /// ```
    /// use std::collections::HashMap;
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let pairs = ctx.range(0..2000, 1, 4).map(|n| (n % 2, n));
    /// let fractions = HashMap::from([(0, 1.0), (1, 0.1)]);
    /// let counts = pairs.sample_by_key(false, fractions, 42).count_by_key().unwrap();
    /// assert!(counts[&0] == 1000 && (60..140).contains(&counts[&1]));
    /// ```
    #[track_caller]
    #[must_use]
    pub fn sample_by_key(
        &self,
        with_replacement: bool,
        fractions: HashMap<K, f64>,
        seed: u64,
    ) -> Rdd<(K, V)> {
        let site = Site::here("sample_by_key");
        if let Some(wrong) = wrong_fraction(with_replacement, &fractions) {
            return refuse(&self.ctx, site, wrong);
        }
        let draw = |fraction: f64| {
            if with_replacement {
                Draw::Poisson(fraction)
            } else {
                Draw::Cell(0.0..fraction)
            }
        };
        let draws = fractions.into_iter().map(|(key, f)| (key, draw(f)));
        let draws = draws.collect();
        let parent = Parent::new(self.node.clone());
        Rdd::new(&self.ctx, site, |info| SampledByKey {
            info,
            parent,
            draws,
            seed,
        })
    }
}

/// What is wrong with a fraction, if one is.
pub(super) fn wrong_fraction<K>(
    with_replacement: bool,
    fractions: &HashMap<K, f64>,
) -> Option<String> {
    let mut fractions = fractions.values();
    fractions.find_map(|fraction| mistake(with_replacement, *fraction))
}

/// The failure of a task that meets a key for which nothing was said.
pub(super) fn no_fraction(operator: Site) -> TaskError {
    TaskError::Input {
        operator,
        message: "a key has no fraction; give one for each key, 0 for those to leave out"
            .to_owned(),
    }
}

struct SampledByKey<K, V> {
    info: NodeInfo,
    parent: Parent<(K, V)>,
    draws: HashMap<K, Draw>,
    seed: u64,
}

impl<K: Key, V: Record> AnyNode for SampledByKey<K, V> {
    fn info(&self) -> &NodeInfo {
        &self.info
    }

    fn dependencies(&self) -> Vec<Dependency> {
        vec![Dependency::Narrow(self.parent.clone().as_any_node())]
    }

    fn partitions(&self) -> usize {
        self.parent.partitions()
    }

    fn is_known_empty(&self, partition: usize) -> bool {
        self.parent.is_known_empty(partition)
    }
}

impl<K: Key, V: Record> Node<(K, V)> for SampledByKey<K, V> {
    fn compute(&self, task: &TaskContext, partition: usize, sink: &mut dyn Sink<(K, V)>) -> Push {
        let mut random = random_of(self.seed, partition);
        let site = self.info.site;
        let mut copies = Copies {
            times: |key: &K| match self.draws.get(key) {
                Some(draw) => Ok(draw.times(&mut random)),
                None => Err(no_fraction(site)),
            },
            task,
            sink,
        };
        read(&self.parent, task, partition, &mut copies)
    }

    fn placement(&self) -> Option<Placement> {
        self.parent.placement()
    }

    fn as_any_node(self: Arc<Self>) -> Arc<dyn AnyNode> {
        self
    }
}

/// Gives each pair on as often as its key says.
pub(super) struct Copies<'a, K, V, F> {
    pub(super) times: F,
    pub(super) task: &'a TaskContext,
    pub(super) sink: &'a mut dyn Sink<(K, V)>,
}

impl<K, V, F> Sink<(K, V)> for Copies<'_, K, V, F>
where
    K: Hash + Eq + Clone,
    V: Clone,
    F: FnMut(&K) -> Result<u64, TaskError>,
{
    fn push(&mut self, chunk: &mut Vec<(K, V)>) -> Push {
        let mut out = Emitter::new(self.task, self.sink);
        for pair in chunk.drain(..) {
            let times = (self.times)(&pair.0)?;
            if times > 0 {
                out.extend((1..times).map(|_| pair.clone()));
                out.emit(pair);
                out.check()?;
            }
        }
        out.finish()
    }

    fn push_shared(&mut self, chunk: &[(K, V)]) -> Push {
        let mut out = Emitter::new(self.task, self.sink);
        for pair in chunk {
            let times = (self.times)(&pair.0)?;
            out.extend((0..times).map(|_| pair.clone()));
            out.check()?;
        }
        out.finish()
    }
}
