//! Changes what is written on a group, and which volumes are in it.

use super::{GroupVerbs, invalid_group, invalid_volume, seen};
use crate::error::Error;
use crate::policy;
use crate::volume::send::keep;
use hatchery_model::caller::Caller;
use hatchery_model::id::{GroupId, VolumeId};
use hatchery_model::volume::{Volume, VolumeGroup, VolumeState};

/// What is to be changed. `None`: it stays.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct GroupChanges {
    /// The name; `Some(None)`: none.
    pub name: Option<Option<String>>,
    /// The description; `Some(None)`: none.
    pub description: Option<Option<String>>,
    /// Volumes to be in it.
    pub add: Vec<VolumeId>,
    /// Volumes not to be in it any more.
    pub remove: Vec<VolumeId>,
}

impl GroupVerbs {
    /// Changes what is given: all of it or nothing. Needs `member` on the group's project.
    ///
    /// `NotFound`, `Denied`; `Invalid` while the group is going, for volumes of other projects, types or groups, and for those in no state for it.
    pub async fn update(
        &self,
        caller: &Caller,
        id: GroupId,
        changes: GroupChanges,
    ) -> Result<(), Error> {
        if let Some(both) = changes.add.iter().find(|one| changes.remove.contains(one)) {
            return Err(invalid_volume(&format!(
                "UUIDs ['{both}'] are in both add and remove volume list."
            )));
        }
        let now = self.ports.clock.now();
        let mut uow = self.ports.store.begin().await?;
        let mut group = seen(&mut *uow, caller, id).await?;
        policy::write(caller, &group.project, "group:update")?;
        if group.deleting {
            return Err(invalid_group("Group status must be available."));
        }
        for volume in changes.add {
            let found = uow.volumes().find(volume).await?;
            let found = found.filter(|volume| policy::may_read(caller, &volume.project));
            let mut volume = found.ok_or_else(|| cannot(volume, id, "volume cannot be found"))?;
            if volume.group != Some(id) {
                may_come(&volume, &group)?;
                volume.group = Some(id);
                keep(&mut *uow, &mut volume, now).await?;
            }
        }
        for volume in changes.remove {
            let found = uow.volumes().find(volume).await?.filter(|one| one.group == Some(id));
            let mut volume = found.ok_or_else(|| {
                invalid_volume(&format!(
                    "Cannot remove volume {volume} from group {id} because it is not in the group."
                ))
            })?;
            may_leave(&volume, id)?;
            volume.group = None;
            keep(&mut *uow, &mut volume, now).await?;
        }
        if let Some(name) = changes.name {
            group.name = name;
        }
        if let Some(description) = changes.description {
            group.description = description;
        }
        group.updated_at = now;
        uow.volume_groups().update(&group).await?;
        Ok(uow.commit().await?)
    }
}

fn cannot(volume: VolumeId, group: GroupId, why: &str) -> Error {
    invalid_volume(&format!("Cannot add volume {volume} to group {group} because {why}."))
}

fn may_come(volume: &Volume, group: &VolumeGroup) -> Result<(), Error> {
    let why = if let Some(other) = volume.group {
        format!("it is already in group {other}")
    } else if volume.project != group.project {
        "they belong to different projects".to_owned()
    } else if !group.volume_types.contains(&volume.volume_type) {
        format!("volume type {} is not supported by the group", volume.volume_type)
    } else if !matches!(volume.state, VolumeState::Available | VolumeState::InUse) {
        format!(
            "volume is in an invalid state: {}. Valid states are: ('available', 'in-use')",
            volume.state.status()
        )
    } else {
        return Ok(());
    };
    Err(cannot(volume.id, group.id, &why))
}

fn may_leave(volume: &Volume, group: GroupId) -> Result<(), Error> {
    match volume.state {
        VolumeState::Available
        | VolumeState::InUse
        | VolumeState::Failed
        | VolumeState::NotDeleted
        | VolumeState::NotExtended
        | VolumeState::NotReverted => Ok(()),
        ref other => Err(invalid_volume(&format!(
            "Cannot remove volume {} from group {group} because volume is in an invalid state: {}. Valid states are: ('available', 'in-use', 'error', 'error_deleting').",
            volume.id,
            other.status()
        ))),
    }
}
