//! Compute at its door: the router over real use cases, a real database, a bus, and a host that is a fake.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may")]

mod answer;
mod callers;
mod cloud;
mod host;
mod rows;
mod servers;
