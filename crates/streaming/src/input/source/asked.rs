//! Calling what a user has written as a source.

use std::cell::Cell;

use headwater_core::{Site, TaskError, catch_panic};

thread_local! {
    static IS_ASKED: Cell<bool> = const { Cell::new(false) };
}

/// Asks a source something: its panics are errors.
pub(super) fn ask<R>(site: Site, question: impl FnOnce() -> R) -> Result<R, TaskError> {
    let was_asked = IS_ASKED.replace(true);
    let answer = catch_panic(site, question);
    IS_ASKED.set(was_asked);
    answer
}

/// Whether this thread is asking a source something. Nobody else may ask that source meanwhile,
/// and the source itself can wait for nobody who does.
pub(crate) fn in_source() -> bool {
    IS_ASKED.get()
}
