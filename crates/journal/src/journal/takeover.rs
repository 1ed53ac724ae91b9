//! Opening a journal in an object store, where nobody can be locked out.

use headwater_store::{Location, StoreError};

use crate::buffer::Buffer;
use crate::error::JournalError;
use crate::medium::Medium;
use crate::owner::Owner;
use crate::recovered::Recovered;
use crate::recovery::recover;
use crate::segments::Log;

/// How often an opening yields to others that open the same journal at the same time.
const CLAIMS_MAX: usize = 16;

/// Opens a journal in an object store, though others open it or write to it right now.
pub(super) fn take_over(directory: &Location) -> Result<(Medium, Log, Recovered), JournalError> {
    let mut attempt = 1;
    loop {
        match try_take_over(directory) {
            // The journal that was open before wrote meanwhile, or removed a segment that was
            // in the listing; or somebody else opens it too.
            Err(
                JournalError::TakenOver { .. } | JournalError::Store(StoreError::NotFound { .. }),
            ) if attempt < CLAIMS_MAX => attempt += 1,
            taken => return taken,
        }
    }
}

/// Claims the journal, reads it, and closes it to who had it before.
fn try_take_over(directory: &Location) -> Result<(Medium, Log, Recovered), JournalError> {
    let mut medium = Medium::Objects(Owner::claim(directory)?);
    let (mut log, recovered) = recover(directory, None)?;
    let placed = medium.write(&Buffer::begin(log.end, Vec::new()))?;
    log.add(placed);
    Ok((medium, log, recovered))
}
