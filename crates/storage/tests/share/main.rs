//! Volumes on a share that comes and goes and that several hosts use. A bind mount stands for the export.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod contract;
mod fixture;
mod hosts;
mod mounts;
mod rights;
mod stale;
