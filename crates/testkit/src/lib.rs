//! Test plugs and fixtures: a clock that is set by hand, randomness that can be repeated.

mod clock;
mod entropy;

pub use clock::ManualClock;
pub use entropy::SeededEntropy;
