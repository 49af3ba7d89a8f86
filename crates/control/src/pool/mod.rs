//! Bases: who holds them.

mod store_leases;

pub use store_leases::StoreLeases;
