//! Volume types.

pub mod access;
pub mod defaults;
pub mod extra_specs;
pub mod routes;
mod view;
mod wire;
