//! Volumes that come from outside, and go there: what a backend's space holds under other names, taken for a volume, and a volume that the
//! backend forgets while its bytes stay.
//!
//! Contract. As that of [`VolumeBackend`](crate::volume_backend::VolumeBackend), whose other half this is: repeatable after a crash at any point.
//! What is refused stays under its name and as it is. Names come from administrators and lead nowhere but into the backend's own space. No format
//! is guessed: what the name says is believed only where the bytes agree, and nothing is taken that leads to other files.

use crate::volume_backend::VolumeError;
use async_trait::async_trait;
use hatchery_model::disk::BlockSource;
use hatchery_model::id::VolumeId;
use hatchery_model::units::Bytes;
use hatchery_model::volume::Manageable;

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
}
