//! Servers.

pub mod create;
pub mod list;
mod query;
pub mod show;
mod status;
mod view;
mod wire;
