//! What the answers to orders about backups do to the rows, and when the orders leave.

use super::{keep, restore_backup};
use crate::error::Error;
use crate::volume::answer::Ground;
use crate::volume::bind;
use crate::volume::send::{self, Writing};
use crate::workflow::Order;
use hatchery_model::id::BackupId;
use hatchery_model::page::Page;
use hatchery_model::timestamp::Timestamp;
use hatchery_model::volume::{
    BackendName, Backup, BackupState, NotThen, Volume, VolumeNews, VolumeOutcome, VolumeState,
    VolumeSubject,
};
use hatchery_ports::store::{BackupFilter, UnitOfWork};

/// Writes an answer down. `None`: no row waits for it; else the orders that can leave now.
pub(crate) async fn taken(
    uow: &mut dyn UnitOfWork,
    ground: Ground<'_>,
    (id, news): (BackupId, &VolumeNews),
) -> Result<Option<Vec<Order>>, Error> {
    let found = uow.backups().find(id).await?;
    let waits =
        |backup: &Backup| backup.state.ordered().is_some_and(|order| order.is_answered_by(news));
    let Some(mut backup) = found.filter(waits) else { return Ok(None) };
    let (source, stored) = match &news.outcome {
        VolumeOutcome::Done { source, bytes_copied, .. } => (source.clone(), *bytes_copied),
        // Nobody orders that of a backup.
        VolumeOutcome::Uploaded { .. }
        | VolumeOutcome::Managed { .. }
        | VolumeOutcome::ManagedSnapshot { .. } => return Ok(None),
        VolumeOutcome::Failed { message, details, .. } => {
            tracing::warn!(backup.id = %id, work = news.work, message, details, "an order about a backup has failed");
            failed_backup(uow, ground, backup, message).await?;
            return Ok(Some(Vec::new()));
        }
    };
    let now = ground.writing.now;
    let before = backup.state.clone();
    let Some(state) = backup.state.done().map_err(illegal)? else {
        uow.backups().delete(id).await?;
        return Ok(Some(Vec::new()));
    };
    backup.state = state;
    if let BackupState::Creating(_) = before {
        (backup.stored, backup.fail_reason) = (stored, None);
    }
    keep(uow, &mut backup, now).await?;
    if let Some(mut volume) = busy_with(uow, &backup, &before).await? {
        let attachments = uow.attachments().list(None, Some(volume.id), None).await?;
        if let Some(state) = volume.state.clone().done().map_err(illegal)? {
            volume.state = bind::rested(state, &attachments);
        }
        if let Some(source) = source {
            volume.source = Some(source);
        }
        if let BackupState::Restoring { .. } = before {
            restored(&mut volume, &backup);
        }
        send::keep(uow, &mut volume, now).await?;
    }
    Ok(Some(Vec::new()))
}

/// The volume is what the backup's was, also in name where nobody has chosen another one.
fn restored(volume: &mut Volume, backup: &Backup) {
    let of = backup.of.clone();
    if volume.name == Some(restore_backup::name_of(backup.id)) {
        volume.name = of.name.or(volume.name.take());
    }
    if volume.description.as_deref() == Some(restore_backup::DESCRIPTION) {
        volume.description = of.description.or(volume.description.take());
    }
    volume.metadata.extend(of.metadata);
    volume.image_metadata.extend(of.image_metadata);
    volume.bootable |= of.bootable;
}

/// The backup's order could not be carried out, or nobody is there who could.
pub(crate) async fn failed_backup(
    uow: &mut dyn UnitOfWork,
    ground: Ground<'_>,
    mut backup: Backup,
    message: &str,
) -> Result<(), Error> {
    let now = ground.writing.now;
    let_go(uow, &backup, now).await?;
    backup.state = backup.state.failed().map_err(illegal)?;
    backup.fail_reason = Some(message.to_owned());
    keep(uow, &mut backup, now).await
}

/// The volume that the backup keeps busy is busy no more, and holds nothing that anybody vouches for if it was being restored. For whoever ends what
/// the backup waits for in another way than by its answer, which finds nobody then.
pub(super) async fn let_go(
    uow: &mut dyn UnitOfWork,
    backup: &Backup,
    now: Timestamp,
) -> Result<(), Error> {
    let Some(mut volume) = busy_with(uow, backup, &backup.state).await? else {
        return Ok(());
    };
    let attachments = uow.attachments().list(None, Some(volume.id), None).await?;
    volume.state = bind::rested(volume.state.failed().map_err(illegal)?, &attachments);
    send::keep(uow, &mut volume, now).await
}

