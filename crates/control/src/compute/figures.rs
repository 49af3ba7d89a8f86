//! How much the cloud's process has been asked to do: counters for benchmarks, since its start.

use crate::error::Error;
use crate::policy;
use hatchery_model::caller::Caller;
use std::sync::Arc;

/// Names and counts, read at once.
pub type ReadFigures = Arc<dyn Fn() -> Vec<(&'static str, u64)> + Send + Sync>;

/// `GET /os-hatchery-figures`
pub struct Figures {
    /// Where the counts are kept.
    pub read: ReadFigures,
}

impl Figures {
    /// All counts. Administrators only.
    pub fn run(&self, caller: &Caller) -> Result<Vec<(&'static str, u64)>, Error> {
        policy::admin(caller, "hatchery:figures")?;
        Ok((self.read)())
    }
}
