//! The store.

use super::error::failed;
use super::folder::Folder;
use super::keep::{self, blocking};
use super::restore;
use async_trait::async_trait;
use hatchery_model::id::BackupId;
use hatchery_model::units::Bytes;
use hatchery_model::volume::NewBackup;
use hatchery_ports::backup_store::{BackupError, BackupStore, KeptBackup};
use hatchery_ports::volume_backend::VolumeBytes;
use std::path::PathBuf;

/// What an operator can set.
#[derive(Clone, Debug)]
pub struct FolderBackupSettings {
    /// `backup_posix_path`: where backups are kept. Shared by the agents that are to restore each other's.
    pub folder: PathBuf,
    /// `backup_sha_block_size_bytes`: what is compared with the parent as a whole. At least 512 and at most 64 MiB.
    pub block: Bytes,
}

/// See the head of this module's `mod.rs`. Cheap to clone.
#[derive(Clone, Debug)]
pub struct FolderBackupStore {
    folder: Folder,
    block: u64,
}

impl FolderBackupStore {
    /// Makes the folder if it is missing. `Invalid` where the settings make no sense.
    pub fn open(settings: &FolderBackupSettings) -> Result<Self, BackupError> {
        let block = settings.block.0;
        if !(512..=64 << 20).contains(&block) {
            return Err(BackupError::Invalid(format!(
                "backup_sha_block_size_bytes is {block}: choose 512 to 67108864"
            )));
        }
        let folder = Folder::open(&settings.folder).map_err(failed("make its folder"))?;
        Ok(Self { folder, block })
    }
}

#[async_trait]
impl BackupStore for FolderBackupStore {
    async fn keep(
        &self,
        new: &NewBackup,
        from: Box<dyn VolumeBytes>,
    ) -> Result<KeptBackup, BackupError> {
        keep::keep(&self.folder, new, self.block, from).await
    }

    async fn find(&self, backup: BackupId) -> Result<Option<KeptBackup>, BackupError> {
        let folder = self.folder.clone();
        let found = blocking("look for a backup", move || folder.whole(backup)).await?;
        Ok(found.map(|head| head.kept()))
    }

    async fn restore(
        &self,
        backup: BackupId,
        into: Box<dyn VolumeBytes>,
    ) -> Result<Bytes, BackupError> {
        restore::restore(&self.folder, backup, into).await
    }

    async fn remove(&self, backup: BackupId) -> Result<(), BackupError> {
        let folder = self.folder.clone();
        blocking("remove a backup", move || folder.remove(backup)).await
    }

    async fn list(&self) -> Result<Vec<BackupId>, BackupError> {
        let folder = self.folder.clone();
        blocking("list its backups", move || folder.list()).await
    }
}
