//! Snapshots.

pub mod action;
pub mod metadata;
pub mod routes;
mod view;
