//! Windows with an inverse function: what enters is added, what leaves is taken away.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use headwater_core::rdd::{Advance, StepError, StepInput};
use headwater_core::{Key, Wire};
use serde::{Deserialize, Serialize};

use super::StateSize;
use super::entries::Entries;
use super::movable::{Movable, dealt};
use super::store::{PartitionState, Store, decoded};
use super::table::{StateTable, WrittenTable};
use super::touched::Extent;
use super::written::Written;
use crate::time::Time;

/// A partition of a window: the reduced values of each batch that is in it, and of all of
/// them together.
#[derive(Clone)]
pub(crate) struct Window<K, V> {
    total: StateTable<K, V>,
    batches: VecDeque<Slice<K, V>>,
}

/// The reduced values of one batch.
#[derive(Clone, Serialize, Deserialize)]
#[serde(bound = "K: Key, V: Wire")]
pub(crate) struct Slice<K, V> {
    time: Time,
    #[serde(with = "shared")]
    pairs: Arc<Vec<(K, V)>>,
}

/// What a slide does to a window.
#[derive(Serialize, Deserialize)]
#[serde(bound = "K: Key, V: Wire")]
pub(crate) struct Slide<K, V> {
    time: Time,
    /// Start from nothing: `put` is the whole window.
    afresh: bool,
    put: Vec<(K, V)>,
    removed: Vec<K>,
    entering: Vec<Slice<K, V>>,
    leaving: usize,
}

impl<K: Key, V: Wire> Window<K, V> {
    pub(crate) fn new() -> Self {
        Window {
            total: StateTable::new(false),
            batches: VecDeque::new(),
        }
    }
}

impl<K: Key, V: Wire> PartitionState for Window<K, V> {
    type Record = (K, V);
    type Change = Slide<K, V>;

    fn apply(&mut self, slide: Slide<K, V>) {
        if slide.afresh {
            self.total = StateTable::new(false);
        }
        slide.removed.iter().for_each(|key| self.total.remove(key));
        for (key, value) in slide.put {
            self.total.put(key, value, slide.time);
        }
        self.batches.drain(..slide.leaving.min(self.batches.len()));
        self.batches.extend(slide.entering);
        self.total.shrink();
    }

    fn records(&self) -> &[(K, V)] {
        self.total.as_slice()
    }

    fn size(&self) -> StateSize {
        let total = StateSize::of(self.records(), self.total.bytes());
        let batches = self.batches.iter().map(|slice| {
            let pairs = &slice.pairs;
            StateSize::of(pairs, pairs.capacity() * size_of::<(K, V)>()).bytes
        });
        StateSize {
            bytes: total.bytes + batches.sum::<u64>(),
            ..total
        }
    }

    fn is_changed_by(&self, slide: &Slide<K, V>) -> bool {
        let is_same = slide.put.is_empty() && slide.removed.is_empty() && !slide.afresh;
        !(is_same && slide.entering.is_empty() && slide.leaving == 0)
    }

    fn extent(&self, slide: &Slide<K, V>) -> Extent {
        match slide.afresh {
            true => Extent::Every {
                added: slide.put.len().saturating_sub(self.records().len()) as u64,
            },
            false => Extent::Some {
                put: slide.put.len() as u64,
                removed: slide.removed.len() as u64,
            },
        }
    }

    fn write(&self, to: Written<'_>) -> Result<Vec<u8>, postcard::Error> {
        postcard::serialize_with_flavor(&(self.total.written(), &self.batches), to)
    }

    fn read(&self, bytes: &[u8]) -> Result<Self, String> {
        let (total, batches): (WrittenTable<_, _>, _) = decoded(bytes)?;
        let total = StateTable::from_written(total, false)
            .ok_or_else(|| "the window contradicts itself".to_owned())?;
        Ok(Window { total, batches })
    }
}

impl<K: Key, V: Wire> Movable for Window<K, V> {
    type Key = K;
    type Value = V;

    const STRUCTURE: &'static str = "a window";

    fn empty(_has_ages: bool) -> Self {
        Window::new()
    }

    fn is_in_place(&self, is_here: impl Fn(&K) -> bool) -> bool {
        let batches = self.batches.iter().flat_map(|slice| slice.pairs.iter());
        let mut pairs = self.records().iter().chain(batches);
        pairs.all(|(key, _)| is_here(key))
    }

    /// Each partition gets its part of each batch, also when that is empty: batches leave a
    /// window by their number.
    fn spread(parts: Vec<Self>, into: usize, place: impl Fn(&K) -> usize) -> Vec<Self> {
        let (totals, batches): (Vec<_>, Vec<_>) = parts
            .into_iter()
            .map(|part| (part.total, part.batches))
            .unzip();
        let mut by_time: BTreeMap<Time, Vec<Arc<Vec<(K, V)>>>> = BTreeMap::new();
        for slice in batches.into_iter().flatten() {
            by_time.entry(slice.time).or_default().push(slice.pairs);
        }
        let totals = StateTable::spread(totals, into, &place).into_iter();
        let mut windows: Vec<_> = totals
            .map(|total| Window {
                total,
                batches: VecDeque::new(),
            })
            .collect();
        for (time, pairs) in by_time {
            let pairs = pairs.into_iter().flat_map(Arc::unwrap_or_clone);
            for (window, pairs) in windows.iter_mut().zip(dealt(pairs, into, &place)) {
                let pairs = Arc::new(pairs);
                window.batches.push_back(Slice { time, pairs });
            }
        }
        windows
    }
}

