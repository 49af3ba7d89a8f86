//! One guest: a task that owns every change of it.

mod actor;
mod build;
mod steps;
mod teardown;

pub(crate) use actor::spawn;

use hatchery_model::generation::Generation;
use hatchery_model::id::RequestId;

/// What a guest can be told. Written down before it is told.
pub(crate) enum Order {
    /// Leave nothing of yourself.
    Destroy {
        /// The order's generation.
        generation: Generation,
        /// The request behind it.
        request: RequestId,
    },
}
