//! What the slots do and have done: Spark's executor summary.

use std::time::{Duration, SystemTime};

use parking_lot::Mutex;

use super::slot::TaskEnd;
use crate::context::Context;

/// What a slot does, and what it has done: a row of Spark's executor summary.
///
/// ```
/// let ctx = headwater_core::Context::local(2).unwrap();
/// ctx.range(0..8, 1, 4).count().unwrap();
/// let slots = ctx.slots_info();
/// assert_eq!(slots.len(), 2);
/// assert!(slots.iter().all(|slot| slot.running.is_none()));
/// assert_eq!(slots.iter().map(|slot| slot.tasks_done).sum::<u64>(), 4);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SlotInfo {
    /// The slot's number, from 0.
    pub slot: usize,
    /// The task that it runs; `None` while it is idle.
    pub running: Option<SlotTask>,
    /// When it began its task, or became idle.
    pub since: SystemTime,
    /// How many tasks succeeded on it.
    pub tasks_done: u64,
    /// How many tries of tasks failed on it, or were cancelled.
    pub tasks_failed: u64,
    /// How long the tasks ran that ended on it.
    pub run_time: Duration,
}

/// The task that a slot runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct SlotTask {
    /// The task, as events number it.
    pub task: u64,
    /// Its job.
    pub job: u64,
    /// Its stage.
    pub stage: u64,
    /// The partition that it computes.
    pub partition: usize,
    /// 1 for the first try.
    pub attempt: u32,
}

impl Context {
    /// What each slot does and has done, in the order of their numbers: Spark's
    /// `getExecutorInfos`.
    ///
    /// Tasks of partitions that are known to be empty take no slot and are not counted.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(3).unwrap();
    /// let slots = ctx.slots_info();
    /// assert_eq!(slots.iter().map(|slot| slot.slot).collect::<Vec<_>>(), [0, 1, 2]);
    /// ```
    #[must_use]
    pub fn slots_info(&self) -> Vec<SlotInfo> {
        self.inner.slots.infos()
    }
}

/// The slots of a context.
pub(crate) struct SlotTable {
    /// Each with its own lock, which nobody but an onlooker ever waits for.
    slots: Vec<Mutex<SlotInfo>>,
}

impl SlotTable {
    pub(crate) fn new(slots: usize, since: SystemTime) -> Self {
        let idle = |slot| SlotInfo {
            slot,
            running: None,
            since,
            tasks_done: 0,
            tasks_failed: 0,
            run_time: Duration::ZERO,
        };
        SlotTable {
            slots: (0..slots).map(idle).map(Mutex::new).collect(),
        }
    }

    pub(super) fn began(&self, slot: usize, task: SlotTask) {
        self.change(slot, |info| {
            info.running = Some(task);
            info.since = SystemTime::now();
        });
    }

    pub(super) fn ended(&self, slot: usize, end: &TaskEnd) {
        self.change(slot, |info| {
            info.running = None;
            info.since = SystemTime::now();
            info.run_time += end.metrics.run_time;
            match end.outcome {
                Ok(_) => info.tasks_done += 1,
                Err(_) => info.tasks_failed += 1,
            }
        });
    }

    fn change(&self, slot: usize, change: impl FnOnce(&mut SlotInfo)) {
        if let Some(info) = self.slots.get(slot) {
            change(&mut info.lock());
        }
    }

    fn infos(&self) -> Vec<SlotInfo> {
        self.slots.iter().map(|slot| slot.lock().clone()).collect()
    }
}
