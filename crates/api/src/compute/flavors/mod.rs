//! Flavors.

pub mod extra_specs;
pub mod routes;
mod view;
mod wire;