/// Writes what is shared as what it is.
mod shared {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<T: Serialize, S: Serializer>(
        value: &Arc<T>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        value.as_ref().serialize(to)
    }

    pub(super) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Arc<T>, D::Error> {
        T::deserialize(from).map(Arc::new)
    }
}

/// The functions of a window.
pub(crate) struct WindowFunctions<K, V> {
    pub(crate) reduce: Box<dyn Fn(V, V) -> V + Send + Sync>,
    pub(crate) inverse: Box<dyn Fn(V, V) -> V + Send + Sync>,
    /// Which pairs stay.
    pub(crate) filter: Option<Box<dyn Fn(&K, &V) -> bool + Send + Sync>>,
}

/// One slide of a window.
pub(crate) struct InverseStep<K, V> {
    pub(crate) store: Arc<Store<Window<K, V>>>,
    pub(crate) time: Time,
    pub(crate) window: Duration,
    /// The batches that the step reads, one for each RDD of its input, oldest first.
    pub(crate) entering: Vec<Time>,
    pub(crate) functions: Arc<WindowFunctions<K, V>>,
    /// Reduce the whole window anew instead of going on from the one before.
    pub(crate) afresh: bool,
}

impl<K: Key, V: Wire> Advance<(K, V)> for InverseStep<K, V> {
    fn is_done(&self, partition: usize) -> bool {
        self.store.is_at(partition, self.time)
    }

    fn advance(
        &self,
        partition: usize,
        input: &mut StepInput<'_, (K, V)>,
    ) -> Result<(), StepError> {
        let decide = |window: &Window<K, V>| {
            let mut entering = Vec::new();
            for (place, time) in self.entering.iter().enumerate() {
                let mut pairs = Vec::new();
                input.read(place, |chunk| pairs.append(chunk))?;
                pairs.shrink_to_fit();
                let (time, pairs) = (*time, Arc::new(pairs));
                entering.push(Slice { time, pairs });
            }
            Ok((self.slide(window, entering)?, ()))
        };
        self.store.advance(partition, self.time, decide, |()| {})
    }
}

/// The values of a key in the batches that leave, and in those that enter.
struct Moving<V> {
    leaving: Option<V>,
    entering: Option<V>,
}

impl<K: Key, V: Wire> InverseStep<K, V> {
    fn slide(
        &self,
        window: &Window<K, V>,
        entering: Vec<Slice<K, V>>,
    ) -> Result<Slide<K, V>, StepError> {
        let oldest = self.time - self.window;
        let leaving = window.batches.partition_point(|slice| slice.time <= oldest);
        let mut moving: Entries<K, Moving<V>> = Entries::hashed_like(window.total.entries());
        if self.afresh {
            let staying = window.batches.iter().skip(leaving);
            self.add(&mut moving, staying, |moving| &mut moving.entering);
        } else {
            let leaving = window.batches.iter().take(leaving);
            self.add(&mut moving, leaving, |moving| &mut moving.leaving);
        }
        self.add(&mut moving, entering.iter(), |moving| &mut moving.entering);
        let (mut put, mut removed) = (Vec::new(), Vec::new());
        for (key, moving) in moving.into_vec() {
            let value = self.new_value(window, &key, moving)?;
            match &self.functions.filter {
                Some(stays) if !stays(&key, &value) => removed.push(key),
                _ => put.push((key, value)),
            }
        }
        Ok(Slide {
            time: self.time,
            afresh: self.afresh,
            put,
            removed,
            entering,
            leaving,
        })
    }

    /// Reduces the values of batches into one side of what moves.
    fn add<'a>(
        &self,
        moving: &mut Entries<K, Moving<V>>,
        batches: impl Iterator<Item = &'a Slice<K, V>>,
        side: impl Fn(&mut Moving<V>) -> &mut Option<V>,
    ) {
        let nothing = || Moving {
            leaving: None,
            entering: None,
        };
        for (key, value) in batches.flat_map(|slice| slice.pairs.iter()) {
            if let Some(moving) = moving.entry(key.clone(), nothing) {
                let side = side(moving);
                *side = Some(match side.take() {
                    Some(so_far) => (self.functions.reduce)(so_far, value.clone()),
                    None => value.clone(),
                });
            }
        }
    }

    fn new_value(&self, window: &Window<K, V>, key: &K, moving: Moving<V>) -> Result<V, StepError> {
        let entries = window.total.entries();
        let there = entries.find(entries.hash(key), key);
        let before = there.and_then(|place| entries.get(place));
        let before = before.filter(|_| !self.afresh);
        let Some((_, before)) = before else {
            return moving.entering.ok_or_else(|| {
                let reason = match self.functions.filter {
                    Some(_) => "the filter has dropped a key of which something was left",
                    None => "a key is not equal to itself, or equal keys have different hashes",
                };
                format!("a key leaves the window that is not in it: {reason}").into()
            });
        };
        let rest = match moving.leaving {
            Some(leaving) => (self.functions.inverse)(before.clone(), leaving),
            None => before.clone(),
        };
        Ok(match moving.entering {
            Some(entering) => (self.functions.reduce)(rest, entering),
            None => rest,
        })
    }
}
