//! Where the disks of guests live.
//!
//! Contract. Called by the agent of the host. `create` executes the plan that it is given, and says which bytes it
//! moved; it may be repeated after a crash at any point, with the same result. `remove` leaves nothing, also of a `create` that
//! was cut off. Nothing on the path ever writes to a base.

use crate::volume_backend::VolumeBytes;
use async_trait::async_trait;
use hatchery_model::compute::RootDisk;
use hatchery_model::disk::BlockSource;
use hatchery_model::id::{DiskId, ImageId};
use hatchery_model::image::ImageFormat;
use hatchery_model::provision::{Rung, TargetFacts};
use hatchery_model::units::Bytes;

/// Why a disk could not be made or removed.
#[derive(Debug, thiserror::Error)]
pub enum DiskError {
    /// The image, the base or the disk is not there.
    #[error("{0}")]
    NotFound(String),
    /// What is there is not what was planned: plan again.
    #[error("{0}")]
    Conflict(String),
    /// No room.
    #[error("{0}")]
    Exhausted(String),
    /// The backend cannot do that at all.
    #[error("{0}")]
    Unsupported(String),
    /// The backend does not answer, or answers with an error that may pass.
    #[error("the disk backend cannot {doing}")]
    Unavailable {
        /// What was being done.
        doing: String,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
}

/// A disk that is there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CreatedDisk {
    /// Where its bytes are.
    pub source: BlockSource,
    /// The way that was taken.
    pub rung: Rung,
    /// Bytes of image data that were really copied (counted where they are written, not planned).
    pub bytes_copied: Bytes,
}

impl CreatedDisk {
    /// The format of what the disk lies on, as the disk names it.
    pub fn base_format(&self) -> Option<ImageFormat> {
        self.source.backing().map(BlockSource::format)
    }
}

/// See the head of this file.
#[async_trait]
pub trait DiskBackend: Send + Sync {
    /// What it can do here: facts, found by trial.
    async fn abilities(&self) -> Result<TargetFacts, DiskError>;

    /// Makes a root disk as planned. `Ok` with the same answer when it is there. A base that disks need in the image's own format stays
    /// in it, and the disk is laid on that one, although its raw form was planned: the answer's source says so.
    async fn create(&self, root: &RootDisk) -> Result<CreatedDisk, DiskError>;

    /// Where the bytes of a disk are that was made earlier.
    async fn find(&self, disk: &DiskId) -> Result<Option<BlockSource>, DiskError>;

    /// Removes a disk. `Ok` when there is none.
    async fn remove(&self, disk: &DiskId) -> Result<(), DiskError>;

    /// Has a base of an active image, so that the next `create` finds it; `Ok` when it is there. `NotFound`: there is nothing that it could be
    /// made of without copying.
    async fn seed_base(&self, image: ImageId) -> Result<(), DiskError>;

    /// Removes the base of an image if the image is gone and none of `in_use` needs it. Says whether it is gone now.
    async fn release_base(&self, image: ImageId, in_use: &[ImageId]) -> Result<bool, DiskError>;

    /// Readies what the disk holds now to be read as a whole; what an earlier try has left goes. `Some`: an empty file as large as the disk, into which
    /// the hypervisor of the guest that runs has to copy it. `None`: nothing more is needed. `NotFound`: there is no such disk.
    async fn begin_copy(&self, disk: &DiskId, runs: bool)
    -> Result<Option<BlockSource>, DiskError>;

    /// Opens what was made ready, to be read.
    async fn open_copy(&self, disk: &DiskId) -> Result<Box<dyn VolumeBytes>, DiskError>;

    /// Leaves nothing of what was made ready. `Ok` when there is nothing, or no such disk.
    async fn drop_copy(&self, disk: &DiskId) -> Result<(), DiskError>;

    /// Images that have a base here.
    async fn list_bases(&self) -> Result<Vec<ImageId>, DiskError>;
}
