//! Makes groups: empty ones, and with volumes made of another's.

use super::{
    GroupDetail, GroupVerbs, invalid_group, seen, seen_snapshot, snapshots_of, volumes_of,
};
use crate::error::Error;
use crate::policy;
use crate::volume::create_volume;
use crate::volume::group_types::usable_group_type;
use crate::volume::limits::find_limits;
use crate::volume::request::{VolumeRequest, VolumeSource};
use crate::volume::send::Writing;
use crate::volume::types::usable_type;
use hatchery_model::caller::Caller;
use hatchery_model::generation::Generation;
use hatchery_model::id::{GroupId, GroupSnapshotId, GroupTypeId, ProjectId, VolumeTypeId};
use hatchery_model::page::Page;
use hatchery_model::volume::VolumeGroup;
use hatchery_ports::entropy::random_uuid;
use hatchery_ports::store::{GroupFilter, UnitOfWork};

/// An empty group that is wanted.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct GroupRequest {
    /// Need not be unique.
    pub name: Option<String>,
    /// Free text.
    pub description: Option<String>,
    /// Id or name of its type.
    pub group_type: String,
    /// Ids or names of the types that its volumes may have.
    pub volume_types: Vec<String>,
    /// Its zone. `None`: the default.
    pub availability_zone: Option<String>,
}

/// A group that is wanted with volumes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GroupSource {
    /// Need not be unique.
    pub name: Option<String>,
    /// Free text.
    pub description: Option<String>,
    /// What its volumes are made of.
    pub origin: GroupOrigin,
}

/// What the volumes of a new group are made of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum GroupOrigin {
    /// Each of a volume of this group.
    Group(GroupId),
    /// Each of a snapshot of this group snapshot.
    Snapshot(GroupSnapshotId),
}

impl GroupVerbs {
    /// A new group without volumes. Needs `member` on a project.
    ///
    /// `NotFound` (types); `Invalid` for a zone that there is not, and for a type that promises what no backend can; `Exhausted` (quota).
    pub async fn create(
        &self,
        caller: &Caller,
        request: GroupRequest,
    ) -> Result<GroupDetail, Error> {
        let project = policy::writer_project(caller, "group:create")?;
        let settings = &self.ports.settings;
        let mut uow = self.ports.store.begin().await?;
        let group_type = usable_group_type(&mut *uow, caller, &request.group_type).await?;
        if let Some(spec) = group_type.unkept_promise() {
            return Err(invalid_group(&format!(
                "No backend here can do what {spec} of group type {} promises: snapshots of a group are taken one after the other, and nothing is replicated.",
                group_type.name
            )));
        }
        let mut volume_types = Vec::new();
        for named in &request.volume_types {
            volume_types.push(usable_type(&mut *uow, settings, caller, Some(named)).await?.id);
        }
        let zone = &settings.storage_availability_zone;
        let default = settings.default_availability_zone.as_ref().unwrap_or(zone);
        let mut wanted = request.availability_zone.as_ref().unwrap_or(default);
        if wanted != zone && wanted != default {
            if !settings.allow_availability_zone_fallback {
                return Err(Error::Invalid(format!("Availability zone '{wanted}' is invalid.")));
            }
            wanted = default;
        }
        self.allow(&mut *uow, project).await?;
        let of = (group_type.id, volume_types, wanted.clone());
        let group = self.row((caller, project), (request.name, request.description), of);
        uow.volume_groups().insert(&group).await?;
        uow.commit().await?;
        Ok(GroupDetail { group, volumes: Vec::new() })
    }

