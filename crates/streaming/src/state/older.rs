//! Going on from what an older program has kept, perhaps in other partitions, with other
//! values, or with nothing known of ages.
//!
//! The state is brought back as it was, snapshots first and changes after them, and is then
//! handed over: values are migrated, keys go where they belong now, and ages stay.

use std::cell::Cell;
use std::sync::Arc;

use headwater_core::Partitioning;

use super::form::{Form, Lies};
use super::migration::Versions;
use super::movable::Movable;
use super::shape::shape_of;
use super::store::{PartitionState, Store, decoded};
use crate::time::Time;

/// A state that can go on from an older one.
pub(crate) trait TakesOver: Send + Sync {
    /// How the state is kept.
    fn form(&self) -> Form;

    /// What brings a state of some form back.
    ///
    /// # Errors
    /// A text that says why that cannot be, and what to do.
    fn older(&self, form: &Form) -> Result<Box<dyn Older>, String>;
}

/// A state that is being brought back, in the form in which it was kept.
pub(crate) trait Older: Send {
    fn restore(&mut self, partition: usize, time: Time, bytes: &[u8]) -> Result<(), String>;

    /// Applies a change, unless the partition is past it.
    fn replay(&mut self, partition: usize, time: Time, change: &[u8]) -> Result<(), String>;

    /// The batch whose version every partition has, or a later one; none if one has nothing.
    fn reached(&self) -> Option<Time>;

    /// Whether a failed batch has left some partitions behind others.
    fn is_uneven(&self) -> bool;

    /// Puts what is there in its place. `true` if it is kept in another form from now on: then
    /// nothing that is written of the old one fits any more. `is_all` says that nothing else is
    /// written of it, so that looking at the keys tells whether they stay where they are.
    fn hand_over(self: Box<Self>, is_all: bool) -> Result<bool, String>;
}

/// A state and what it goes on from.
pub(crate) struct Kept<P: Movable> {
    pub(crate) store: Arc<Store<P>>,
    pub(crate) partitioning: Partitioning<P::Key>,
    /// Whether keys may lie anywhere, whatever the partitioning says.
    pub(crate) is_anywhere: bool,
    pub(crate) has_ages: bool,
    pub(crate) versions: Versions<P>,
}

impl<P: Movable> TakesOver for Kept<P> {
    fn form(&self) -> Form {
        let partitions = self.store.number_of_partitions();
        let by_hash = Partitioning::from(partitions);
        Form {
            structure: P::STRUCTURE.to_owned(),
            key: std::any::type_name::<P::Key>().to_owned(),
            value: std::any::type_name::<P::Value>().to_owned(),
            key_shape: shape_of::<P::Key>(),
            value_shape: shape_of::<P::Value>(),
            version: self.versions.current,
            has_ages: self.has_ages,
            partitions,
            lies: match self.is_anywhere {
                true => Lies::Anywhere,
                false if self.partitioning.is_same_as(&by_hash) => Lies::ByHash,
                false => Lies::ByPartitioner,
            },
            has_versions: self.versions.can_change,
            migrates_from: self.versions.older().collect(),
        }
    }

    fn older(&self, form: &Form) -> Result<Box<dyn Older>, String> {
        Ok(Box::new(Returning {
            parts: self.parts(form)?,
            was: form.clone(),
            is: self.form(),
            partitioning: self.partitioning.clone(),
            store: self.store.clone(),
        }))
    }
}

impl<P: Movable> Kept<P> {
    fn parts(&self, was: &Form) -> Result<Box<dyn Parts<P>>, String> {
        let is = self.form();
        is.takes_over(was)?;
        let migrated = match was.version == is.version {
            true => None,
            false => self.versions.from(was),
        };
        Ok(migrated.unwrap_or_else(|| {
            let empty = P::empty(was.has_ages);
            parts_of(empty, was, is.advice(was), |part| part)
        }))
    }
}

/// The partitions of a state that is being brought back, to be seen as `P` in the end.
pub(crate) trait Parts<P>: Send {
    fn restore(&mut self, partition: usize, time: Time, bytes: &[u8]) -> Result<(), String>;

    fn replay(&mut self, partition: usize, time: Time, change: &[u8]) -> Result<(), String>;

    fn reached(&self) -> Option<Time>;

    fn is_uneven(&self) -> bool;

    fn into_parts(self: Box<Self>) -> Vec<Part<P>>;
}

/// A partition at the version of a batch, if it has one.
pub(crate) struct Part<P> {
    at: Option<Time>,
    state: P,
}

impl<P: Movable> Part<P> {
    /// Keys whose age is not known are as young as the partition.
    fn with_ages(self, has_ages: bool) -> Self {
        let state = self
            .state
            .with_ages(has_ages, self.at.unwrap_or(Time::ZERO));
        Part { state, ..self }
    }
}

/// The partitions of a state of one type that becomes another one.
struct PartsOf<Q, F> {
    parts: Vec<Part<Q>>,
    /// What to do when they cannot be read.
    advice: String,
    convert: F,
}

/// Empty partitions of a state of some form.
pub(crate) fn parts_of<Q: PartitionState, P: 'static>(
    empty: Q,
    form: &Form,
    advice: String,
    convert: impl Fn(Q) -> P + Send + 'static,
) -> Box<dyn Parts<P>> {
    let part = || Part {
        at: None,
        state: empty.clone(),
    };
    Box::new(PartsOf {
        parts: std::iter::repeat_with(part).take(form.partitions).collect(),
        advice,
        convert,
    })
}

