//! QMP, QEMU's monitor protocol: as much of it as a guest needs. What the commands mean is the callers' business.

mod client;
mod wire;

pub(crate) use client::{Client, QmpError};
pub(crate) use wire::Event;
