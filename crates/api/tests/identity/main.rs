//! Identity at its door: the router with a real database below it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may")]

mod assignments;
mod catalog;
mod cloud;
mod domains;
mod policy;
mod projects;
mod revocation;
mod roles;
mod tokens;
mod users;
