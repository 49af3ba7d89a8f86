//! Servers.

pub mod action;
pub mod create;
pub mod instance_actions;
pub mod list;
mod query;
pub mod show;
mod status;
mod view;
mod wire;

pub(crate) use wire::flexible_bool;
