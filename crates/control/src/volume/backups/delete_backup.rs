//! Promises that a backup goes.

use super::create_backup::invalid_backup;
use super::{BackupVerbs, answered, changeable, keep, records};
use crate::error::Error;
use crate::policy;
use crate::volume::send::{self, Writing};
use hatchery_model::caller::Caller;
use hatchery_model::id::BackupId;
use hatchery_model::page::Page;
use hatchery_model::volume::{BackupState, VolumeWork};
use hatchery_ports::store::BackupFilter;

impl BackupVerbs {
    /// Promises that the backup goes. Needs `member` on its project; `force` (whatever its state) needs `admin`.
    ///
    /// `NotFound`, `Denied`; `Invalid` where its state does not allow it, or others go on from it.
    pub async fn delete(&self, caller: &Caller, id: BackupId, force: bool) -> Result<(), Error> {
        let ports = &self.ports;
        let mut uow = ports.store.begin().await?;
        let mut backup = changeable(&mut *uow, caller, id, "backup:delete").await?;
        if force {
            policy::admin(caller, "volume_extension:backup_admin_actions:force_delete")?;
        } else if !backup.state.may_be_deleted() {
            return Err(invalid_backup("Backup status must be available or error"));
        }
        let children = BackupFilter { parent: Some(id), ..BackupFilter::default() };
        let one = Page { limit: Some(1), ..Page::default() };
        if !uow.backups().list(&children, &one).await?.is_empty() {
            return Err(invalid_backup("Incremental backups exist for this backup."));
        }
        let now = ports.clock.now();
        answered::let_go(&mut *uow, &backup, now).await?;
        if records::is_shared(&mut *uow, &backup).await? {
            uow.backups().delete(id).await?;
            return Ok(uow.commit().await?);
        }
        let work = VolumeWork::RemoveBackup(backup.volume, backup.kept_id());
        backup.state = BackupState::Deleting(send::ordered(backup.generation.next(), work, now));
        keep(&mut *uow, &mut backup, now).await?;
        let writing = Writing { entropy: &*ports.entropy, now, request: &caller.request };
        let order = answered::send_backup(&mut *uow, writing, &backup).await?;
        uow.commit().await?;
        ports.outgoing.hand_over(order);
        Ok(())
    }
}
