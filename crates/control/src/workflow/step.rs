//! What the task runner runs: one idempotent step of a task.

use crate::error::Error;
use async_trait::async_trait;
use hatchery_model::compute::Illegal;
use hatchery_model::task::Task;

/// So often a step that collided with another one is tried before it is put off.
pub(crate) const TRIES: u32 = 5;

/// Does what a task's row says is next, and writes down how far it came, in the same transaction as the effect. May be run twice, by two
/// processes at once, and again after a crash at any point.
#[async_trait]
pub trait Step: Send + Sync {
    /// Runs the step. After an `Err` the runner tries again later.
    async fn run(&self, task: &Task) -> Result<(), Error>;

    /// Does what became due without a task; says how much there was. Called now and then.
    async fn sweep(&self) -> Result<usize, Error> {
        Ok(0)
    }
}

/// A transition that the step's own check should have kept out.
pub(crate) fn illegal(error: Illegal) -> Error {
    Error::Internal { source: Box::new(error) }
}
