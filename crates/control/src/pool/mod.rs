//! Bases: who holds them, and what an administrator can ask of the pool.

mod catalog;
mod heal_bases;
mod list_bases;
mod pool_verbs;
mod show_base;
mod store_leases;
mod verify_bases;

pub use catalog::{StoreCatalog, catalog_image};
pub use pool_verbs::{NamedBase, PoolVerbs};
pub use store_leases::StoreLeases;