/// The volume that says it is busy with this backup.
async fn busy_with(
    uow: &mut dyn UnitOfWork,
    backup: &Backup,
    state: &BackupState,
) -> Result<Option<Volume>, Error> {
    let id = match state {
        BackupState::Creating(_) => backup.volume,
        BackupState::Restoring { volume, .. } => *volume,
        BackupState::Available
        | BackupState::Deleting(_)
        | BackupState::Failed
        | BackupState::NotDeleted => return Ok(None),
    };
    let is_busy = |volume: &Volume| match &volume.state {
        VolumeState::BackingUp { backup: with, .. } | VolumeState::Restoring(with) => {
            *with == backup.id
        }
        VolumeState::Creating(_)
        | VolumeState::Available
        | VolumeState::Reserved
        | VolumeState::Attaching
        | VolumeState::InUse
        | VolumeState::Detaching
        | VolumeState::Extending { .. }
        | VolumeState::Uploading { .. }
        | VolumeState::Reverting { .. }
        | VolumeState::Deleting(_)
        | VolumeState::Moving(_)
        | VolumeState::Managing(_)
        | VolumeState::Unmanaging(_)
        | VolumeState::SaidCreating
        | VolumeState::SaidDeleting
        | VolumeState::NotManaged
        | VolumeState::Failed
        | VolumeState::NotDeleted
        | VolumeState::NotExtended
        | VolumeState::NotReverted
        | VolumeState::Maintenance
        | VolumeState::AwaitingTransfer => false,
    };
    Ok(uow.volumes().find(id).await?.filter(is_busy))
}

/// Sends the backup's order, unless it has to wait for its volume to be made.
pub(crate) async fn send_backup(
    uow: &mut dyn UnitOfWork,
    writing: Writing<'_>,
    backup: &Backup,
) -> Result<Option<Order>, Error> {
    let Some(ordered) = backup.state.ordered() else { return Ok(None) };
    let Some(backend) = backend_of(uow, backup).await? else { return Ok(None) };
    if let BackupState::Restoring { volume, .. } = &backup.state {
        let volume = uow.volumes().find(*volume).await?;
        if volume.is_none_or(|volume| volume.state != VolumeState::Restoring(backup.id)) {
            return Ok(None);
        }
    }
    let subject = VolumeSubject::Backup(backup.id);
    send::send(uow, writing, &backend, subject, ordered).await.map(Some)
}

/// Whose order it is. `None`: the volume that it is to be restored to is gone.
pub(crate) async fn backend_of(
    uow: &mut dyn UnitOfWork,
    backup: &Backup,
) -> Result<Option<BackendName>, Error> {
    let of = match &backup.state {
        BackupState::Restoring { volume, .. } => *volume,
        BackupState::Creating(_)
        | BackupState::Available
        | BackupState::Deleting(_)
        | BackupState::Failed
        | BackupState::NotDeleted => {
            return Ok(Some(BackendName {
                host: backup.host.clone(),
                backend: backup.backend.clone(),
                pool: String::new(),
            }));
        }
    };
    Ok(uow.volumes().find(of).await?.and_then(|volume| volume.backend))
}

/// A volume has been made, or could not be: a backup may have waited to be restored to it. Says what can leave now.
pub(crate) async fn volume_made(
    uow: &mut dyn UnitOfWork,
    ground: Ground<'_>,
    volume: &mut Volume,
) -> Result<Option<Order>, Error> {
    let filter = BackupFilter { statuses: vec!["restoring".into()], ..BackupFilter::default() };
    let restoring = uow.backups().list(&filter, &Page::default()).await?;
    let waits = |backup: &Backup| matches!(&backup.state, BackupState::Restoring { volume: to, .. } if *to == volume.id);
    let Some(backup) = restoring.into_iter().find(waits) else { return Ok(None) };
    if volume.state != VolumeState::Available {
        let why =
            format!("Volume {}, to which it was to be restored, could not be made.", volume.id);
        failed_backup(uow, ground, backup, &why).await?;
        return Ok(None);
    }
    volume.state = VolumeState::Restoring(backup.id);
    send::keep(uow, volume, ground.writing.now).await?;
    send_backup(uow, ground.writing, &backup).await
}

/// A row that waits for an order always takes its answer.
fn illegal(error: NotThen) -> Error {
    Error::Internal { source: Box::new(error) }
}
