//! Servers.

pub mod action;
pub mod create;
mod disks;
pub mod instance_actions;
pub mod ips;
pub mod list;
pub mod metadata;
mod query;
pub mod show;
mod status;
pub mod tags;
pub mod update;
mod view;
pub mod volumes;
mod wire;
