//! Raw forms beside those that `qemu-img` makes, and images made to harm.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod corpus;
mod fixture;
mod hostile;
