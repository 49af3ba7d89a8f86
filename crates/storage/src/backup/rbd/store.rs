//! The store.

use super::seal::BLOCK;
use super::{base, keep, record, restore};
use crate::rbd::removal::sweep;
use crate::rbd::{CephClient, CephSettings, RbdPool, Span};
use async_trait::async_trait;
use hatchery_model::id::BackupId;
use hatchery_model::units::Bytes;
use hatchery_model::volume::NewBackup;
use hatchery_ports::backup_store::{BackupError, BackupStore, KeptBackup};
use hatchery_ports::volume_backend::VolumeBytes;

/// More than this is not read at once, whatever is set.
const LONGEST: u64 = 16 << 20;

/// What an operator can set.
#[derive(Clone, Debug)]
pub struct RbdBackupSettings {
    /// `backup_ceph_conf` and `backup_ceph_user`.
    pub ceph: CephSettings,
    /// `backup_ceph_pool`.
    pub pool: String,
    /// `backup_ceph_chunk_size`: what is read and compared in one go; at most 16 MiB here.
    pub chunk: Bytes,
}

/// See the head of this module's `mod.rs`. Cheap to clone; connects when first used.
#[derive(Clone)]
pub struct RbdBackupStore {
    client: CephClient,
    pool: String,
    chunk: u64,
}

impl RbdBackupStore {
    /// Asks nobody yet.
    pub fn new(settings: RbdBackupSettings) -> Self {
        let chunk = settings.chunk.0.clamp(BLOCK, LONGEST) / BLOCK * BLOCK;
        Self { client: CephClient::of(settings.ceph), pool: settings.pool, chunk }
    }

    /// A whole number of blocks.
    pub(super) const fn chunk(&self) -> u64 {
        self.chunk
    }

    pub(super) async fn run<T, E>(
        &self,
        work: impl FnOnce(&RbdPool) -> Result<T, E> + Send + 'static,
    ) -> Result<T, BackupError>
    where
        T: Send + 'static,
        BackupError: From<E>,
    {
        let pool = self.pool.clone();
        let work = move |ceph: &crate::rbd::CephConnection| -> Result<T, BackupError> {
            Ok(work(&ceph.pool(&pool)?)?)
        };
        self.client.run(Span::Long, work).await
    }
}

fn remove(pool: &RbdPool, backup: BackupId) -> Result<(), BackupError> {
    let all = record::all(pool)?;
    if let Some(other) = all.iter().find(|one| one.parent == Some(backup)) {
        return Err(BackupError::Conflict(format!(
            "backup {} goes on from backup {backup}: delete that one first",
            other.backup
        )));
    }
    if let Some(own) = all.iter().find(|one| one.backup == backup) {
        let is_needed = all.iter().any(|one| one.backup != backup && one.image == own.image);
        match pool.find(&own.image)? {
            Some(found) if is_needed => {
                let name = record::snapshot(backup);
                let is_there = found.snapshots()?.iter().any(|one| one.name == name);
                drop(found);
                if is_there {
                    let image = pool.open(&own.image)?;
                    image.remove_snapshot(&name)?;
                    image.close()?;
                }
            }
            Some(_) => base::remove(pool, &own.image)?,
            None => {}
        }
        record::forget(pool, backup)?;
    }
    // What a full backup that was cut off has left.
    let end = record::image_end(backup);
    for left in pool.list()?.iter().filter(|one| one.name.ends_with(&end)) {
        base::remove(pool, &left.name)?;
    }
    Ok(())
}

#[async_trait]
impl BackupStore for RbdBackupStore {
    async fn keep(
        &self,
        new: &NewBackup,
        from: Box<dyn VolumeBytes>,
    ) -> Result<KeptBackup, BackupError> {
        keep::keep(self, new, from).await
    }

    async fn find(&self, backup: BackupId) -> Result<Option<KeptBackup>, BackupError> {
        let found = self.run(move |pool| record::whole(pool, backup)).await?;
        Ok(found.map(|record| record.kept()))
    }

    async fn restore(
        &self,
        backup: BackupId,
        into: Box<dyn VolumeBytes>,
    ) -> Result<Bytes, BackupError> {
        restore::restore(self, backup, into).await
    }

    async fn remove(&self, backup: BackupId) -> Result<(), BackupError> {
        self.run(move |pool| remove(pool, backup)).await
    }

    async fn list(&self) -> Result<Vec<BackupId>, BackupError> {
        self.run(|pool| {
            sweep(pool)?;
            let mut found: Vec<_> = record::all(pool)?.iter().map(|one| one.backup).collect();
            found.sort();
            Ok::<_, BackupError>(found)
        })
        .await
    }
}
