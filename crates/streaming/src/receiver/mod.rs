//! Receivers: what reads a source for as long as the stream runs.
//!
//! A [`Receiver`] stores records through its [`ReceiverContext`]; the supervisor runs it on
//! threads of its own, which never take a task slot, and starts it again when it fails; the
//! block store keeps what was stored until the batches have processed it, and the ledger decides
//! what of it lies where.

mod block;
mod block_log;
mod blocks;
mod context;
mod ledger;
mod open_block;
mod supervisor;

use std::fmt::Display;

use headwater_core::StorageLevel;

pub use context::{ReceiverContext, StoreError};

pub(crate) use blocks::{BlockStore, Files};
pub(crate) use ledger::{Bounds, Keeps};
pub(crate) use supervisor::{Supervisor, SupervisorPolicy};

/// Reads a source and stores its records: Spark's `Receiver`.
///
/// # Contract
/// - [`Receiver::on_start`] is called on a thread of its own. It may read the source there
///   until [`ReceiverContext::is_stopped`], or start threads and return. Its error, or its
///   panic, restarts the receiver after a delay.
/// - [`Receiver::on_stop`] is called from another thread and must make a reading `on_start`
///   return soon, for example by shutting its socket down. It is called once for each
///   `on_start`.
/// - The same value is started again after a stop, so `on_start` begins from scratch.
/// - Every `store` that returned `Ok` belongs to exactly one batch. While the batches are
///   behind, or a rate limit asks for it, `store` waits; after a stop it returns an error and
///   stores nothing.
/// - A receiver whose source can go on from a place begins at
///   [`ReceiverContext::last_position`] and stores with [`ReceiverContext::store_block_at`]:
///   then nothing is doubled either. The supervisor cannot check this.
///
/// The supervisor checks that no two `on_start` of a receiver run at the same time.
///
/// ```
/// use headwater_streaming::{Receiver, ReceiverContext};
///
/// struct Countdown(u32);
///
/// impl Receiver<u32> for Countdown {
///     fn on_start(&self, ctx: &ReceiverContext<u32>) -> Result<(), String> {
///         for n in (0..self.0).rev() {
///             ctx.store(n).map_err(|error| error.to_string())?;
///         }
///         Ok(())
///     }
///     fn on_stop(&self) {}
/// }
/// ```
pub trait Receiver<T>: Send + Sync + 'static {
    /// Begins to receive.
    ///
    /// # Errors
    /// What went wrong, as text for the user; the receiver is started again.
    fn on_start(&self, ctx: &ReceiverContext<T>) -> Result<(), String>;

    /// Ends receiving.
    fn on_stop(&self);

    /// Where blocks are kept that no batch has finished with: what Spark's `Receiver` is
    /// constructed with.
    ///
    /// As long as they fit into `streaming.receiver.memory` they are kept there: as records, or
    /// as bytes where the level says so. When it is full, `store` waits for a batch to be done.
    /// With a level that uses the disk, which is the default, and none done for as long as
    /// `streaming.receiver.spill_after`, the newest blocks leave memory, up to
    /// `streaming.receiver.disk`, and are read again by the tasks that process them; with a
    /// checkpoint directory they are there already and only leave memory. Blocks are never computed again, so no level drops any; replicas there are none.
    /// With [`StorageLevel::NONE`] the stream does not start.
    fn storage_level(&self) -> StorageLevel {
        StorageLevel::MEMORY_AND_DISK
    }

    /// Whether a position of the checkpoint directory is one of this source; by default
    /// every one is. It is asked when a stream goes on from a directory and no name
    /// ([`DStream::named`](crate::DStream::named)) says that the input is the one that stored the
    /// position: inputs without names are found by their order, so two of them that swapped
    /// places, or one that reads another source now, would each skip what the other has read.
    ///
    /// A receiver that can be asked keeps in its positions what they are of.
    ///
    /// ```
    /// use headwater_streaming::{Receiver, ReceiverContext};
    ///
    /// /// Stores positions such as `orders 17`.
    /// struct Topic(&'static str);
    ///
    /// impl Receiver<String> for Topic {
    ///     fn on_start(&self, ctx: &ReceiverContext<String>) -> Result<(), String> {
    ///         let position = format!("{} {}", self.0, 1);
    ///         let stored = ctx.store_many_at(["first".to_owned()], position.as_bytes());
    ///         stored.map_err(|error| error.to_string())
    ///     }
    ///     fn on_stop(&self) {}
    ///     fn check_position(&self, position: &[u8]) -> Result<(), String> {
    ///         match position.strip_prefix(self.0.as_bytes()) {
    ///             Some([b' ', ..]) => Ok(()),
    ///             _ => Err(format!("its position is none of the topic {}", self.0)),
    ///         }
    ///     }
    /// }
    ///
    /// assert!(Topic("orders").check_position(b"orders 17").is_ok());
    /// assert!(Topic("returns").check_position(b"orders 17").is_err());
    /// ```
    ///
    /// # Errors
    /// Of what the position is, as text for the user, who reads "the input would go on from that
    /// one, but ...". The stream does not start.
    fn check_position(&self, _position: &[u8]) -> Result<(), String> {
        Ok(())
    }

    /// What events and pages call the receiver: by default the type's name.
    fn name(&self) -> String {
        let whole = std::any::type_name::<Self>();
        let plain = whole.split('<').next().unwrap_or(whole);
        plain.rsplit("::").next().unwrap_or(plain).to_owned()
    }
}

/// What events and pages call the receiver of an input.
pub(crate) fn full_name<T: 'static>(receiver: &dyn Receiver<T>, input: usize) -> String {
    format!("{}-{input}", receiver.name())
}

/// Text of an error with what caused it.
pub(crate) fn with_cause(message: impl Display, cause: Option<&dyn std::error::Error>) -> String {
    match cause {
        Some(cause) => format!("{message}: {cause}"),
        None => message.to_string(),
    }
}
