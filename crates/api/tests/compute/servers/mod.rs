//! Servers, one verb or small resource a file.

mod console;
mod create;
mod delete;
mod instance_actions;
mod ips;
mod list;
mod metadata;
mod power;
mod show;
mod tags;
mod update;
mod volumes;
