//! What the plugs of files leave on the disk: names, links, owners, and nothing after a failure or a crash.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod crash;
mod fixture;
mod full_disk;
mod kill;
mod names;
mod raw_form;
mod reflink;
mod same_bytes;
mod tampered;
