//! Offers of volumes to other projects.

pub mod routes;
mod view;
mod wire;
