//! Compute at its door: the router over real use cases, a real database, a bus, and a host that is a fake.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may")]

mod aggregates;
mod answer;
mod block_storage;
mod callers;
mod cloud;
mod explain;
mod flavors;
mod host;
mod hypervisors;
mod keypairs;
mod limits;
mod policy;
mod pool;
mod pool_folders;
mod protocol;
mod routes;
mod rows;
mod servers;
mod services;
