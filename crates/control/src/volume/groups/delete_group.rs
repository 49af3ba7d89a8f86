//! Promises that a group goes, with its volumes where that is wanted.

use super::{GroupVerbs, invalid_group, seen, volumes_of};
use crate::error::Error;
use crate::policy;
use crate::volume::delete_volume::begin_delete;
use crate::volume::send::Writing;
use crate::volume::waiting;
use hatchery_model::caller::Caller;
use hatchery_model::id::GroupId;
use hatchery_model::page::Page;
use hatchery_model::volume::{Volume, VolumeState};
use hatchery_ports::store::{GroupFilter, UnitOfWork};

impl GroupVerbs {
    /// Promises that the group goes. Needs `member` on its project. May be asked for again when a volume could not be removed.
    ///
    /// `NotFound`, `Denied`; `Invalid` while it has snapshots, volumes that are not to go with it, or volumes that cannot go now.
    pub async fn delete(
        &self,
        caller: &Caller,
        id: GroupId,
        with_volumes: bool,
    ) -> Result<(), Error> {
        let ports = &self.ports;
        let mut uow = ports.store.begin().await?;
        let mut group = seen(&mut *uow, caller, id).await?;
        policy::write(caller, &group.project, "group:delete")?;
        let snapshots = GroupFilter { group: Some(id), ..GroupFilter::default() };
        let one = Page { limit: Some(1), ..Page::default() };
        if !uow.group_snapshots().list(&snapshots, &one).await?.is_empty() {
            return Err(invalid_group("Group has existing snapshots."));
        }
        let volumes = volumes_of(&mut *uow, id).await?;
        if !volumes.is_empty() && !with_volumes {
            return Err(invalid_group(&format!(
                "Group {id} still contains volumes. The delete-volumes flag is required to delete it."
            )));
        }
        let now = ports.clock.now();
        let writing = Writing { entropy: &*ports.entropy, now, request: &caller.request };
        let mut orders = Vec::new();
        for volume in volumes {
            check(&mut *uow, &volume).await?;
            if !matches!(volume.state, VolumeState::Deleting(_)) {
                orders.extend(begin_delete(&mut *uow, writing, volume).await?);
            }
        }
        if volumes_of(&mut *uow, id).await?.is_empty() {
            uow.volume_groups().delete(id).await?;
        } else {
            (group.deleting, group.updated_at) = (true, now);
            uow.volume_groups().update(&group).await?;
        }
        uow.commit().await?;
        ports.outgoing.hand_over(orders);
        Ok(())
    }
}

/// Whether a volume may go with its group.
async fn check(uow: &mut dyn UnitOfWork, volume: &Volume) -> Result<(), Error> {
    let state = &volume.state;
    if matches!(state, VolumeState::InUse | VolumeState::Attaching | VolumeState::Detaching) {
        let group = volume.group.map(|id| id.to_string()).unwrap_or_default();
        return Err(invalid_group(&format!(
            "Volume in group {group} is attached. Need to detach first."
        )));
    }
    if !matches!(state, VolumeState::Deleting(_)) && !state.may_be_deleted() {
        return Err(invalid_group(&format!(
            "Volume {} cannot go with the group while it is {}.",
            volume.id,
            state.status()
        )));
    }
    if !waiting::snapshots_of(uow, volume.id).await?.is_empty() {
        return Err(invalid_group("Volume in group still has dependent snapshots."));
    }
    Ok(())
}
