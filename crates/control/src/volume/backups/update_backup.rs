//! Changes what is written on a backup, or, by an administrator's word, what it is said to be.

use super::create_backup::invalid_backup;
use super::{BackupVerbs, answered, changeable, keep};
use crate::error::Error;
use crate::policy;
use crate::volume::pairs;
use hatchery_model::caller::Caller;
use hatchery_model::id::BackupId;
use hatchery_model::volume::{Backup, BackupState};
use std::collections::BTreeMap;

/// What is to be changed. `None`: it stays.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct BackupChanges {
    /// The name; `Some(None)`: none.
    pub name: Option<Option<String>>,
    /// The description; `Some(None)`: none.
    pub description: Option<Option<String>>,
    /// The free pairs, all of them.
    pub metadata: Option<BTreeMap<String, String>>,
}

impl BackupVerbs {
    /// Changes what is given. Needs `member` on the backup's project. `NotFound`, `Denied`.
    pub async fn update(
        &self,
        caller: &Caller,
        id: BackupId,
        changes: BackupChanges,
    ) -> Result<Backup, Error> {
        let mut uow = self.ports.store.begin().await?;
        let mut backup = changeable(&mut *uow, caller, id, "backup:update").await?;
        if let Some(metadata) = changes.metadata {
            pairs::check(&metadata)?;
            backup.metadata = metadata;
        }
        if let Some(name) = changes.name {
            backup.name = name;
        }
        if let Some(description) = changes.description {
            backup.description = description;
        }
        keep(&mut *uow, &mut backup, self.ports.clock.now()).await?;
        uow.commit().await?;
        Ok(backup)
    }

    /// Says what the backup is: `available` or `error`. An order that is under way has no effect on the row any more. Administrators only.
    pub async fn reset_status(
        &self,
        caller: &Caller,
        id: BackupId,
        status: &str,
    ) -> Result<(), Error> {
        policy::admin(caller, "volume_extension:backup_admin_actions:reset_status")?;
        let mut uow = self.ports.store.begin().await?;
        let mut backup = changeable(&mut *uow, caller, id, "backup:update").await?;
        let now = self.ports.clock.now();
        let state = BackupState::set_by_hand(status).ok_or_else(|| {
            invalid_backup(&format!("'{status}' is no status to set; choose available or error"))
        })?;
        answered::let_go(&mut *uow, &backup, now).await?;
        backup.state = state;
        keep(&mut *uow, &mut backup, now).await?;
        Ok(uow.commit().await?)
    }
}
