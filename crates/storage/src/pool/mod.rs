//! The pool: which name means what, and how a file gets a further name.

mod base_name;
mod disk_leases;
mod keep;
mod layout;
mod link;
mod record;
mod trial;
mod watch;

pub use base_name::base_name;
pub(crate) use base_name::hex;
pub use disk_leases::DiskLeases;
pub use keep::{FilePool, Op, OtherFilesystem, PoolSettings, Steps};
pub(crate) use layout::{Instances, Pool, is_plain_name};
pub(crate) use link::{LINK_PREFIX, link, temporary_link};
pub use record::BaseRecord;
pub(crate) use record::temporary_record;
pub(crate) use trial::{free_bytes, sweep_trials, try_hard_link, try_reflink};
pub use watch::PoolWatch;
