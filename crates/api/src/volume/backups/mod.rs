//! Backups.

pub mod action;
pub mod routes;
mod view;
mod wire;
