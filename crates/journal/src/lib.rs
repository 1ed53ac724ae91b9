//! An append-only log of byte records with numbers, in a local directory or an object store.
//!
//! [`Journal::append`] gives a record the next [`Sequence`] number and takes it into memory;
//! [`Journal::sync_to`] returns when it will survive a power failure. Callers that wait at the
//! same time share one write and one sync. [`Journal::open`] finds out what an earlier process
//! left behind: [`Recovered`] reads the records and tells what is damaged. [`Journal::inspect`]
//! only looks, and may do so while another process writes.
//!
//! It knows nothing of what the records mean, and starts no thread: the caller that waits does
//! the work.
//!
//! Read in this order: `format` says how segments look; `scan` finds the groups in the bytes of
//! a segment; `segments` is the index of the whole log; `medium` writes; `recovery` opens;
//! `journal` commits; `inspect`, `reading`, `forget` and `statistics` are the rest of
//! [`Journal`].
//!
//! ```
//! use headwater_journal::{Journal, Options, Sequence};
//! use headwater_store::Location;
//! # let dir = tempfile::tempdir()?;
//! let place = Location::at(dir.path().join("journal"))?;
//! let (journal, recovered) = Journal::open(&place, Options::default())?;
//! assert_eq!(recovered.records_from(Sequence(0)).count(), 0);
//! journal.append(b"one")?;
//! journal.append(b"two")?;
//! journal.commit()?;
//! drop(journal);
//!
//! let (journal, recovered) = Journal::open(&place, Options::default())?;
//! let records: Result<Vec<_>, _> = recovered.records_from(Sequence(0)).collect();
//! assert_eq!(records?, [(Sequence(0), b"one".to_vec()), (Sequence(1), b"two".to_vec())]);
//! assert_eq!(journal.next(), Sequence(2));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod buffer;
mod error;
mod forget;
mod format;
mod inspect;
mod journal;
mod medium;
mod options;
mod owner;
mod reading;
mod recovered;
mod recovery;
mod scan;
mod segments;
mod sequence;
mod statistics;

pub use error::JournalError;
pub use journal::{Journal, Size};
pub use options::Options;
pub use recovered::{Damage, Records, Recovered, Torn};
pub use scan::{Examined, examine};
pub use sequence::Sequence;
pub use statistics::{Statistics, Syncs};
