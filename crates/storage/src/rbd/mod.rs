//! Ceph's block devices: a thin binding to librbd and librados, which are loaded when they are first used.
//!
//! One connection a cluster and user is kept open; every call of the libraries blocks, so they run on a bounded number of threads, and all
//! have a time-out. Not here: what images, volumes and snapshots are called, and when they are made.

mod admin_socket;
mod client;
mod connection;
mod error;
mod ffi;
mod image;
mod library;
mod login;
mod pool;
pub(crate) mod removal;
mod removal_lock;
mod resting;
mod watched;

pub use admin_socket::{CephAdminSocket, admin_sockets};
pub use client::{CephClient, CephSettings, CutOff, Span};
pub use connection::{CephConnection, PoolRoom};
pub use error::{CephError, Clash};
pub use image::{LinkedImage, OpenImage, RbdExtent, RbdSnapshot, RbdWatcher};
pub use login::CephKeyrings;
pub use pool::{NamedImage, RbdPool};
