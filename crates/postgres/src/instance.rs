//! Which sinks of this process are alive, so that cleaning up leaves what is theirs.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};

use headwater_core::hash::partition_hash;
use parking_lot::Mutex;

static ALIVE: Mutex<BTreeSet<u64>> = Mutex::new(BTreeSet::new());

/// One sink object, which names the tables that it makes.
#[derive(Debug)]
pub(crate) struct Instance {
    /// What the tables of all sinks of the same name begin with.
    prefix: String,
    number: u64,
    tables: AtomicU64,
}

impl Instance {
    pub(crate) fn new(sink: &str) -> Self {
        // Any number will do that no other sink has; also none of another process.
        let number = fastrand::Rng::new().u64(..);
        ALIVE.lock().insert(number);
        Instance {
            prefix: format!("headwater_staged_{:016x}_", partition_hash(&sink)),
            number,
            tables: AtomicU64::new(0),
        }
    }

    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// A name for a table, within the 63 bytes that a name may have.
    pub(crate) fn next_table(&self) -> String {
        let table = self.tables.fetch_add(1, Ordering::Relaxed);
        format!("{}{:016x}_{table}", self.prefix, self.number)
    }

    /// Whether a table belongs to a sink of the same name that is not alive in this process.
    pub(crate) fn is_left_behind(&self, table: &str) -> bool {
        let rest = table.strip_prefix(&self.prefix);
        let number = rest
            .and_then(|rest| rest.split_once('_'))
            .map(|(number, _)| number);
        let owner = number.and_then(|number| u64::from_str_radix(number, 16).ok());
        owner.is_some_and(|owner| !ALIVE.lock().contains(&owner))
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        ALIVE.lock().remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_of_the_dead_are_left_behind() {
        let (one, other) = (Instance::new("words"), Instance::new("words"));
        let (table, long) = (one.next_table(), one.next_table().len() + 9);
        assert!(long <= 63, "{long}");
        assert!(!one.is_left_behind(&table) && !other.is_left_behind(&table));
        drop(one);
        assert!(other.is_left_behind(&table));
        assert!(!Instance::new("counts").is_left_behind(&table));
        assert!(!other.is_left_behind("headwater_batches"));
    }
}
