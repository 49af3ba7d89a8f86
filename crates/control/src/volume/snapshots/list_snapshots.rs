//! Shows and lists snapshots.

use crate::error::Error;
use crate::policy;
use crate::volume::access;
use crate::volume::verbs::VolumeVerbs;
use hatchery_model::caller::Caller;
use hatchery_model::id::{ProjectId, SnapshotId, VolumeId};
use hatchery_model::page::Page;
use hatchery_model::volume::Snapshot;
use hatchery_ports::store::SnapshotFilter;
use std::collections::BTreeMap;

/// Rows read at once while a filter that the store does not know thins them out.
const CHUNK: u32 = 500;

/// Which snapshots. Everything that is given has to hold.
#[derive(Clone, Debug, Default)]
pub struct SnapshotQuery {
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
    /// With all of these pairs.
    pub metadata: BTreeMap<String, String>,
    /// The page.
    pub page: Page,
}

impl VolumeVerbs {
    /// One snapshot. Needs `reader` on its project. `NotFound`.
    pub async fn find_snapshot(&self, caller: &Caller, id: SnapshotId) -> Result<Snapshot, Error> {
        let mut uow = self.ports.store.read().await?;
        access::seen_snapshot(&mut *uow, caller, id).await
    }

    /// A page of snapshots, newest first unless sorted. Needs `reader` on a project. `NotFound` when the page's marker is none that the caller
    /// sees.
    pub async fn list_snapshots(
        &self,
        caller: &Caller,
        query: &SnapshotQuery,
    ) -> Result<Vec<Snapshot>, Error> {
        let project = if query.all_projects && caller.is_admin() {
            query.project.clone()
        } else {
            Some(policy::reader_project(caller, "volume:get_all_snapshots")?.clone())
        };
        let filter = SnapshotFilter {
            project,
            volume: query.volume,
            name: query.name.clone(),
            statuses: query.statuses.clone(),
            ..SnapshotFilter::default()
        };
        let mut uow = self.ports.store.read().await?;
        if let Some(marker) = &query.page.marker {
            let seen = match marker.parse() {
                Ok(id) => access::seen_snapshot(&mut *uow, caller, id).await.is_ok(),
                Err(_) => false,
            };
            if !seen {
                return Err(Error::not_found("Snapshot", marker));
            }
        }
        let wanted = query.page.limit.map_or(usize::MAX, |limit| limit as usize);
        let mut page = Page { limit: Some(CHUNK), ..query.page.clone() };
        let mut chosen: Vec<Snapshot> = Vec::new();
        loop {
            let chunk = uow.snapshots().list(&filter, &page).await?;
            page.marker = chunk.last().map(|snapshot| snapshot.id.to_string());
            let ended = chunk.len() < CHUNK as usize;
            chosen.extend(chunk.into_iter().filter(|snapshot| {
                query.metadata.iter().all(|(key, value)| snapshot.metadata.get(key) == Some(value))
            }));
            if ended || chosen.len() >= wanted {
                chosen.truncate(wanted);
                return Ok(chosen);
            }
        }
    }
}
