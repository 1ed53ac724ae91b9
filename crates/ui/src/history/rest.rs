//! Spark's REST interface over all programs that have logs.

use std::sync::Arc;

use super::programs::Programs;
use crate::log::{LogError, Summary};
use crate::rest::{Provider, Refusal};
use crate::server::Shown;

/// Programs go by the names of their logs, which differ also where their ids do not.
impl Provider for Arc<Programs> {
    fn all(&self) -> Result<Vec<Summary>, Refusal> {
        let list = self.list().map_err(|error| failed(&error))?;
        let listed = list.programs.into_iter();
        // Of a log that cannot be read nothing is known that could be told.
        let programs = listed.filter_map(|program| {
            Some(Summary {
                id: program.name,
                ..program.summary.ok()?
            })
        });
        Ok(programs.collect())
    }

    fn find(&self, id: &str) -> Result<Option<Arc<Shown>>, Refusal> {
        match self.get(id) {
            Ok(shown) => Ok(Some(shown)),
            Err(LogError::NoLog { .. }) => Ok(None),
            Err(error) => Err(failed(&error)),
        }
    }

    fn waits(&self) -> bool {
        true
    }
}

fn failed(error: &LogError) -> Refusal {
    Refusal::failed(error.to_string())
}
