//! Key pairs.

pub mod routes;
mod view;
