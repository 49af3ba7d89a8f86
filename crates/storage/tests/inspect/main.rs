//! The inspector against images that are good, odd, broken and made to harm.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod bytes;
mod foreign;
mod partitions;
mod properties;
mod qcow2_good;
mod qcow2_hostile;
mod verdict;
