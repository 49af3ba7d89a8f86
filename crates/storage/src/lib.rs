//! Plugs for bytes: the image store and the disk backends, on files.
//!
//! `image_store` receives and keeps images, `inspect` judges them while they arrive, `pool` gives them their further
//! names (the cache, the bases), `convert` makes raw forms, `disk` lays guests' disks on the bases, `volume` keeps volumes and `backup` their backups, and `qcow2` is the format, written and read in
//! process. Not here: who may do it, which disk a server gets (the planner), and how a hypervisor opens it.

mod backup;
mod convert;
mod disk;
mod durable;
mod ffi;
mod image_store;
pub mod inspect;
mod moving;
mod owner;
mod pool;
pub mod qcow2;
pub mod rbd;
mod volume;

pub use backup::{FolderBackupSettings, FolderBackupStore, RbdBackupSettings, RbdBackupStore};
pub use convert::{ConvertError, Converted, to_raw};
pub use disk::{FileDiskBackend, RbdDiskBackend, RbdDiskSettings};
pub use image_store::{FileImageStore, RbdImageStore, RbdImageStoreSettings, StoreImageMaker};
pub use moving::LiveTransfers;
pub use owner::{FileOwner, OwnerError};
pub use pool::{
    BaseRecord, DiskLeases, FilePool, Op, OtherFilesystem, PoolSettings, PoolWatch, Steps,
    base_name,
};
pub use volume::{
    FileVolumeBackend, FileVolumeSettings, RbdImageSource, RbdVolumeBackend, RbdVolumeSettings,
    ShareVolumeSettings,
};
