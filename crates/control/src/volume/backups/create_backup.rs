//! Has a backup made of a volume.

use super::{BackupVerbs, answered};
use crate::error::Error;
use crate::policy;
use crate::volume::limits::find_limits;
use crate::volume::send::{self, Writing};
use crate::volume::settings::VolumeSettings;
use crate::volume::{access, pairs};
use hatchery_model::caller::Caller;
use hatchery_model::generation::Generation;
use hatchery_model::id::{BackupId, HostName, ProjectId, SnapshotId, VolumeId};
use hatchery_model::page::Page;
use hatchery_model::timestamp::Timestamp;
use hatchery_model::units::Bytes;
use hatchery_model::volume::{
    BackedUp, BackendName, Backup, BackupState, NewBackup, Snapshot, SnapshotState, Volume,
    VolumeState, VolumeWork,
};
use hatchery_ports::entropy::random_uuid;
use hatchery_ports::store::{BackupFilter, UnitOfWork};
use std::collections::BTreeMap;

/// A request for a backup.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BackupRequest {
    /// Of which volume.
    pub volume: VolumeId,
    /// Of which of its snapshots. `None`: of what it holds now.
    pub snapshot: Option<SnapshotId>,
    /// Need not be unique.
    pub name: Option<String>,
    /// Free text.
    pub description: Option<String>,
    /// A name for the place. Kept and shown.
    pub container: Option<String>,
    /// Its zone. `None`: the one of the store.
    pub availability_zone: Option<String>,
    /// Free pairs.
    pub metadata: BTreeMap<String, String>,
    /// Goes on from the newest backup of the volume.
    pub incremental: bool,
    /// Also while servers use the volume.
    pub force: bool,
}

impl BackupVerbs {
    /// A new backup, `creating`, and ordered. Needs `member` on the volume's project.
    ///
    /// `NotFound`, `Denied`; `Invalid` where the volume's or the snapshot's state does not allow it, or there is nothing to go on from;
    /// `Exhausted` (quota).
    pub async fn create(&self, caller: &Caller, request: BackupRequest) -> Result<Backup, Error> {
        let action = "backup:create";
        let project = policy::writer_project(caller, action)?;
        let ports = &self.ports;
        let mut uow = ports.store.begin().await?;
        let mut volume = access::changeable(&mut *uow, caller, request.volume, action).await?;
        let snapshot = match request.snapshot {
            Some(id) => Some(access::seen_snapshot(&mut *uow, caller, id).await?),
            None => None,
        };
        check(&volume, snapshot.as_ref(), request.force)?;
        pairs::check(&request.metadata)?;
        let Some(backend) = volume.backend.clone() else {
            return Err(invalid_volume(
                "Volume to be backed up has not been scheduled to any host.",
            ));
        };
        let now = ports.clock.now();
        let (size_gib, data_at) = match &snapshot {
            Some(snapshot) => (snapshot.size_gib, snapshot.created_at),
            None => (volume.size_gib, now),
        };
        allow(&mut *uow, &ports.settings, project, size_gib).await?;
        let parent = if request.incremental {
            Some(newest(&mut *uow, &volume, &backend.host, data_at).await?)
        } else {
            None
        };
        let id = BackupId(random_uuid(&*ports.entropy));
        let attached = volume.state == VolumeState::InUse;
        let new = NewBackup {
            backup: id,
            volume: volume.id,
            snapshot: request.snapshot,
            parent: parent.map(|(_, kept)| kept),
            live: attached,
        };
        let work = VolumeWork::Backup(Box::new(new));
        let state = BackupState::Creating(send::ordered(Generation::FIRST, work, now));
        let zone = &ports.settings.storage_availability_zone;
        let snapshot = request.snapshot;
        let backup = row((id, caller, project), &backend, request, zone, (state, now));
        let of = BackedUp {
            name: volume.name.clone(),
            description: volume.description.clone(),
            metadata: volume.metadata.clone(),
            bootable: volume.bootable,
            image_metadata: volume.image_metadata.clone(),
        };
        let parent = parent.map(|(id, _)| id);
        let backup = Backup { parent, size_gib, data_at, of, ..backup };
        uow.backups().insert(&backup).await?;
        if snapshot.is_none() {
            volume.state = VolumeState::BackingUp { backup: id, attached };
            send::keep(&mut *uow, &mut volume, now).await?;
        }
        let writing = Writing { entropy: &*ports.entropy, now, request: &caller.request };
        let order = answered::send_backup(&mut *uow, writing, &backup).await?;
        uow.commit().await?;
        ports.outgoing.hand_over(order);
        Ok(backup)
    }
}

