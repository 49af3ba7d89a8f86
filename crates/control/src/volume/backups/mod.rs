//! The verbs of backups, and what the answers to their orders do. The order stands in the backup's row; the volume's row says only that it is
//! being backed up or restored.

mod answered;
mod create_backup;
mod delete_backup;
mod list_backups;
mod records;
mod restore_backup;
mod update_backup;

pub(crate) use answered::{backend_of, failed_backup, send_backup, taken, volume_made};
pub use create_backup::BackupRequest;
pub use list_backups::{BackupDetail, BackupQuery};
pub use restore_backup::{RestoreRequest, Restored};
pub use update_backup::BackupChanges;

use super::verbs::VolumePorts;
use crate::error::Error;
use crate::policy;
use hatchery_model::caller::Caller;
use hatchery_model::id::BackupId;
use hatchery_model::timestamp::Timestamp;
use hatchery_model::volume::Backup;
use hatchery_ports::store::UnitOfWork;

/// `/backups`
#[derive(Clone)]
pub struct BackupVerbs {
    ports: VolumePorts,
}

impl BackupVerbs {
    /// Joins verbs and ports.
    pub fn new(ports: VolumePorts) -> Self {
        Self { ports }
    }
}

/// The backup, if the caller may see it; `NotFound` otherwise.
async fn seen(uow: &mut dyn UnitOfWork, caller: &Caller, id: BackupId) -> Result<Backup, Error> {
    let found = uow.backups().find(id).await?;
    found
        .filter(|backup| policy::may_read(caller, &backup.project))
        .ok_or_else(|| Error::not_found("Backup", id))
}

/// The backup, if the caller may change it; `Denied` when they only may see it.
async fn changeable(
    uow: &mut dyn UnitOfWork,
    caller: &Caller,
    id: BackupId,
    action: &str,
) -> Result<Backup, Error> {
    let backup = seen(uow, caller, id).await?;
    policy::write(caller, &backup.project, action)?;
    Ok(backup)
}

/// Stores a backup that was read in this transaction, and keeps the copy fit to be stored again.
pub(crate) async fn keep(
    uow: &mut dyn UnitOfWork,
    backup: &mut Backup,
    now: Timestamp,
) -> Result<(), Error> {
    backup.updated_at = now;
    uow.backups().update(backup).await?;
    backup.generation = backup.generation.next();
    Ok(())
}
