//! Waiting on a state that can only be looked at.

use std::time::{Duration, Instant};

/// Looks until `look` gives a value, for `seconds` at the most; then the test fails with what was last said.
#[allow(clippy::disallowed_methods)] // The one place where tests look again after a moment.
pub fn eventually<T>(what: &str, seconds: u64, mut look: impl FnMut() -> Result<T, String>) -> T {
    let deadline = Instant::now() + Duration::from_secs(seconds);
    loop {
        match look() {
            Ok(value) => return value,
            Err(last) if Instant::now() >= deadline => {
                panic!("not within {seconds} s: {what}; last seen: {last}")
            }
            Err(_) => std::thread::sleep(Duration::from_millis(50)),
        }
    }
}
