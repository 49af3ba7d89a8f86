//! Backups of volumes in a plain folder: `<folder>/<backup>/` holds `backup.json` (what it is), `blocks` (which block is where, with its
//! checksum) and `data`. A block that has not changed since the parent is named where it is, so that giving back never replays a chain. A
//! backup has its name when all of it is durable, and never changes then. Or, in `rbd/`, in a pool of Ceph.

mod error;
mod folder;
mod head;
mod keep;
mod rbd;
mod restore;
mod store;
mod table;

pub use rbd::{RbdBackupSettings, RbdBackupStore};
pub use store::{FolderBackupSettings, FolderBackupStore};
