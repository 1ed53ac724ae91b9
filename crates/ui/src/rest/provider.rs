//! Where programs are found: in a server that shows one of them, or many.

use std::sync::Arc;

use super::call::Refusal;
use crate::log::Summary;
use crate::server::Shown;

/// A server that tells of programs.
pub(crate) trait Provider: Send + Sync + 'static {
    /// All of them, newest first, by the ids that [`Provider::find`] takes.
    fn all(&self) -> Result<Vec<Summary>, Refusal>;

    /// The one with this id, if there is one.
    fn find(&self, id: &str) -> Result<Option<Arc<Shown>>, Refusal>;

    /// Whether finding them may wait for a disk or a network.
    fn waits(&self) -> bool;
}

/// The server of a program that runs.
impl Provider for Arc<Shown> {
    fn all(&self) -> Result<Vec<Summary>, Refusal> {
        Ok(vec![Summary::of(&self.site.model())])
    }

    fn find(&self, id: &str) -> Result<Option<Arc<Shown>>, Refusal> {
        let is_it = self.site.model().application.id == id;
        Ok(is_it.then(|| self.clone()))
    }

    fn waits(&self) -> bool {
        false
    }
}
