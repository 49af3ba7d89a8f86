//! Shows and lists groups.

use super::{GroupVerbs, seen, volumes_of};
use crate::error::Error;
use crate::policy;
use hatchery_model::caller::Caller;
use hatchery_model::id::{GroupId, ProjectId};
use hatchery_model::page::Page;
use hatchery_model::volume::{Volume, VolumeGroup};
use hatchery_ports::store::GroupFilter;

/// A group with its volumes, from which its state follows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GroupDetail {
    /// The group.
    pub group: VolumeGroup,
    /// Its volumes, newest first.
    pub volumes: Vec<Volume>,
}

/// Which groups, or group snapshots. Everything that is given has to hold.
#[derive(Clone, Debug, Default)]
pub struct GroupQuery {
    /// `all_tenants`: of every project, for administrators; ignored for everybody else.
    pub all_projects: bool,
    /// With `all_projects`: of this one.
    pub project: Option<ProjectId>,
    /// With exactly this name.
    pub name: Option<String>,
    /// Of group snapshots: of this group.
    pub group: Option<GroupId>,
    /// The page.
    pub page: Page,
}

impl GroupQuery {
    /// What the store is asked for. `Denied` without a role on a project.
    pub(super) fn filter(&self, caller: &Caller, action: &str) -> Result<GroupFilter, Error> {
        let project = if self.all_projects && caller.is_admin() {
            self.project.clone()
        } else {
            Some(policy::reader_project(caller, action)?.clone())
        };
        Ok(GroupFilter { project, name: self.name.clone(), group_type: None, group: self.group })
    }
}

impl GroupVerbs {
    /// One group. Needs `reader` on its project. `NotFound`.
    pub async fn show(&self, caller: &Caller, id: GroupId) -> Result<GroupDetail, Error> {
        let mut uow = self.ports.store.read().await?;
        let group = seen(&mut *uow, caller, id).await?;
        let volumes = volumes_of(&mut *uow, id).await?;
        Ok(GroupDetail { group, volumes })
    }

    /// A page of groups, newest first unless sorted. Needs `reader` on a project. `Invalid` when the page's marker is none that the caller sees.
    pub async fn list(
        &self,
        caller: &Caller,
        query: &GroupQuery,
    ) -> Result<Vec<GroupDetail>, Error> {
        let filter = query.filter(caller, "group:get_all")?;
        let mut uow = self.ports.store.read().await?;
        if let Some(marker) = &query.page.marker {
            let is_seen = match marker.parse() {
                Ok(id) => seen(&mut *uow, caller, id).await.is_ok(),
                Err(_) => false,
            };
            if !is_seen {
                return Err(Error::Invalid(format!("marker [{marker}] not found")));
            }
        }
        let mut shown = Vec::new();
        for group in uow.volume_groups().list(&filter, &query.page).await? {
            let volumes = volumes_of(&mut *uow, group.id).await?;
            shown.push(GroupDetail { group, volumes });
        }
        Ok(shown)
    }
}
