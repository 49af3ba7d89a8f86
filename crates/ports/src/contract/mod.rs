//! Suites that every plug must pass.

pub mod bus;
pub mod store;
pub mod hypervisor;
pub mod disk_backend;
pub mod image_store;
pub mod network_driver;
