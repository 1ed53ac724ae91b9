//! Stacks that long lineages fit on.

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::context::{LocalProperties, ThreadProperties};
use crate::error::Error;
use crate::rdd::AnyNode;
use crate::site::Site;

/// The stack of threads that plan jobs or run tasks.
///
/// A task's operators are nested calls, so a long lineage needs a deep stack. What is not used
/// takes no memory.
pub const STACK_BYTES: usize = 64 << 20;

/// A lineage up to here is planned on whatever thread calls the action.
const SHORT_LINEAGE: u32 = 500;

/// Whether the lineage is too long for a stack of unknown size.
pub(super) fn is_long(last: &dyn AnyNode) -> bool {
    last.info().depth(last).longest > SHORT_LINEAGE
}

/// A name for a thread that waits for a job. Systems keep the first 15 bytes: within them the
/// number tells it from others that go on.
pub(crate) fn thread_name(what: &str, site: Site) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed) % 100_000;
    format!("hw-{what}-{number}-{}", site.operator())
}

/// Runs the driver's side of a job with a deep stack, while the caller waits.
pub(super) fn run_deep<R: Send>(
    site: Site,
    properties: LocalProperties,
    run: impl FnOnce() -> R + Send,
) -> Result<R, Error> {
    std::thread::scope(|scope| {
        std::thread::Builder::new()
            .name(thread_name("job", site))
            .stack_size(STACK_BYTES)
            .spawn_scoped(scope, move || {
                let _properties = ThreadProperties::assume(properties);
                site.cover(run)
            })
            .map_err(|error| Error::io("start a thread for", site.to_string(), error))
            .map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic)))
    })
}
