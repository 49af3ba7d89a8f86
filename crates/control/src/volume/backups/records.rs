//! Records of backups: all that is needed to know a backup again whose row was lost, or to have it known to another cloud with the same store.

use super::create_backup::invalid_backup;
use super::{BackupVerbs, seen};
use crate::error::Error;
use crate::policy;
use hatchery_model::caller::Caller;
use hatchery_model::generation::Generation;
use hatchery_model::id::BackupId;
use hatchery_model::volume::{Backup, BackupState};
use hatchery_ports::store::UnitOfWork;

impl BackupVerbs {
    /// The backup as its record has it. Administrators only. `NotFound`; `Invalid` unless it is available.
    pub async fn export(&self, caller: &Caller, id: BackupId) -> Result<Backup, Error> {
        let mut uow = self.ports.store.read().await?;
        let mut backup = seen(&mut *uow, caller, id).await?;
        policy::admin(caller, "backup:export-import")?;
        if backup.state != BackupState::Available {
            return Err(invalid_backup(&format!(
                "Backup status must be available and not {}.",
                backup.state.status()
            )));
        }
        // Whatever id it gets where it is imported.
        backup.kept_as = Some(backup.kept_id());
        Ok(backup)
    }

    /// Writes the backup of a record down, for the caller's project. Administrators only. `Invalid` where there is one with its id. Whether the
    /// store has its bytes is found out when they are wanted.
    pub async fn import(&self, caller: &Caller, record: Backup) -> Result<Backup, Error> {
        policy::admin(caller, "backup:export-import")?;
        let project = policy::writer_project(caller, "backup:export-import")?;
        let ports = &self.ports;
        let mut uow = ports.store.begin().await?;
        if uow.backups().find(record.id).await?.is_some() {
            return Err(invalid_backup("Backup already exists in database."));
        }
        let now = ports.clock.now();
        let backup = Backup {
            generation: Generation::FIRST,
            project: project.clone(),
            user: caller.user.clone(),
            state: BackupState::Available,
            fail_reason: None,
            kept_as: record.kept_as.filter(|kept| *kept != record.id),
            created_at: now,
            updated_at: now,
            ..record
        };
        uow.backups().insert(&backup).await?;
        uow.commit().await?;
        Ok(backup)
    }
}

/// Whether another row is of the same bytes, which stay for it then.
pub(super) async fn is_shared(uow: &mut dyn UnitOfWork, backup: &Backup) -> Result<bool, Error> {
    let filter = hatchery_ports::store::BackupFilter {
        volume: Some(backup.volume),
        ..hatchery_ports::store::BackupFilter::default()
    };
    let all = uow.backups().list(&filter, &hatchery_model::page::Page::default()).await?;
    Ok(all.iter().any(|one| one.id != backup.id && one.kept_id() == backup.kept_id()))
}
