//! The keeping of a pool, on real files.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod bounds;
mod crash;
mod faults;
mod fixture;
mod heal;
mod leases;
mod links;
mod nova;
mod resets;
mod sweep;
