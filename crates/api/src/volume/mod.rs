//! Cinder: the block storage service.

mod address;
mod empty;
mod envelope;
mod extensions;
mod fields;
mod limits;
mod messages;
mod microversion;
mod paging;
mod quotas;
mod router;
mod services;
mod types;
mod versions;

pub use address::Root;
pub use router::{VolumeApi, router};
