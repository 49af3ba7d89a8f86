//! Groups of volumes, their types and their snapshots.

pub mod routes;
pub mod snapshots;
pub mod types;
mod view;
mod wire;
