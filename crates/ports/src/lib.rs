//! The sockets: traits, their errors, and (feature `contract`) the suites that every plug must pass.
//!
//! No technology is known here. Each file's head is its contract: who calls, what may be repeated, what an
//! `Ok` promises.

pub mod backup_store;
pub mod base_leases;
pub mod base_pool;
pub mod bus;
pub mod ceph_logins;
pub mod clock;
#[cfg(feature = "contract")]
pub mod contract;
pub mod disk_backend;
pub mod entropy;
pub mod hypervisor;
pub mod image_catalog;
pub mod image_maker;
pub mod image_store;
pub mod measure;
pub mod metadata;
pub mod network_driver;
pub mod store;
pub mod transfers;
pub mod volume_adoption;
pub mod volume_backend;
