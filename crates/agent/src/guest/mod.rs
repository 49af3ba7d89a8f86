//! One guest: a task that owns every change of it.

mod actor;
mod build;
mod measured;
mod plugging;
mod plugs;
mod power;
mod steps;
mod swapping;
mod teardown;

pub(crate) use actor::spawn;
pub(crate) use plugs::{Change, Plugs, take_over as take_over_plug};

use crate::journal::PowerOrder;
use hatchery_model::generation::Generation;
use hatchery_model::id::RequestId;

/// What a guest can be told. Written down before it is told.
pub(crate) struct Order {
    /// The order's generation.
    pub(crate) generation: Generation,
    /// The request behind it.
    pub(crate) request: RequestId,
    /// What it is to do.
    pub(crate) what: What,
}

/// See [`Order`].
pub(crate) enum What {
    /// Leave nothing of yourself.
    Destroy,
    /// Run, or do not.
    Power(PowerOrder),
    /// Look at the orders about your volumes.
    Plug,
}
