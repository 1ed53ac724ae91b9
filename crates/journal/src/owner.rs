//! Whose the journal in an object store is: of who opened it last.
//!
//! An opening first writes a token of its own to the object `owner`, lists the segments then,
//! and puts an empty group where the journal that was open before would write next. A writer
//! puts its group where none is, and then looks whether the token is still its own; only then
//! is the group acknowledged. So what was acknowledged was written before the next opening
//! wrote its token, and is in that opening's list.
//!
//! A writer that slept may still put one group, unacknowledged, where the others have forgotten
//! theirs. The next opening takes the numbers between it and the rest for lost: they are older
//! than anything that is needed.

use std::fs::{File, TryLockError};
use std::hash::{BuildHasher, RandomState};

use headwater_store::{Durability, Location, StoreError};

use crate::error::JournalError;

const OWNER: &str = "owner";
const LOCK: &str = "lock";

/// The right to write to a journal in an object store.
pub(crate) struct Owner {
    pub(crate) directory: Location,
    token: String,
}

impl Owner {
    /// Takes the journal from whoever has it.
    pub(crate) fn claim(directory: &Location) -> Result<Self, JournalError> {
        let random = RandomState::new();
        let token = format!("{:016x}{:016x}", random.hash_one(0), random.hash_one(1));
        let place = directory.join(OWNER);
        place.put(token.as_bytes(), Durability::Synced)?;
        Ok(Owner {
            directory: directory.clone(),
            token,
        })
    }

    /// Writes an object that nobody has written; the journal is still ours afterwards.
    pub(crate) fn put(&self, place: &Location, bytes: &[u8]) -> Result<(), JournalError> {
        match place.put_if_absent(bytes, Durability::Synced) {
            // The first try of a request that was repeated may have succeeded unheard.
            Err(StoreError::AlreadyExists { .. }) if place.get()? == bytes => {}
            Err(StoreError::AlreadyExists { .. }) => return Err(self.taken_over()),
            put => put?,
        }
        self.confirm()
    }

    /// Looks whether nobody has claimed the journal since.
    pub(crate) fn confirm(&self) -> Result<(), JournalError> {
        if self.directory.join(OWNER).get()? != self.token.as_bytes() {
            return Err(self.taken_over());
        }
        Ok(())
    }

    fn taken_over(&self) -> JournalError {
        JournalError::TakenOver {
            directory: self.directory.to_string(),
        }
    }
}

/// Locks a local directory, for as long as the file is open.
pub(crate) fn lock(directory: &Location) -> Result<Option<File>, JournalError> {
    let place = directory.join(LOCK);
    let Some(path) = place.as_path() else {
        return Ok(None);
    };
    let failed = |error| JournalError::Store(place.failed("lock", error));
    let mut options = File::options();
    options.write(true).create(true).truncate(false);
    let file = options.open(path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Err(JournalError::InUse {
            directory: directory.to_string(),
        }),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}
