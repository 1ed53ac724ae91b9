//! Making room for what comes in: waiting for batches, and moving blocks out of memory.

use std::sync::Weak;
use std::time::{Duration, SystemTime};

use parking_lot::MutexGuard;

use super::super::StoreError;
use super::super::ledger::{Chore, Room};
use super::{BlockStore, State, Watcher};

impl<T> BlockStore<T> {
    /// Waits until so many bytes may come in, and makes room for them if that can be done.
    pub(super) fn wait_for_room(
        &self,
        start: u64,
        bytes: u64,
    ) -> Result<MutexGuard<'_, State<T>>, StoreError> {
        let mut state = self.state.lock();
        let mut has_waited = false;
        let room = loop {
            // A start that is over must not store between the records of the next.
            if state.accepted != Some(start) {
                break Err(StoreError::Stopped);
            }
            let room = state.ledger.room_for(bytes);
            if matches!(room, Room::Spill(_) | Room::Close)
                && let Some(left) = self.patience(&mut state)
            {
                if !std::mem::replace(&mut has_waited, true) {
                    self.begin_to_wait(&mut state);
                }
                self.changed.wait_for(&mut state, left);
                continue;
            }
            match room {
                Room::Free => break Ok(()),
                Room::Spill(number) => self.spill(&mut state, number),
                Room::Close => {
                    if let Err(error) = self.close(&mut state) {
                        break Err(error);
                    }
                }
                Room::Soon => self.changed.wait(&mut state),
                Room::Wait => {
                    if !std::mem::replace(&mut has_waited, true) {
                        self.begin_to_wait(&mut state);
                    }
                    self.changed.wait(&mut state);
                }
            }
        };
        if has_waited {
            self.end_to_wait(&mut state, room.is_ok());
        }
        room.map(|()| state)
    }

    /// How much longer to wait for a batch to be done, before blocks leave memory. A batch gives
    /// room for nothing, while each block that leaves is written and read once more: under a
    /// lasting overload all of them would be, and batches would be slower still.
    pub(super) fn patience(&self, state: &mut State<T>) -> Option<Duration> {
        let now = self.clock.now();
        // A clock that was set back must not make it longer.
        let since = state.full_since.map_or(now, |since| since.min(now));
        state.full_since = Some(since);
        let patience = state.ledger.bounds().spill_after;
        let left = patience.saturating_sub(now.since(since));
        (!left.is_zero()).then_some(left)
    }

    fn begin_to_wait(&self, state: &mut State<T>) {
        state.waiters += 1;
        if state.waits_since.is_none() {
            state.waits_since = Some(SystemTime::now());
            self.tell(|watcher| watcher.slowed(state.stored()));
        }
    }

    fn end_to_wait(&self, state: &mut State<T>, has_room: bool) {
        state.waiters -= 1;
        if state.waiters == 0 {
            state.waits_since = None;
            if has_room {
                self.tell(|watcher| watcher.resumed(state.stored()));
            }
        }
    }

    fn tell(&self, what: impl FnOnce(&dyn Watcher)) {
        if let Some(watcher) = self.watcher.get().and_then(Weak::upgrade) {
            what(&*watcher);
        }
    }

    /// Moves a block out of memory.
    fn spill(&self, state: &mut MutexGuard<'_, State<T>>, number: u64) {
        let Some(block) = state.blocks.get(&number).cloned() else {
            return;
        };
        state.ledger.leaves(number);
        let (packing, files) = (&self.packing, &self.files);
        let leave = || block.leave_memory(packing, &files.ctx, &files.name);
        match MutexGuard::unlocked(state, leave) {
            Ok(bytes) => state.ledger.has_left(number, bytes),
            Err(message) => {
                state.ledger.has_stayed(number);
                let message = format!(
                    "block {number} stays in memory, as it cannot be written to disk: {message}; \
                     the receiver waits for the batches where there is no room"
                );
                self.tell(|watcher| watcher.cannot_spill(message, state.stored()));
            }
        }
        self.changed.notify_all();
    }

    /// Does what the storage level asks for with blocks that were closed.
    pub(super) fn do_chores(&self, mut state: MutexGuard<'_, State<T>>) {
        while let Some(chore) = state.ledger.next_chore() {
            match chore {
                Chore::Spill(number) => self.spill(&mut state, number),
                Chore::Pack(number) => self.pack(&mut state, number),
            }
        }
    }

    fn pack(&self, state: &mut MutexGuard<'_, State<T>>, number: u64) {
        let Some(block) = state.blocks.get(&number).cloned() else {
            return;
        };
        match MutexGuard::unlocked(state, || block.packed(&self.packing)) {
            Ok(packed) => {
                if state.ledger.packed(number, packed.bytes()) {
                    block.keep_packed(packed);
                    self.changed.notify_all();
                }
            }
            // It stays as it is, and whoever has to move it tells why that cannot be done.
            Err(message) => tracing::warn!("block {number} is kept as records: {message}"),
        }
    }
}
