//! Bases: which images should have one, who holds them, whoever keeps them, and what an administrator can ask of the pool.

mod base_links;
mod catalog;
mod deeds;
mod heal_bases;
mod keeper;
mod list_bases;
mod pool_verbs;
mod revive;
mod show_base;
mod store_leases;
mod verify_bases;

pub use base_links::BaseLinks;
pub use catalog::{ImageBell, StoreCatalog, catalog_image};
pub use deeds::tell;
pub use keeper::{DeedListener, KeepError, KeeperSettings, PoolKeeper};
pub use pool_verbs::{NamedBase, PoolVerbs};
pub use revive::ReviveOnHeal;
pub use store_leases::StoreLeases;
