//! What the running task added to accumulators, kept on its own thread until it ends.

use std::any::Any;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::sync::Arc;

use crate::events::AccumulatorInfo;

/// Longer texts of values are cut: an accumulator may collect very much, and its text is made
/// for every task that somebody listens to.
const TEXT_BYTES_MAX: usize = 4096;

/// An accumulator without its type: what the end of a task needs.
pub(super) trait Shared: Send + Sync {
    fn id(&self) -> u64;
    fn name(&self) -> Option<Arc<str>>;
    fn merge(&self, part: Box<dyn Any + Send>);
    /// The text of a task's part.
    fn describe_part(&self, part: &(dyn Any + Send)) -> String;
    /// The text of the value.
    fn describe(&self) -> String;
}

/// What one task added to one accumulator.
pub(crate) struct Update {
    to: Arc<dyn Shared>,
    part: Box<dyn Any + Send>,
}

struct Part {
    to: Arc<dyn Shared>,
    /// Taken out while it is added to: a closure that merges may add to other accumulators.
    value: Option<Box<dyn Any + Send>>,
}

thread_local! {
    static PARTS: RefCell<Option<Vec<Part>>> = const { RefCell::new(None) };
}

pub(crate) fn begin_task() {
    PARTS.with_borrow_mut(|parts| *parts = Some(Vec::new()));
}

pub(crate) fn end_task() -> Vec<Update> {
    let parts = PARTS.with_borrow_mut(Option::take).unwrap_or_default();
    parts
        .into_iter()
        .filter_map(|Part { to, value }| Some(Update { to, part: value? }))
        .collect()
}

/// Where the running task keeps its part of an accumulator, and the part itself if there is
/// one; `None` outside tasks.
pub(super) fn take_part(
    id: u64,
    to: impl FnOnce() -> Arc<dyn Shared>,
) -> Option<(usize, Option<Box<dyn Any + Send>>)> {
    PARTS.with_borrow_mut(|parts| {
        let parts = parts.as_mut()?;
        if let Some(at) = parts.iter().position(|part| part.to.id() == id) {
            return Some((at, parts.get_mut(at)?.value.take()));
        }
        let to = to();
        parts.push(Part { to, value: None });
        Some((parts.len() - 1, None))
    })
}

pub(super) fn put_part_back(at: usize, value: Box<dyn Any + Send>) {
    PARTS.with_borrow_mut(|parts| {
        let Some(parts) = parts else { return };
        let Some(part) = parts.get_mut(at) else {
            return;
        };
        // A closure that added to its own accumulator made a part anew, which counts too.
        if let Some(anew) = part.value.replace(value) {
            let to = part.to.clone();
            parts.push(Part {
                to,
                value: Some(anew),
            });
        }
    });
}

/// The named accumulators that tasks have added to, by their ids.
#[derive(Default)]
pub(crate) struct Touched(BTreeMap<u64, (Arc<str>, Arc<dyn Shared>)>);

impl Touched {
    /// The accumulators with their values, for the end of a stage or a job.
    pub(crate) fn infos(&self) -> Vec<AccumulatorInfo> {
        let touched = self.0.iter();
        touched
            .map(|(id, (name, shared))| AccumulatorInfo {
                id: *id,
                name: name.clone(),
                update: None,
                value: shared.describe(),
            })
            .collect()
    }

    pub(crate) fn extend(&mut self, other: Touched) {
        self.0.extend(other.0);
    }
}

/// Merges the parts of a task that succeeded.
pub(crate) fn merge(updates: Vec<Update>) {
    for update in updates {
        update.to.merge(update.part);
    }
}

/// As [`merge`], and tells what listeners want to know of it.
pub(crate) fn merge_and_tell(updates: Vec<Update>, touched: &mut Touched) -> Vec<AccumulatorInfo> {
    let mut infos = Vec::new();
    for Update { to, part } in updates {
        let Some(name) = to.name() else {
            to.merge(part);
            continue;
        };
        let update = Some(to.describe_part(&*part));
        to.merge(part);
        infos.push(AccumulatorInfo {
            id: to.id(),
            name: name.clone(),
            update,
            value: to.describe(),
        });
        touched.0.insert(to.id(), (name, to));
    }
    infos
}

/// The `Debug` text of a value, cut where it gets long.
pub(super) fn text_of(value: &dyn fmt::Debug) -> String {
    let mut text = Bounded(String::new());
    if write!(text, "{value:?}").is_err() {
        text.0.push_str("...");
    }
    text.0
}

/// Refuses what does not fit, so that formatting a long collection stops there.
struct Bounded(String);

impl Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.0.len() + text.len() > TEXT_BYTES_MAX {
            return Err(fmt::Error);
        }
        self.0.push_str(text);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut() {
        assert_eq!(text_of(&[1, 2]), "[1, 2]");
        let long = text_of(&vec![7; 100_000]);
        assert!(long.len() <= TEXT_BYTES_MAX + 3 && long.ends_with("..."));
    }
}
