//! Volumes that come from outside, and go there: what a backend's space holds under other names, taken for a volume, and a volume that the
//! backend forgets while its bytes stay; and the same of snapshots, where the backend knows any that it has not made itself.
//!
//! Contract. As that of [`VolumeBackend`](crate::volume_backend::VolumeBackend), whose other half this is: repeatable after a crash at any point.
//! What is refused stays under its name and as it is. Names come from administrators and lead nowhere but into the backend's own space. No format
//! is guessed: what the name says is believed only where the bytes agree, and nothing is taken that leads to other files.

use crate::volume_backend::VolumeError;
use async_trait::async_trait;
use hatchery_model::disk::BlockSource;
use hatchery_model::id::{SnapshotId, VolumeId};
use hatchery_model::units::Bytes;
use hatchery_model::volume::{Manageable, ManageableSnapshot};

/// See the head of this file.
#[async_trait]
pub trait VolumeAdoption: Send + Sync {
    /// Takes what the backend has under this name for the volume, which has the volume's name from then on. Says where it is, and its size. `Ok`
    /// with the same answer when it is done. `NotFound`; `Invalid` for a name or bytes that are not taken; `Conflict` while something has it open,
    /// or it is a volume's already.
    async fn manage(
        &self,
        volume: VolumeId,
        name: &str,
    ) -> Result<(BlockSource, Bytes), VolumeError>;

    /// Forgets the volume; its bytes stay, and lie on nothing else. `Ok` when there is none. `Conflict` while something has it open, or it has
    /// snapshots.
    async fn unmanage(&self, volume: VolumeId) -> Result<(), VolumeError>;

    /// What the backend's space holds that is a volume or could become one, by name.
    async fn manageable(&self) -> Result<Vec<Manageable>, VolumeError>;

    /// Takes the snapshot that the volume has under this name for this one, whose name it has from then on, whoever uses the volume. Says how large
    /// the volume was then. `Ok` with the same answer when it is done. `NotFound`; `Invalid` for a name that is not taken; `Unsupported` where
    /// volumes have no snapshots but the backend's own.
    async fn manage_snapshot(
        &self,
        volume: VolumeId,
        snapshot: SnapshotId,
        name: &str,
    ) -> Result<Bytes, VolumeError> {
        let _ = (snapshot, name);
        Err(no_foreign_snapshots(volume))
    }

    /// Forgets the snapshot, which stays and keeps its name; it is in nobody's way but the removal's of its volume. `Ok` when there is none.
    /// `Unsupported` as above.
    async fn unmanage_snapshot(
        &self,
        volume: VolumeId,
        snapshot: SnapshotId,
    ) -> Result<(), VolumeError> {
        let _ = snapshot;
        Err(no_foreign_snapshots(volume))
    }

    /// The snapshots of all that the backend's space holds, by what they are of and their names.
    async fn manageable_snapshots(&self) -> Result<Vec<ManageableSnapshot>, VolumeError> {
        Ok(Vec::new())
    }
}

fn no_foreign_snapshots(volume: VolumeId) -> VolumeError {
    VolumeError::Unsupported(format!(
        "the backend of volume {volume} has no snapshots but those that it makes itself, and cannot take or leave one: only backends in Ceph can"
    ))
}
