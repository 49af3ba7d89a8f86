//! Quality-of-service specs.

pub mod routes;
mod wire;
