//! The machine's clock.

use hatchery_model::timestamp::Timestamp;
use hatchery_ports::clock::Clock;
use std::time::{SystemTime, UNIX_EPOCH};

/// Reads the operating system's clock.
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods)] // The one place where time comes in.
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }
}