/// A row of what the volume holds now, standing alone; its size is not known here.
fn row(
    (id, caller, project): (BackupId, &Caller, &ProjectId),
    backend: &BackendName,
    request: BackupRequest,
    zone: &str,
    (state, now): (BackupState, Timestamp),
) -> Backup {
    Backup {
        id,
        generation: Generation::FIRST,
        project: project.clone(),
        user: caller.user.clone(),
        volume: request.volume,
        snapshot: request.snapshot,
        parent: None,
        name: request.name,
        description: request.description,
        container: request.container,
        availability_zone: request.availability_zone.unwrap_or_else(|| zone.to_owned()),
        size_gib: 0,
        metadata: request.metadata,
        state,
        fail_reason: None,
        host: backend.host.clone(),
        backend: backend.backend.clone(),
        stored: Bytes(0),
        data_at: now,
        kept_as: None,
        of: BackedUp::default(),
        created_at: now,
        updated_at: now,
    }
}

fn invalid_volume(text: &str) -> Error {
    Error::Invalid(format!("Invalid volume: {text}"))
}

pub(super) fn invalid_backup(text: &str) -> Error {
    Error::Invalid(format!("Invalid backup: {text}"))
}

fn check(volume: &Volume, snapshot: Option<&Snapshot>, force: bool) -> Result<(), Error> {
    let state = &volume.state;
    if !matches!(state, VolumeState::Available | VolumeState::InUse) {
        return Err(invalid_volume(&format!(
            "Volume to be backed up must be available or in-use, but the current status is \"{}\".",
            state.status()
        )));
    }
    match snapshot {
        None if *state == VolumeState::InUse && !force => {
            Err(invalid_volume("Backing up an in-use volume must use the force flag."))
        }
        None => Ok(()),
        Some(snapshot) if snapshot.volume != volume.id => Err(Error::Invalid(format!(
            "Invalid snapshot: Snapshot {} is not of volume {}.",
            snapshot.id, volume.id
        ))),
        Some(snapshot) if snapshot.state != SnapshotState::Available => {
            Err(Error::Invalid(format!(
                "Invalid snapshot: Snapshot to be backed up must be available, but the current status is \"{}\".",
                snapshot.state.status()
            )))
        }
        Some(_) => Ok(()),
    }
}

async fn allow(
    uow: &mut dyn UnitOfWork,
    settings: &VolumeSettings,
    project: &ProjectId,
    gib: u64,
) -> Result<(), Error> {
    let quota = find_limits(uow, settings, project).await?.quota;
    let had = uow.backups().usage(project).await?;
    let over = |limit: i64, wanted: u64| u64::try_from(limit).is_ok_and(|limit| wanted > limit);
    if over(quota.backup_gigabytes, had.gib + gib) {
        return Err(Error::Exhausted(format!(
            "Requested backup exceeds allowed Backup gigabytes quota. Requested {gib}G, quota is {}G and {}G has been consumed.",
            quota.backup_gigabytes, had.gib
        )));
    }
    if over(quota.backups, had.backups + 1) {
        return Err(Error::Exhausted(format!(
            "Maximum number of backups allowed ({}) exceeded",
            quota.backups
        )));
    }
    Ok(())
}

/// The newest backup of the volume that this one can go on from: older than what it is of, and in the same store. With the id that it has there.
async fn newest(
    uow: &mut dyn UnitOfWork,
    volume: &Volume,
    host: &HostName,
    before: Timestamp,
) -> Result<(BackupId, BackupId), Error> {
    let filter = BackupFilter { volume: Some(volume.id), ..BackupFilter::default() };
    let all = uow.backups().list(&filter, &Page::default()).await?;
    let fits = |backup: &&Backup| {
        backup.state == BackupState::Available && backup.host == *host && backup.data_at < before
    };
    let newest = all.iter().filter(fits).max_by_key(|backup| backup.data_at);
    let newest = newest
        .ok_or_else(|| invalid_backup("No backups available to do an incremental backup."))?;
    Ok((newest.id, newest.kept_id()))
}
