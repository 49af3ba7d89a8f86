//! Suites that every plug must pass.

pub mod store;
pub mod hypervisor;