impl<Q, F> PartsOf<Q, F> {
    fn part(&mut self, partition: usize) -> Result<&mut Part<Q>, String> {
        let partitions = self.parts.len();
        let missing = || format!("it has {partitions} partitions, and none is {partition}");
        self.parts.get_mut(partition).ok_or_else(missing)
    }

    fn unread(&self, message: &str) -> String {
        format!("what was kept cannot be read ({message}): {}", self.advice)
    }
}

impl<Q: PartitionState, P, F: Fn(Q) -> P + Send> Parts<P> for PartsOf<Q, F> {
    fn restore(&mut self, partition: usize, time: Time, bytes: &[u8]) -> Result<(), String> {
        let part = self.part(partition)?;
        let read = part.state.read(bytes);
        match read {
            Ok(state) => {
                let at = Some(time);
                *part = Part { at, state };
                Ok(())
            }
            Err(message) => Err(self.unread(&message)),
        }
    }

    fn replay(&mut self, partition: usize, time: Time, change: &[u8]) -> Result<(), String> {
        let part = self.part(partition)?;
        if part.at.is_some_and(|at| at >= time) {
            return Ok(());
        }
        match decoded(change) {
            Ok(change) => {
                part.state.apply(change);
                part.at = Some(time);
                Ok(())
            }
            Err(message) => Err(self.unread(&message)),
        }
    }

    fn reached(&self) -> Option<Time> {
        self.parts.iter().map(|part| part.at).min().flatten()
    }

    fn is_uneven(&self) -> bool {
        self.parts.windows(2).any(|two| two[0].at != two[1].at)
    }

    fn into_parts(self: Box<Self>) -> Vec<Part<P>> {
        let PartsOf { parts, convert, .. } = *self;
        let parts = parts.into_iter().map(|part| Part {
            at: part.at,
            state: convert(part.state),
        });
        parts.collect()
    }
}

/// A state of an older form, and where it goes.
struct Returning<P: Movable> {
    parts: Box<dyn Parts<P>>,
    was: Form,
    is: Form,
    partitioning: Partitioning<P::Key>,
    store: Arc<Store<P>>,
}

impl<P: Movable> Returning<P> {
    /// The same keys where they belong now.
    fn spread(&self, parts: Vec<Part<P>>) -> Result<Vec<Part<P>>, String> {
        let at = parts.first().and_then(|part| part.at);
        if let Some(other) = parts.iter().find(|part| part.at != at) {
            let text = |at: Option<Time>| at.map_or("none".to_owned(), |at| at.to_string());
            return Err(format!(
                "its partitions are of different batches, {} and {}, since a batch has failed, \
                 and cannot be united; run the stream once with as many partitions as before",
                text(at),
                text(other.at)
            ));
        }
        let (into, wrong) = (self.is.partitions, Cell::new(None));
        let place = |key: &P::Key| {
            let place = self.partitioning.partition(key);
            if place >= into {
                wrong.set(Some(place));
            }
            place
        };
        let states = parts.into_iter().map(|part| part.state).collect();
        let states = P::spread(states, into, place);
        match wrong.get() {
            None => Ok(states.into_iter().map(|state| Part { at, state }).collect()),
            Some(wrong) => Err(format!(
                "the partitioner puts a key in partition {wrong}, and there are {into}"
            )),
        }
    }

    /// Whether every key is in the partition to which it belongs.
    fn is_in_place(&self, parts: &[Part<P>]) -> bool {
        let is_in_place = |(place, part): (usize, &Part<P>)| {
            let is_here = |key: &P::Key| self.partitioning.partition(key) == place;
            part.state.is_in_place(is_here)
        };
        parts.iter().enumerate().all(is_in_place)
    }
}

impl<P: Movable> Older for Returning<P> {
    fn restore(&mut self, partition: usize, time: Time, bytes: &[u8]) -> Result<(), String> {
        self.parts.restore(partition, time, bytes)
    }

    fn replay(&mut self, partition: usize, time: Time, change: &[u8]) -> Result<(), String> {
        self.parts.replay(partition, time, change)
    }

    fn reached(&self) -> Option<Time> {
        self.parts.reached()
    }

    fn is_uneven(&self) -> bool {
        self.parts.is_uneven()
    }

    fn hand_over(mut self: Box<Self>, is_all: bool) -> Result<bool, String> {
        let none = parts_of(
            P::empty(self.is.has_ages),
            &self.was,
            String::new(),
            |part| part,
        );
        let mut parts = std::mem::replace(&mut self.parts, none).into_parts();
        let mut is_changed = self.was.version != self.is.version;
        if self.was.has_ages != self.is.has_ages {
            is_changed = true;
            parts = parts
                .into_iter()
                .map(|part| part.with_ages(self.is.has_ages))
                .collect();
        }
        let is_same_number = self.was.partitions == self.is.partitions;
        if !self.was.lies_like(&self.is) {
            let stays = is_same_number && self.is_in_place(&parts);
            // Keys that came later, and that nobody has looked at, may lie elsewhere.
            is_changed |= !stays || !is_all;
            if !stays {
                parts = self.spread(parts)?;
            }
        }
        for (partition, part) in parts.into_iter().enumerate() {
            self.store.put_back(partition, part.at, part.state);
        }
        Ok(is_changed)
    }
}
