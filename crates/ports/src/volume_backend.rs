//! Where volumes live.
//!
//! Contract. Called by the agent that serves the backend, one call at a time for one volume, any number for different ones; what is made of a
//! snapshot, or of a volume that holds an image, is made at the same time as others of the same. Several agents may serve one backend, and then
//! no two of them work on one volume. Every call may be repeated after a crash at any point, with
//! the same result: ids are the names of things, so a call that finds its work done says so. A call that fails leaves nothing of what it
//! made. Bytes of other volumes, and those of images, are never changed. A new volume holds its content and zeros behind it, whatever the
//! backend's space held before.

use crate::volume_adoption::VolumeAdoption;
use async_trait::async_trait;
use hatchery_model::disk::BlockSource;
use hatchery_model::id::{SnapshotId, VolumeId};
use hatchery_model::provision::Rung;
use hatchery_model::units::Bytes;
use hatchery_model::volume::{BackendReport, NewVolume};

/// Why the backend did not do it.
#[derive(Debug, thiserror::Error)]
pub enum VolumeError {
    /// The volume, the snapshot or the image is not there.
    #[error("{0}")]
    NotFound(String),
    /// What is there is not what was expected: in use, or of another size or origin.
    #[error("{0}")]
    Conflict(String),
    /// It can never work. The text is for the user.
    #[error("{0}")]
    Invalid(String),
    /// The backend does not let us. The text says what to do.
    #[error("{0}")]
    Denied(String),
    /// No room. The text is for the user.
    #[error("{0}")]
    Exhausted(String),
    /// The backend cannot do that at all.
    #[error("{0}")]
    Unsupported(String),
    /// The backend does not answer, or answers with an error that may pass.
    #[error("the volume backend cannot {doing}")]
    Unavailable {
        /// What was being done.
        doing: String,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
}

/// A volume that is there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CreatedVolume {
    /// Where its bytes are.
    pub source: BlockSource,
    /// The way that was taken, for one from an image.
    pub rung: Option<Rung>,
    /// Bytes that were really copied (counted where they are written, not planned).
    pub bytes_copied: Bytes,
}

/// What a backend holds, for the census.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Held {
    /// A volume.
    Volume(VolumeId),
    /// A snapshot of a volume.
    Snapshot(VolumeId, SnapshotId),
}

/// What is read or written as a whole: for uploads and backups.
#[async_trait]
pub trait VolumeBytes: Send {
    /// Its size.
    fn size(&self) -> Bytes;
    /// The next run at or after `offset` that may hold other bytes than zeros, as offset and length. `None`: only zeros follow.
    async fn next_data(&mut self, offset: u64) -> Result<Option<(u64, u64)>, VolumeError>;
    /// Reads `length` bytes, all within the size.
    async fn read(&mut self, offset: u64, length: u64) -> Result<bytes::Bytes, VolumeError>;
    /// Writes, all within the size. `Unsupported` on what was opened for reading.
    async fn write(&mut self, offset: u64, data: bytes::Bytes) -> Result<(), VolumeError>;
    /// Makes everything durable that was written, and lets go.
    async fn close(self: Box<Self>) -> Result<(), VolumeError>;
}

/// What to open.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Opened {
    /// A volume, to be read. What is written to it meanwhile may or may not be seen.
    Volume(VolumeId),
    /// A snapshot, to be read.
    Snapshot(VolumeId, SnapshotId),
    /// A volume that nobody uses, to be written.
    ForWriting(VolumeId),
    /// A volume that nobody uses, to be written anew: it holds zeros and what is written, from when it is closed. Until then it may hold what it
    /// held, or anything.
    Anew(VolumeId),
}

/// Snapshots of volumes that a guest has open, where the backend may not touch these and says `Conflict` to `snapshot`: the guest's hypervisor copies
/// what the volume holds into a file of the backend, which is the snapshot once it is whole. A backend that needs nobody's help has nothing to add.
#[async_trait]
pub trait CopiedSnapshots: Send + Sync {
    /// Readies an empty file as large as the volume; one of an earlier try goes. `None`: the snapshot is there. `Unsupported`: the backend makes its
    /// snapshots itself.
    async fn begin_copy(
        &self,
        volume: VolumeId,
        snapshot: SnapshotId,
    ) -> Result<Option<BlockSource>, VolumeError> {
        let _ = snapshot;
        Err(VolumeError::Unsupported(format!(
            "the backend of volume {volume} makes its snapshots itself"
        )))
    }

    /// The file is whole and closed: it is the snapshot. `Ok` when it was before. What is not kept goes with `remove_snapshot`.
    async fn keep_copy(&self, volume: VolumeId, snapshot: SnapshotId) -> Result<(), VolumeError> {
        let _ = snapshot;
        Err(VolumeError::Unsupported(format!(
            "the backend of volume {volume} makes its snapshots itself"
        )))
    }
}

/// See the head of this file.
#[async_trait]
pub trait VolumeBackend: VolumeAdoption + CopiedSnapshots {
    /// How the backend is now, and what it can do: facts, found by trial. Never fails: a backend that does not answer is reported as down.
    async fn report(&self) -> BackendReport;

    /// Makes a volume as ordered. `Ok` with the same answer when it is there.
    async fn create(&self, new: &NewVolume) -> Result<CreatedVolume, VolumeError>;

    /// Where the bytes of a volume are that was made earlier.
    async fn find(&self, volume: VolumeId) -> Result<Option<BlockSource>, VolumeError>;

    /// Removes a volume, and what a `create` that was cut off has left of it. `Ok` when there is none. What was made of it stays whole.
    /// `Conflict` while something has it open, or it has snapshots.
    async fn remove(&self, volume: VolumeId) -> Result<(), VolumeError>;

    /// Has it at least this large; zeros are behind what it held. Never shrinks. `Conflict` where a guest has it open and only the guest's
    /// hypervisor may make it larger; once that has been done, `Ok`.
    async fn extend(&self, volume: VolumeId, size: Bytes) -> Result<(), VolumeError>;

    /// Has a snapshot of what the volume holds now. `Ok` when it is there. `Some`: the volume's bytes are elsewhere from now on.
    async fn snapshot(
        &self,
        volume: VolumeId,
        snapshot: SnapshotId,
    ) -> Result<Option<BlockSource>, VolumeError>;

    /// Removes a snapshot. `Ok` when there is none. What was made of it stays whole.
    async fn remove_snapshot(
        &self,
        volume: VolumeId,
        snapshot: SnapshotId,
    ) -> Result<(), VolumeError>;

    /// Has the volume hold what it held at the snapshot, and keeps the snapshot. `Some`: the volume's bytes are elsewhere from now on.
    async fn revert(
        &self,
        volume: VolumeId,
        snapshot: SnapshotId,
    ) -> Result<Option<BlockSource>, VolumeError>;

    /// Opens what it holds.
    async fn open(&self, what: Opened) -> Result<Box<dyn VolumeBytes>, VolumeError>;

    /// All that it holds.
    async fn list(&self) -> Result<Vec<Held>, VolumeError>;

    /// Removes what nobody needs any more and no repeated call removes, such as what a removal has left for a client that was dying. Any number of
    /// hosts may do it at any time.
    async fn sweep(&self) -> Result<(), VolumeError> {
        Ok(())
    }
}
