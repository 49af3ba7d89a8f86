//! Nova: the compute service.

mod aggregates;
mod block_storage;
mod empty;
mod envelope;
mod fields;
mod flavors;
pub(crate) mod hosts;
mod keypairs;
mod limits;
mod links;
mod microversion;
mod pool;
mod router;
mod servers;
mod versions;

pub use pool::view as pool_view;
pub use router::{ComputeVerbs, router};
pub use versions::Root;
