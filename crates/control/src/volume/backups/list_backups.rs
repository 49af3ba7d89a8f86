//! Shows and lists backups.

use super::{BackupVerbs, seen};
use crate::error::Error;
use crate::policy;
use hatchery_model::caller::Caller;
use hatchery_model::id::{BackupId, ProjectId, VolumeId};
use hatchery_model::page::Page;
use hatchery_model::volume::Backup;
use hatchery_ports::store::{BackupFilter, UnitOfWork};

/// A backup, and what is shown with it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BackupDetail {
    /// The backup.
    pub backup: Backup,
    /// Whether others go on from it.
    pub has_dependents: bool,
}

/// Which backups. Everything that is given has to hold.
#[derive(Clone, Debug, Default)]
pub struct BackupQuery {
    /// `all_tenants`: of every project, for administrators; ignored for everybody else.
    pub all_projects: bool,
    /// With `all_projects`: of this one.
    pub project: Option<ProjectId>,
    /// Of this volume.
    pub volume: Option<VolumeId>,
    /// With exactly this name.
    pub name: Option<String>,
    /// In one of these states, in Cinder's words. Empty: in any.
    pub statuses: Vec<String>,
    /// The page.
    pub page: Page,
}

impl BackupVerbs {
    /// One backup. Needs `reader` on its project. `NotFound`.
    pub async fn show(&self, caller: &Caller, id: BackupId) -> Result<BackupDetail, Error> {
        let mut uow = self.ports.store.read().await?;
        let backup = seen(&mut *uow, caller, id).await?;
        detail(&mut *uow, backup).await
    }

    /// A page of backups, newest first unless sorted. Needs `reader` on a project. `NotFound` when the page's marker is none that the caller
    /// sees.
    pub async fn list(
        &self,
        caller: &Caller,
        query: &BackupQuery,
    ) -> Result<Vec<BackupDetail>, Error> {
        let project = if query.all_projects && caller.is_admin() {
            query.project.clone()
        } else {
            Some(policy::reader_project(caller, "backup:get_all")?.clone())
        };
        let filter = BackupFilter {
            project,
            volume: query.volume,
            parent: None,
            name: query.name.clone(),
            statuses: query.statuses.clone(),
        };
        let mut uow = self.ports.store.read().await?;
        if let Some(marker) = &query.page.marker {
            let is_seen = match marker.parse() {
                Ok(id) => seen(&mut *uow, caller, id).await.is_ok(),
                Err(_) => false,
            };
            if !is_seen {
                return Err(Error::not_found("Backup", marker));
            }
        }
        let mut shown = Vec::new();
        for backup in uow.backups().list(&filter, &query.page).await? {
            shown.push(detail(&mut *uow, backup).await?);
        }
        Ok(shown)
    }
}

async fn detail(uow: &mut dyn UnitOfWork, backup: Backup) -> Result<BackupDetail, Error> {
    let children = BackupFilter { parent: Some(backup.id), ..BackupFilter::default() };
    let one = Page { limit: Some(1), ..Page::default() };
    let has_dependents = !uow.backups().list(&children, &one).await?.is_empty();
    Ok(BackupDetail { backup, has_dependents })
}
