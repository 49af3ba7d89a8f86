//! Takes a volume that is offered.

use super::{KIND, TransferVerbs, invalid_volume};
use crate::error::Error;
use crate::policy;
use crate::volume::allowance::{self, More};
use crate::volume::send::{keep, keep_snapshot};
use crate::volume::settings::VolumeSettings;
use crate::volume::types::find_type;
use crate::volume::waiting::snapshots_of;
use hatchery_model::caller::Caller;
use hatchery_model::id::{ProjectId, TransferId};
use hatchery_model::timestamp::Timestamp;
use hatchery_model::volume::{Snapshot, SnapshotState, Transfer, Volume};
use hatchery_ports::store::UnitOfWork;

impl TransferVerbs {
    /// Makes the volume, and its snapshots unless they stay, the caller's project's. Needs `member` on a project.
    ///
    /// `NotFound`; `Invalid` for a wrong key, and where the volume or a snapshot is not in a state for it any more; `Exhausted` (quota of the
    /// caller's project): then everything is as before.
    pub async fn accept(
        &self,
        caller: &Caller,
        id: TransferId,
        auth_key: &str,
    ) -> Result<Transfer, Error> {
        let project = policy::writer_project(caller, "volume:accept_transfer")?;
        let ports = &self.ports;
        let offered = ports.store.read().await?.volume_transfers().find(id).await?;
        let offered = offered.ok_or_else(|| Error::not_found(KIND, id))?;
        let hash = Some(offered.key_hash.clone());
        if !self.keys.verify(auth_key.to_owned(), hash).await? {
            tracing::warn!(transfer.id = %id, project.id = %project, "an offer of a volume was asked for with a wrong key");
            return Err(Error::Invalid(format!(
                "Invalid auth key: Attempt to transfer {id} with invalid auth key."
            )));
        }
        let mut uow = ports.store.begin().await?;
        // It may have been taken back or accepted while the key was looked at.
        let found = uow.volume_transfers().find(id).await?;
        let transfer = found.ok_or_else(|| Error::not_found(KIND, id))?;
        let to = (caller, project);
        give(&mut *uow, &ports.settings, to, &transfer, ports.clock.now()).await?;
        uow.commit().await?;
        Ok(transfer)
    }
}

async fn give(
    uow: &mut dyn UnitOfWork,
    settings: &VolumeSettings,
    (caller, project): (&Caller, &ProjectId),
    transfer: &Transfer,
    now: Timestamp,
) -> Result<(), Error> {
    let found = uow.volumes().find(transfer.volume).await?;
    let mut volume = found.ok_or_else(|| Error::not_found("Volume", transfer.volume))?;
    volume.state = volume.state.not_offered().map_err(|_| {
        invalid_volume(&format!(
            "Transfer {}: Volume id {} expected in awaiting-transfer state.",
            transfer.id, transfer.volume
        ))
    })?;
    let mut snapshots = Vec::new();
    if !transfer.no_snapshots {
        snapshots = snapshots_of(uow, volume.id).await?;
        // One that another project kept at an earlier transfer stays with it.
        snapshots.retain(|one| one.project == transfer.project);
    }
    if let Some(busy) = snapshots.iter().find(|one| one.state != SnapshotState::Available) {
        return Err(Error::Invalid(format!(
            "Invalid snapshot: Transfer {}: Snapshot {} is not in the expected available state.",
            transfer.id, busy.id
        )));
    }
    if *project != volume.project {
        allow(uow, settings, project, (&volume, &snapshots)).await?;
    }
    for mut snapshot in snapshots {
        snapshot.project = project.clone();
        snapshot.user = caller.user.clone();
        keep_snapshot(uow, &mut snapshot, now).await?;
    }
    volume.project = project.clone();
    volume.user = caller.user.clone();
    keep(uow, &mut volume, now).await?;
    uow.volume_transfers().delete_of(volume.id).await?;
    Ok(())
}

/// Whether the project may have all that at once.
async fn allow(
    uow: &mut dyn UnitOfWork,
    settings: &VolumeSettings,
    project: &ProjectId,
    (volume, snapshots): (&Volume, &[Snapshot]),
) -> Result<(), Error> {
    allowance::check_size(uow, settings, project, volume.size_gib).await?;
    let volume_type = find_type(uow, volume.volume_type).await?;
    let mut gib = volume.size_gib;
    if !settings.no_snapshot_gb_quota {
        gib += snapshots.iter().map(|one| one.size_gib).sum::<u64>();
    }
    let snapshots = snapshots.len() as u64;
    let more = More { project, volume_type: &volume_type, volumes: 1, snapshots, gib };
    allowance::check(uow, settings, &more).await
}
