//! Where backups of volumes are kept.
//!
//! Contract. Called by agents; calls about backups of one volume come one at a time, others at any time. Every call may be repeated after a
//! crash at any point, with the same result. A call that fails leaves nothing of what it made. What is given back is what was kept, or an
//! error: every block is compared with its checksum before it is written anywhere.

use crate::volume_backend::{VolumeBytes, VolumeError};
use async_trait::async_trait;
use hatchery_model::id::BackupId;
use hatchery_model::units::Bytes;
use hatchery_model::volume::NewBackup;

/// Why the store did not do it.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The backup, or one that it goes on from, is not there.
    #[error("{0}")]
    NotFound(String),
    /// Others go on from it, or it was made in another way than is wanted now.
    #[error("{0}")]
    Conflict(String),
    /// What is kept is damaged, or does not fit.
    #[error("{0}")]
    Invalid(String),
    /// The system does not let us. The text says what to do.
    #[error("{0}")]
    Denied(String),
    /// No room. The text is for the user.
    #[error("{0}")]
    Exhausted(String),
    /// An error that may pass.
    #[error("the backup store cannot {doing}")]
    Unavailable {
        /// What was being done.
        doing: String,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The volume's backend did not do its part.
    #[error(transparent)]
    Volume(#[from] VolumeError),
}

/// A backup that is there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeptBackup {
    /// Size of the volume that it is of.
    pub size: Bytes,
    /// Bytes that are kept for it, without those of the backups that it goes on from.
    pub stored: Bytes,
}

/// See the head of this file.
#[async_trait]
pub trait BackupStore: Send + Sync {
    /// Keeps what is read. `Ok` with the same answer when it is there. One that goes on from another keeps only the blocks that differ, by
    /// their checksums. `NotFound` when that one is not there.
    async fn keep(
        &self,
        new: &NewBackup,
        from: Box<dyn VolumeBytes>,
    ) -> Result<KeptBackup, BackupError>;

    /// What is kept, if all of it is there: also what it needs of the backups that it goes on from. Their bytes are not read.
    async fn find(&self, backup: BackupId) -> Result<Option<KeptBackup>, BackupError>;

    /// Writes what was kept, and closes. `into` holds zeros. On an error it is dropped without being closed.
    async fn restore(
        &self,
        backup: BackupId,
        into: Box<dyn VolumeBytes>,
    ) -> Result<Bytes, BackupError>;

    /// Removes a backup, and what a `keep` that was cut off has left of it. `Ok` when there is none. `Conflict` while others go on from it.
    async fn remove(&self, backup: BackupId) -> Result<(), BackupError>;

    /// All that it keeps, for the census.
    async fn list(&self) -> Result<Vec<BackupId>, BackupError>;
}
