//! Orders about backups: bytes from a volume into the backup store and back.

use super::snapshot;
use super::work::{chain, failed, refused};
use crate::registry::Registry;
use hatchery_model::id::{BackupId, SnapshotId, VolumeId};
use hatchery_model::units::Bytes;
use hatchery_model::volume::{NewBackup, VolumeOutcome};
use hatchery_ports::backup_store::{BackupError, BackupStore, KeptBackup};
use hatchery_ports::volume_backend::{Opened, VolumeBackend, VolumeError};

/// Keeps what a volume or a snapshot holds.
pub(super) async fn make(
    guests: &Registry,
    backend: &dyn VolumeBackend,
    store: &dyn BackupStore,
    new: &NewBackup,
) -> VolumeOutcome {
    let kept = match (new.snapshot, new.live) {
        (Some(snapshot), _) => {
            keep(backend, store, new, Opened::Snapshot(new.volume, snapshot)).await
        }
        (None, false) => keep(backend, store, new, Opened::Volume(new.volume)).await,
        (None, true) => keep_live(guests, backend, store, new).await,
    };
    match kept {
        Ok(kept) => VolumeOutcome::Done { source: None, rung: None, bytes_copied: kept.stored },
        Err(error) => not_done(&error),
    }
}

/// Of a volume that is written to meanwhile: what is read is a snapshot, named as the backup is, that goes afterwards.
async fn keep_live(
    guests: &Registry,
    backend: &dyn VolumeBackend,
    store: &dyn BackupStore,
    new: &NewBackup,
) -> Result<KeptBackup, BackupError> {
    let (volume, passing) = (new.volume, SnapshotId(new.backup.0));
    if let Some(kept) = store.find(new.backup).await? {
        backend.remove_snapshot(volume, passing).await?;
        return Ok(kept);
    }
    snapshot::take(guests, backend, volume, passing).await?;
    let kept = keep(backend, store, new, Opened::Snapshot(volume, passing)).await;
    // Also after a failure, which is the news then.
    let removed = backend.remove_snapshot(volume, passing).await;
    let kept = kept?;
    removed?;
    Ok(kept)
}

async fn keep(
    backend: &dyn VolumeBackend,
    store: &dyn BackupStore,
    new: &NewBackup,
    what: Opened,
) -> Result<KeptBackup, BackupError> {
    match store.find(new.backup).await? {
        // As it was when it was made: the volume may hold something else by now.
        Some(kept) => Ok(kept),
        None => store.keep(new, backend.open(what).await?).await,
    }
}

/// Has the volume hold what the backup kept, and zeros behind that.
pub(super) async fn restore(
    backend: &dyn VolumeBackend,
    store: &dyn BackupStore,
    volume: VolumeId,
    backup: BackupId,
) -> VolumeOutcome {
    match give_back(backend, store, volume, backup).await {
        Ok((source, bytes_copied)) => VolumeOutcome::Done { source, rung: None, bytes_copied },
        Err(error) => not_done(&error),
    }
}

async fn give_back(
    backend: &dyn VolumeBackend,
    store: &dyn BackupStore,
    volume: VolumeId,
    backup: BackupId,
) -> Result<(Option<hatchery_model::disk::BlockSource>, Bytes), BackupError> {
    // Before the volume is touched: a backup that is not whole costs nothing.
    let kept = store.find(backup).await?;
    let kept = kept.ok_or_else(|| {
        BackupError::NotFound(format!("backup {backup} is not in this host's backup store"))
    })?;
    let room = backend.open(Opened::Volume(volume)).await?.size();
    if room < kept.size {
        return Err(VolumeError::Invalid(format!(
            "backup {backup} is of a volume of {}, and volume {volume} has {room}: choose a larger one",
            kept.size
        ))
        .into());
    }
    let into = backend.open(Opened::Anew(volume)).await?;
    let written = store.restore(backup, into).await?;
    // Written anew, a volume may lie elsewhere.
    Ok((backend.find(volume).await?, written))
}

/// Leaves nothing of a backup.
pub(super) async fn remove(store: &dyn BackupStore, backup: BackupId) -> VolumeOutcome {
    match store.remove(backup).await {
        Ok(()) => VolumeOutcome::Done { source: None, rung: None, bytes_copied: Bytes(0) },
        Err(error) => not_done(&error),
    }
}

/// The answer of an agent that has no backup store.
pub(super) fn no_store(host: &str) -> VolumeOutcome {
    refused(format!("The agent of host {host} has no backup store: set backup_driver there."))
}

fn not_done(error: &BackupError) -> VolumeOutcome {
    match error {
        BackupError::Volume(error) => failed(error),
        // Written for the user.
        BackupError::NotFound(_)
        | BackupError::Conflict(_)
        | BackupError::Invalid(_)
        | BackupError::Denied(_)
        | BackupError::Exhausted(_) => refused(error.to_string()),
        BackupError::Unavailable { .. } => VolumeOutcome::Failed {
            message: format!("{error} now: try again later"),
            details: chain(error),
            leaves: false,
        },
    }
}
