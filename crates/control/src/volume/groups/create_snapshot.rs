//! Has a snapshot made of each volume of a group, one after the other.

use super::{GroupSnapshotDetail, GroupVerbs, invalid_group, seen, volumes_of};
use crate::error::Error;
use crate::policy;
use crate::volume::send::Writing;
use crate::volume::snapshots::{SnapshotRequest, take};
use hatchery_model::caller::Caller;
use hatchery_model::generation::Generation;
use hatchery_model::id::{GroupId, GroupSnapshotId};
use hatchery_model::volume::GroupSnapshot;
use hatchery_ports::entropy::random_uuid;
use std::collections::BTreeMap;

/// A group snapshot that is wanted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GroupSnapshotRequest {
    /// Of which group.
    pub group: GroupId,
    /// Need not be unique; its snapshots have it too.
    pub name: Option<String>,
    /// Free text; its snapshots have it too.
    pub description: Option<String>,
}

impl GroupVerbs {
    /// A new group snapshot, its snapshots `creating` and ordered: all of them or none. Needs `member` on the group's project.
    ///
    /// `NotFound`, `Denied`; `Invalid` while the group is going, and where a volume's state does not allow a snapshot; `Exhausted` (quota).
    pub async fn create_snapshot(
        &self,
        caller: &Caller,
        request: GroupSnapshotRequest,
    ) -> Result<GroupSnapshotDetail, Error> {
        let action = "group:create_group_snapshot";
        let project = policy::writer_project(caller, action)?;
        let ports = &self.ports;
        let mut uow = ports.store.begin().await?;
        let group = seen(&mut *uow, caller, request.group).await?;
        policy::write(caller, &group.project, action)?;
        if group.deleting {
            return Err(invalid_group("Group status must be available."));
        }
        let now = ports.clock.now();
        let group_snapshot = GroupSnapshot {
            id: GroupSnapshotId(random_uuid(&*ports.entropy)),
            generation: Generation::FIRST,
            project: project.clone(),
            user: caller.user.clone(),
            group: group.id,
            group_type: group.group_type,
            name: request.name.clone(),
            description: request.description.clone(),
            deleting: false,
            said: None,
            created_at: now,
            updated_at: now,
        };
        uow.group_snapshots().insert(&group_snapshot).await?;
        let writing = Writing { entropy: &*ports.entropy, now, request: &caller.request };
        let (mut snapshots, mut orders) = (Vec::new(), Vec::new());
        for volume in volumes_of(&mut *uow, group.id).await? {
            let of_one = SnapshotRequest {
                volume: volume.id,
                name: request.name.clone(),
                description: request.description.clone(),
                metadata: BTreeMap::new(),
                while_used: true,
            };
            let (by, part) = ((caller, project), Some(group_snapshot.id));
            let settings = &ports.settings;
            let taken = take(&mut *uow, writing, settings, by, (&volume, of_one, part)).await?;
            snapshots.push(taken.0);
            orders.push(taken.1);
        }
        uow.commit().await?;
        ports.outgoing.hand_over(orders);
        Ok(GroupSnapshotDetail { group_snapshot, snapshots })
    }
}
