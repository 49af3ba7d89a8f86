//! Snapshots.

pub mod action;
pub mod metadata;
pub mod routes;
pub mod view;
