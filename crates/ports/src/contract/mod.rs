//! Suites that every plug must pass.

pub mod backup_store;
pub mod bus;
pub mod disk_backend;
pub mod hypervisor;
pub mod image_store;
pub mod network_driver;
pub mod sample;
pub mod store;
pub mod volume_backend;