    /// A new group with a volume made of each of another group's, or of a group snapshot's snapshots: all of them or none. Needs `member` on a
    /// project.
    ///
    /// `NotFound`; `Invalid` where there is nothing, or something is not in a state for it; `Exhausted` (quotas).
    pub async fn create_from(
        &self,
        caller: &Caller,
        request: GroupSource,
    ) -> Result<GroupDetail, Error> {
        let project = policy::writer_project(caller, "group:create")?;
        let ports = &self.ports;
        let mut uow = ports.store.begin().await?;
        let (of, sources) = sources(&mut *uow, caller, request.origin).await?;
        if sources.is_empty() {
            return Err(invalid_group("The source is empty. No group will be created."));
        }
        self.allow(&mut *uow, project).await?;
        let mut volume_types = of.volume_types.clone();
        // A volume may have come to the group's source when that had other types.
        volume_types.extend(sources.iter().map(|(_, volume_type)| *volume_type));
        volume_types.sort_unstable();
        volume_types.dedup();
        let of = (of.group_type, volume_types, of.availability_zone);
        let mut group = self.row((caller, project), (request.name, request.description), of);
        match request.origin {
            GroupOrigin::Group(id) => group.source_group = Some(id),
            GroupOrigin::Snapshot(id) => group.group_snapshot = Some(id),
        }
        uow.volume_groups().insert(&group).await?;
        let writing =
            Writing { entropy: &*ports.entropy, now: group.created_at, request: &caller.request };
        let (mut volumes, mut orders) = (Vec::new(), Vec::new());
        for (source, volume_type) in sources {
            let request = VolumeRequest {
                source,
                volume_type: Some(volume_type.to_string()),
                group: Some(group.id),
                ..VolumeRequest::default()
            };
            let by = (caller, project);
            let made = create_volume::make(&mut *uow, writing, &ports.settings, by, &request, None)
                .await?;
            volumes.push(made.0);
            orders.extend(made.1);
        }
        uow.commit().await?;
        ports.outgoing.hand_over(orders);
        Ok(GroupDetail { group, volumes })
    }

    fn row(
        &self,
        (caller, project): (&Caller, &ProjectId),
        (name, description): (Option<String>, Option<String>),
        (group_type, volume_types, availability_zone): (GroupTypeId, Vec<VolumeTypeId>, String),
    ) -> VolumeGroup {
        let now = self.ports.clock.now();
        VolumeGroup {
            id: GroupId(random_uuid(&*self.ports.entropy)),
            generation: Generation::FIRST,
            project: project.clone(),
            user: caller.user.clone(),
            name,
            description,
            availability_zone,
            group_type,
            volume_types,
            source_group: None,
            group_snapshot: None,
            deleting: false,
            said: None,
            created_at: now,
            updated_at: now,
        }
    }

    async fn allow(&self, uow: &mut dyn UnitOfWork, project: &ProjectId) -> Result<(), Error> {
        let limit = find_limits(uow, &self.ports.settings, project).await?.quota.groups;
        let filter = GroupFilter { project: Some(project.clone()), ..GroupFilter::default() };
        let had = uow.volume_groups().list(&filter, &Page::default()).await?.len() as u64;
        if u64::try_from(limit).is_ok_and(|limit| had >= limit) {
            return Err(Error::Exhausted(format!(
                "Maximum number of groups allowed ({limit}) exceeded"
            )));
        }
        Ok(())
    }
}

/// The group behind it, and what each volume is made of, with its type.
async fn sources(
    uow: &mut dyn UnitOfWork,
    caller: &Caller,
    origin: GroupOrigin,
) -> Result<(VolumeGroup, Vec<(VolumeSource, VolumeTypeId)>), Error> {
    match origin {
        GroupOrigin::Group(id) => {
            let group = seen(uow, caller, id).await?;
            let volumes = volumes_of(uow, id).await?;
            let of = volumes.iter().map(|one| (VolumeSource::Volume(one.id), one.volume_type));
            Ok((group, of.collect()))
        }
        GroupOrigin::Snapshot(id) => {
            let snapshot = seen_snapshot(uow, caller, id).await?;
            let group = seen(uow, caller, snapshot.group).await?;
            let snapshots = snapshots_of(uow, id).await?;
            let of = snapshots.iter().map(|one| (VolumeSource::Snapshot(one.id), one.volume_type));
            Ok((group, of.collect()))
        }
    }
}
