//! What a backup is: a note of the pool. All of this blocks.

use super::super::folder::damaged;
use crate::rbd::{CephError, RbdPool};
use hatchery_model::id::{BackupId, VolumeId};
use hatchery_model::units::Bytes;
use hatchery_ports::backup_store::{BackupError, KeptBackup};
use serde::{Deserialize, Serialize};

const PREFIX: &str = "hatchery.backup.";
/// Of what is written here. Others are not understood.
const VERSION: u32 = 1;

/// See the head of this file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Record {
    version: u32,
    pub(super) backup: BackupId,
    pub(super) volume: VolumeId,
    pub(super) parent: Option<BackupId>,
    /// The image whose snapshot it is.
    pub(super) image: String,
    /// Of the volume, in bytes.
    pub(super) size: u64,
    /// Bytes that were written for it.
    pub(super) stored: u64,
    /// See `seal.rs`.
    pub(super) seal: String,
}

/// The image of a full backup. Cinder calls it so, too.
pub(super) fn image(volume: VolumeId, backup: BackupId) -> String {
    format!("volume-{volume}{}", image_end(backup))
}

pub(super) fn image_end(backup: BackupId) -> String {
    format!(".backup.{backup}")
}

pub(super) fn snapshot(backup: BackupId) -> String {
    format!("backup.{backup}.snap")
}

impl Record {
    pub(super) const fn new(
        (backup, volume, parent): (BackupId, VolumeId, Option<BackupId>),
        image: String,
        (size, stored): (u64, u64),
        seal: String,
    ) -> Self {
        Self { version: VERSION, backup, volume, parent, image, size, stored, seal }
    }

    pub(super) const fn kept(&self) -> KeptBackup {
        KeptBackup { size: Bytes(self.size), stored: Bytes(self.stored) }
    }

    pub(super) fn write(&self, pool: &RbdPool) -> Result<(), BackupError> {
        let text = serde_json::to_string(self).map_err(|error| BackupError::Unavailable {
            doing: "write what a backup is".to_owned(),
            source: error.into(),
        })?;
        Ok(pool.set_note(&key(self.backup), &text)?)
    }
}

fn key(backup: BackupId) -> String {
    format!("{PREFIX}{backup}")
}

fn parsed(backup: BackupId, text: &str) -> Result<Record, BackupError> {
    match serde_json::from_str::<Record>(text) {
        Ok(record) if record.version == VERSION && record.backup == backup => Ok(record),
        Ok(_) | Err(_) => Err(damaged(backup, "what the pool says of it is of another version")),
    }
}

/// `None` when there is no such backup.
pub(super) fn read(pool: &RbdPool, backup: BackupId) -> Result<Option<Record>, BackupError> {
    pool.note(&key(backup))?.map(|text| parsed(backup, &text)).transpose()
}

/// The same, and its bytes are there.
pub(super) fn whole(pool: &RbdPool, backup: BackupId) -> Result<Option<Record>, BackupError> {
    let Some(record) = read(pool, backup)? else { return Ok(None) };
    match pool.open_to_read(&record.image, Some(&snapshot(backup))) {
        Ok(_) => Ok(Some(record)),
        Err(error) if error.is_not_found() => Err(damaged(backup, "its snapshot has gone")),
        Err(error) => Err(error.into()),
    }
}

/// All of them.
pub(super) fn all(pool: &RbdPool) -> Result<Vec<Record>, BackupError> {
    let mut found = Vec::new();
    for (key, text) in pool.notes(PREFIX)? {
        if let Ok(backup) = key[PREFIX.len()..].parse::<BackupId>() {
            found.push(parsed(backup, &text)?);
        }
    }
    Ok(found)
}

pub(super) fn forget(pool: &RbdPool, backup: BackupId) -> Result<(), CephError> {
    pool.remove_note(&key(backup))
}
