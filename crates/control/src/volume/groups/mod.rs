//! The verbs of groups of volumes and of group snapshots. A group is a row that its volumes name: it stands on no backend, and no agent hears of
//! it. Its state is that of its volumes; when its removal is promised it goes with the last of them.

mod create_group;
mod create_snapshot;
mod delete_group;
mod delete_snapshot;
mod going;
mod list_groups;
mod list_snapshots;
mod reset_status;
mod update_group;

pub use create_group::{GroupOrigin, GroupRequest, GroupSource};
pub use create_snapshot::GroupSnapshotRequest;
pub(super) use going::{snapshot_gone, volume_gone};
pub use list_groups::{GroupDetail, GroupQuery};
pub use list_snapshots::GroupSnapshotDetail;
pub use update_group::GroupChanges;

use super::verbs::VolumePorts;
use crate::error::Error;
use crate::policy;
use hatchery_model::caller::Caller;
use hatchery_model::id::{GroupId, GroupSnapshotId, VolumeTypeId};
use hatchery_model::page::Page;
use hatchery_model::volume::{GroupSnapshot, Snapshot, Volume, VolumeGroup};
use hatchery_ports::store::{SnapshotFilter, UnitOfWork, VolumeFilter};

/// `/groups`, `/group_snapshots`
#[derive(Clone)]
pub struct GroupVerbs {
    ports: VolumePorts,
}

impl GroupVerbs {
    /// Joins verbs and ports.
    pub fn new(ports: VolumePorts) -> Self {
        Self { ports }
    }
}

/// The group, if the caller may see it; `NotFound` otherwise.
async fn seen(
    uow: &mut dyn UnitOfWork,
    caller: &Caller,
    id: GroupId,
) -> Result<VolumeGroup, Error> {
    let found = uow.volume_groups().find(id).await?;
    found
        .filter(|group| policy::may_read(caller, &group.project))
        .ok_or_else(|| Error::not_found("Group", id))
}

/// The group snapshot, if the caller may see it; `NotFound` otherwise.
async fn seen_snapshot(
    uow: &mut dyn UnitOfWork,
    caller: &Caller,
    id: GroupSnapshotId,
) -> Result<GroupSnapshot, Error> {
    let found = uow.group_snapshots().find(id).await?;
    found
        .filter(|snapshot| policy::may_read(caller, &snapshot.project))
        .ok_or_else(|| Error::not_found("GroupSnapshot", id))
}

/// The volumes of a group, oldest last.
async fn volumes_of(uow: &mut dyn UnitOfWork, id: GroupId) -> Result<Vec<Volume>, Error> {
    let filter = VolumeFilter { group: Some(id), ..VolumeFilter::default() };
    Ok(uow.volumes().list(&filter, &Page::default()).await?)
}

/// The snapshots of a group snapshot.
async fn snapshots_of(
    uow: &mut dyn UnitOfWork,
    id: GroupSnapshotId,
) -> Result<Vec<Snapshot>, Error> {
    let filter = SnapshotFilter { group_snapshot: Some(id), ..SnapshotFilter::default() };
    Ok(uow.snapshots().list(&filter, &Page::default()).await?)
}

/// Whether a new volume of this type may be made in the group. `NotFound`; `Invalid` where the group is going or has no such type.
pub(super) async fn check_member(
    uow: &mut dyn UnitOfWork,
    caller: &Caller,
    id: GroupId,
    (asked, volume_type): (Option<&str>, VolumeTypeId),
) -> Result<(), Error> {
    let group = seen(uow, caller, id).await?;
    if asked.is_none() {
        return Err(Error::Invalid(
            "Invalid input received: volume_type must be provided when creating a volume in a group.".into(),
        ));
    }
    if group.deleting {
        return Err(invalid_group("Group status must be available."));
    }
    if !group.volume_types.contains(&volume_type) || caller.project() != Some(&group.project) {
        return Err(Error::Invalid(format!(
            "Invalid input received: Invalid volume_type provided: {volume_type} (requested type must be supported by this group, and the group be of the same project)."
        )));
    }
    Ok(())
}

fn invalid_group(text: &str) -> Error {
    Error::Invalid(format!("Invalid group: {text}"))
}

fn invalid_volume(text: &str) -> Error {
    Error::Invalid(format!("Invalid volume: {text}"))
}
