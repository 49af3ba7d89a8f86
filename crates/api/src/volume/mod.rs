//! Cinder: the block storage service.

mod address;
mod attachments;
mod backups;
mod envelope;
mod extensions;
pub(crate) mod fields;
mod groups;
mod limits;
mod manage;
mod manage_snapshots;
mod messages;
mod microversion;
mod paging;
mod qos;
mod quotas;
mod resource_filters;
mod router;
mod services;
mod snapshots;
mod transfers;
mod types;
mod versions;
mod volumes;

pub use address::Root;
pub use router::{VolumeApi, router};
