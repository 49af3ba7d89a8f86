//! Time of day. Called by everyone who writes a time down; never used to measure a wait.

use hatchery_model::timestamp::Timestamp;

/// Gives the time of day. Two calls in a row may give the same time, and a later one an earlier time: the
/// operator may set the clock.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}
