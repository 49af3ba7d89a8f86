//! Block storage at its door: the router over real use cases and a real database.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may")]

mod administration;
mod attachments;
mod backups;
mod cloud;
mod groups;
mod lists;
mod policy;
mod protocol;
mod qos;
mod routes;
mod rows;
mod snapshots;
mod transfers;
mod types;
mod volumes;
