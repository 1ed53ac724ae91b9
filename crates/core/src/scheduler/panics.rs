//! A closure that panics fails its task, never the process, and is found again.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use crate::chunk::Stop;
use crate::error::TaskError;
use crate::site::Site;

thread_local! {
    static IN_TASK: Cell<bool> = const { Cell::new(false) };
    static DRIVER_GUARD: Cell<bool> = const { Cell::new(false) };
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
    static OPERATOR: Cell<Option<Site>> = const { Cell::new(None) };
}

/// Whether the calling code runs inside a task, where actions and stops would wait for
/// themselves.
#[must_use]
pub fn in_task() -> bool {
    IN_TASK.get()
}

/// Makes panics inside tasks leave their place here instead of a message on stderr.
///
/// Panics elsewhere go to the hook that was installed before.
pub(crate) fn install_hook() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !IN_TASK.get() && !DRIVER_GUARD.get() {
                return before(panic);
            }
            let place = panic.location().map(ToString::to_string);
            PLACE.with_borrow_mut(|to| *to = place);
        }));
    });
}

/// Remembers, while a panic passes, whose closure it came from.
///
/// The innermost operator is the first to see the panic; those around it only hand
/// its records on.
pub(crate) struct ClosureOf(pub(crate) Site);

impl Drop for ClosureOf {
    #[inline]
    fn drop(&mut self) {
        if std::thread::panicking() && OPERATOR.get().is_none() {
            OPERATOR.set(Some(self.0));
        }
    }
}

/// Runs a task's work; a panic becomes an error that names operator and line.
pub(crate) fn run_task<R>(work: impl FnOnce() -> Result<R, Stop>) -> Result<R, Stop> {
    let outer = IN_TASK.replace(true);
    let result = catch_unwind(AssertUnwindSafe(work));
    let result = result.unwrap_or_else(|payload| {
        let error = describe(&*payload);
        // What a panic carries may panic itself when it is dropped.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(payload)));
        Err(Stop::Failed(error))
    });
    IN_TASK.set(outer);
    result
}

fn describe(payload: &(dyn Any + Send)) -> TaskError {
    let message = payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic whose value is no text".to_owned());
    TaskError::Panic {
        operator: OPERATOR.take(),
        place: PLACE.with_borrow_mut(Option::take),
        message,
    }
}

/// Runs a closure of the user on the driver; a panic becomes an error as in a task.
///
/// # Errors
/// [`TaskError::Panic`] when the closure panics.
pub fn catch_panic<R>(site: Site, work: impl FnOnce() -> R) -> Result<R, TaskError> {
    install_hook();
    // Actions are allowed here, so this thread must not look as if it ran a task; the
    // hook therefore goes by a flag of its own.
    let outer = DRIVER_GUARD.replace(true);
    let result = catch_unwind(AssertUnwindSafe(work));
    DRIVER_GUARD.set(outer);
    result.map_err(|payload| match describe(&*payload) {
        TaskError::Panic {
            operator,
            place,
            message,
        } => TaskError::Panic {
            operator: operator.or(Some(site)),
            place,
            message,
        },
        other => other,
    })
}
