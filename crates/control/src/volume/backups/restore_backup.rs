//! Has a volume hold what a backup kept: one that is there, or a new one.

use super::create_backup::invalid_backup;
use super::{BackupVerbs, answered, keep, seen};
use crate::error::Error;
use crate::policy;
use crate::volume::access;
use crate::volume::create_volume;
use crate::volume::request::VolumeRequest;
use crate::volume::send::{self, Writing};
use crate::workflow::Order;
use hatchery_model::caller::Caller;
use hatchery_model::id::{BackupId, VolumeId};
use hatchery_model::volume::{Backup, BackupState, Volume, VolumeState, VolumeWork};
use hatchery_ports::store::UnitOfWork;

/// Where to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RestoreRequest {
    /// This volume. `None`: a new one.
    pub volume: Option<VolumeId>,
    /// The new one's name. `None`: `restore_backup_<id>`.
    pub name: Option<String>,
}

/// Where to it goes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Restored {
    /// The backup.
    pub backup: BackupId,
    /// The volume.
    pub volume: VolumeId,
    /// The volume's name.
    pub volume_name: Option<String>,
}

/// What a new volume is described as until it holds what the backup kept.
pub(super) const DESCRIPTION: &str = "auto-created_from_restore_from_backup";

/// The name of a new volume for which none is chosen, until it holds what the backup kept.
pub(super) fn name_of(backup: BackupId) -> String {
    format!("restore_backup_{backup}")
}

impl BackupVerbs {
    /// Has a volume hold what the backup kept, and zeros behind that. Needs `member` on a project that sees both.
    ///
    /// `NotFound`, `Denied`; `Invalid` unless both are available and the volume is large enough; `Exhausted` (quota of a new volume).
    pub async fn restore(
        &self,
        caller: &Caller,
        id: BackupId,
        request: RestoreRequest,
    ) -> Result<Restored, Error> {
        let action = "backup:restore";
        policy::writer_project(caller, action)?;
        let ports = &self.ports;
        let mut uow = ports.store.begin().await?;
        let mut backup = seen(&mut *uow, caller, id).await?;
        if backup.state != BackupState::Available {
            return Err(invalid_backup("Backup status must be available"));
        }
        let now = ports.clock.now();
        let writing = Writing { entropy: &*ports.entropy, now, request: &caller.request };
        let mut orders = Vec::new();
        let volume = match request.volume {
            Some(volume) => {
                let mut volume = access::changeable(&mut *uow, caller, volume, action).await?;
                check(&volume, &backup)?;
                volume.state = VolumeState::Restoring(id);
                send::keep(&mut *uow, &mut volume, now).await?;
                volume
            }
            None => {
                let (volume, order) =
                    self.new_volume(&mut *uow, writing, caller, &backup, request.name).await?;
                orders.extend(order);
                volume
            }
        };
        let restored = Restored { backup: id, volume: volume.id, volume_name: volume.name.clone() };
        // No backend takes it: its project has been told, and the backup stays as it is.
        if volume.backend.is_some() {
            let work = VolumeWork::Restore(volume.id, backup.kept_id());
            let order = send::ordered(backup.generation.next(), work, now);
            backup.state = BackupState::Restoring { volume: volume.id, order };
            keep(&mut *uow, &mut backup, now).await?;
            orders.extend(answered::send_backup(&mut *uow, writing, &backup).await?);
        }
        uow.commit().await?;
        ports.outgoing.hand_over(orders);
        Ok(restored)
    }

    /// An empty volume for it. The order to restore waits until it is there.
    async fn new_volume(
        &self,
        uow: &mut dyn UnitOfWork,
        writing: Writing<'_>,
        caller: &Caller,
        backup: &Backup,
        name: Option<String>,
    ) -> Result<(Volume, Vec<Order>), Error> {
        let project = policy::writer_project(caller, "volume:create")?;
        let request = VolumeRequest {
            name: Some(name.unwrap_or_else(|| name_of(backup.id))),
            description: Some(DESCRIPTION.to_owned()),
            size_gib: Some(backup.size_gib),
            ..VolumeRequest::default()
        };
        let settings = &self.ports.settings;
        // Where the store can be reached that has the backup.
        let near = Some(&backup.host);
        create_volume::make(uow, writing, settings, (caller, project), &request, near).await
    }
}

fn check(volume: &Volume, backup: &Backup) -> Result<(), Error> {
    if volume.state != VolumeState::Available {
        return Err(Error::Invalid(
            "Invalid volume: Volume to be restored to must be available".to_owned(),
        ));
    }
    if backup.size_gib > volume.size_gib {
        return Err(Error::Invalid(format!(
            "Invalid volume: volume size {} is too small to restore backup of size {}.",
            volume.size_gib, backup.size_gib
        )));
    }
    Ok(())
}
