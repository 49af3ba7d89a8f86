//! Nova: the compute service.

mod envelope;
mod flavors;
mod hosts;
mod keypairs;
mod links;
mod microversion;
mod router;
mod servers;
mod versions;

pub use router::{ComputeVerbs, router};
pub use versions::Root;
