//! `hatchery warm` beside the real Glance, as an operator starts it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod existing;
mod keeping;
mod options;
