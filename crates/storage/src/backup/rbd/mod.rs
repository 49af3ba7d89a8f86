//! Backups in a pool of Ceph. A full backup is an image of its own; what goes on from it is a later snapshot of that image, for which only the
//! blocks were written that had changed. A record in the pool's metadata is written last, and stands for the whole backup.

mod base;
mod error;
mod keep;
mod record;
mod restore;
mod seal;
mod store;

pub use store::{RbdBackupSettings, RbdBackupStore};
