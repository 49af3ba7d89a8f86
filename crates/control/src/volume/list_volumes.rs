//! Lists volumes. What the store can filter by, it filters; the rest is left out here, chunk by chunk.

use super::find_volume::VolumeDetail;
use super::verbs::VolumeVerbs;
use crate::error::Error;
use crate::policy;
use hatchery_model::caller::Caller;
use hatchery_model::id::{GroupId, ProjectId, VolumeId, VolumeTypeId};
use hatchery_model::page::Page;
use hatchery_model::volume::Volume;
use hatchery_ports::store::{UnitOfWork, VolumeFilter};
use std::collections::BTreeMap;

/// Rows read at once while a filter that the store does not know thins them out.
const CHUNK: u32 = 500;

/// Which volumes. Everything that is given has to hold.
#[derive(Clone, Debug, Default)]
pub struct VolumeQuery {
    /// `all_tenants`: of every project, for administrators; ignored for everybody else, as Cinder does.
    pub all_projects: bool,
    /// With `all_projects`: of this one.
    pub project: Option<ProjectId>,
    /// With exactly this name.
    pub name: Option<String>,
    /// With this text in the name (`name~`).
    pub name_like: Option<String>,
    /// With one of these ids.
    pub ids: Option<Vec<VolumeId>>,
    /// In one of these states, in Cinder's words. Empty: in any.
    pub statuses: Vec<String>,
    /// Of this type.
    pub volume_type: Option<VolumeTypeId>,
    /// Bootable ones, or the others.
    pub bootable: Option<bool>,
    /// Of this size in GiB.
    pub size_gib: Option<u64>,
    /// In this zone.
    pub availability_zone: Option<String>,
    /// With all of these pairs.
    pub metadata: BTreeMap<String, String>,
    /// With all of these pairs in `volume_image_metadata` (`glance_metadata`).
    pub image_metadata: BTreeMap<String, String>,
    /// On this host's backends: the host, `host@backend` or `host@backend#pool`.
    pub host: Option<String>,
    /// With this `migration_status`.
    pub migration: Option<String>,
    /// In this group.
    pub group: Option<GroupId>,
    /// The page.
    pub page: Page,
}

impl VolumeVerbs {
    /// A page of volumes, newest first unless sorted. Needs `reader` on a project. `NotFound` when the page's marker is no volume that the
    /// caller sees.
    pub async fn list_volumes(
        &self,
        caller: &Caller,
        query: &VolumeQuery,
    ) -> Result<Vec<VolumeDetail>, Error> {
        let filter = filter(caller, query)?;
        let mut uow = self.ports.store.read().await?;
        if let Some(marker) = &query.page.marker {
            check_marker(&mut *uow, caller, marker).await?;
        }
        let volumes = select(&mut *uow, &filter, query).await?;
        details(&mut *uow, filter.project.as_ref(), volumes).await
    }
}

fn filter(caller: &Caller, query: &VolumeQuery) -> Result<VolumeFilter, Error> {
    let project = if query.all_projects && caller.is_admin() {
        query.project.clone()
    } else {
        Some(policy::reader_project(caller, "volume:get_all")?.clone())
    };
    Ok(VolumeFilter {
        project,
        name: query.name.clone(),
        statuses: query.statuses.clone(),
        volume_type: query.volume_type,
        bootable: query.bootable,
        host: query.host.as_deref().map(host_of),
        group: query.group,
    })
}

async fn select(
    uow: &mut dyn UnitOfWork,
    filter: &VolumeFilter,
    query: &VolumeQuery,
) -> Result<Vec<Volume>, Error> {
    let wanted = query.page.limit.map_or(usize::MAX, |limit| limit as usize);
    let mut page = Page { limit: Some(CHUNK), ..query.page.clone() };
    let mut chosen = Vec::new();
    loop {
        let chunk = uow.volumes().list(filter, &page).await?;
        page.marker = chunk.last().map(|volume| volume.id.to_string());
        let ended = chunk.len() < CHUNK as usize;
        chosen.extend(chunk.into_iter().filter(|volume| fits(query, volume)));
        if ended || chosen.len() >= wanted {
            chosen.truncate(wanted);
            return Ok(chosen);
        }
    }
}

/// What the store did not look at.
fn fits(query: &VolumeQuery, volume: &Volume) -> bool {
    let holds = |wanted: &BTreeMap<String, String>, there: &BTreeMap<String, String>| {
        wanted.iter().all(|(key, value)| there.get(key) == Some(value))
    };
    let name = volume.name.as_deref().unwrap_or_default();
    query.ids.as_ref().is_none_or(|ids| ids.contains(&volume.id))
        && query.name_like.as_ref().is_none_or(|part| name.contains(part.as_str()))
        && query.size_gib.is_none_or(|size| size == volume.size_gib)
        && query.availability_zone.as_ref().is_none_or(|zone| *zone == volume.availability_zone)
        && query.host.as_ref().is_none_or(|host| is_on(volume, host))
        && query.migration.as_ref().is_none_or(|wanted| {
            volume.migration_status().is_some_and(|found| found.as_str() == wanted)
        })
        && holds(&query.metadata, &volume.metadata)
        && holds(&query.image_metadata, &volume.image_metadata)
}

fn host_of(name: &str) -> String {
    name.split(['@', '#']).next().unwrap_or_default().to_owned()
}

/// Whether the volume is on a host's backends, on one of them, or in one of its pools.
fn is_on(volume: &Volume, name: &str) -> bool {
    volume.backend.as_ref().is_some_and(|at| {
        name == at.host.as_str()
            || name == format!("{}@{}", at.host, at.backend)
            || name == at.to_string()
    })
}

async fn details(
    uow: &mut dyn UnitOfWork,
    project: Option<&ProjectId>,
    volumes: Vec<Volume>,
) -> Result<Vec<VolumeDetail>, Error> {
    if volumes.is_empty() {
        return Ok(Vec::new());
    }
    let types = uow.volume_types().list().await?;
    let mut attachments: BTreeMap<VolumeId, Vec<_>> = BTreeMap::new();
    for attachment in uow.attachments().list(project, None, None).await? {
        attachments.entry(attachment.volume).or_default().push(attachment);
    }
    let detail = |volume: Volume| VolumeDetail {
        attachments: attachments.remove(&volume.id).unwrap_or_default(),
        type_name: types
            .iter()
            .find(|found| found.id == volume.volume_type)
            .map(|found| found.name.clone()),
        volume,
    };
    Ok(volumes.into_iter().map(detail).collect())
}

/// Refuses a marker that is no volume which the caller sees.
async fn check_marker(
    uow: &mut dyn UnitOfWork,
    caller: &Caller,
    marker: &str,
) -> Result<(), Error> {
    if let Ok(id) = marker.parse()
        && super::access::seen(uow, caller, id).await.is_ok()
    {
        return Ok(());
    }
    Err(Error::not_found("Volume", marker))
}
