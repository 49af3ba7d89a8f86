//! Has a snapshot made of a volume.

use crate::error::Error;
use crate::policy;
use crate::volume::access;
use crate::volume::allowance::{self, More};
use crate::volume::pairs;
use crate::volume::send::{self, Writing};
use crate::volume::settings::VolumeSettings;
use crate::volume::types::find_type;
use crate::volume::verbs::VolumeVerbs;
use crate::volume::waiting;
use crate::workflow::Order;
use hatchery_model::caller::Caller;
use hatchery_model::generation::Generation;
use hatchery_model::id::{GroupSnapshotId, ProjectId, SnapshotId, VolumeId};
use hatchery_model::volume::{
    BackendName, Snapshot, SnapshotState, Volume, VolumeState, VolumeWork,
};
use hatchery_ports::entropy::random_uuid;
use hatchery_ports::store::UnitOfWork;
use std::collections::BTreeMap;

/// A request for a snapshot.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SnapshotRequest {
    /// Of which volume.
    pub volume: VolumeId,
    /// Need not be unique.
    pub name: Option<String>,
    /// Free text.
    pub description: Option<String>,
    /// Free pairs.
    pub metadata: BTreeMap<String, String>,
    /// Also while servers use the volume: `force`, and always since 3.66.
    pub while_used: bool,
}

impl VolumeVerbs {
    /// A new snapshot, `creating`, and ordered. Needs `member` on the volume's project.
    ///
    /// `NotFound`, `Denied`; `Invalid` where the volume's state does not allow it; `Exhausted` (quota).
    pub async fn create_snapshot(
        &self,
        caller: &Caller,
        request: SnapshotRequest,
    ) -> Result<Snapshot, Error> {
        let project = policy::writer_project(caller, "volume:create_snapshot")?;
        let ports = &self.ports;
        let mut uow = ports.store.begin().await?;
        let action = "volume:create_snapshot";
        let volume = access::changeable(&mut *uow, caller, request.volume, action).await?;
        let writing =
            Writing { entropy: &*ports.entropy, now: ports.clock.now(), request: &caller.request };
        let (by, what) = ((caller, project), (&volume, request, None));
        let (snapshot, order) = take(&mut *uow, writing, &ports.settings, by, what).await?;
        uow.commit().await?;
        ports.outgoing.hand_over([order]);
        Ok(snapshot)
    }
}

/// Writes a snapshot of a volume down, and the order to its backend. `Invalid` where the volume's state does not allow it; `Exhausted` (quota).
pub(crate) async fn take(
    uow: &mut dyn UnitOfWork,
    writing: Writing<'_>,
    settings: &VolumeSettings,
    by: (&Caller, &ProjectId),
    (volume, request, group_snapshot): (&Volume, SnapshotRequest, Option<GroupSnapshotId>),
) -> Result<(Snapshot, Order), Error> {
    let id = SnapshotId(random_uuid(writing.entropy));
    let work = VolumeWork::CreateSnapshot(volume.id, id);
    let state = SnapshotState::Creating(send::ordered(Generation::FIRST, work, writing.now));
    let what = (volume, request, group_snapshot);
    begin(uow, writing, settings, by, what, (id, state)).await
}

/// The same of one that comes about otherwise: in this state, which has its order.
pub(in crate::volume) async fn begin(
    uow: &mut dyn UnitOfWork,
    writing: Writing<'_>,
    settings: &VolumeSettings,
    (caller, project): (&Caller, &ProjectId),
    (volume, request, group_snapshot): (&Volume, SnapshotRequest, Option<GroupSnapshotId>),
    (id, state): (SnapshotId, SnapshotState),
) -> Result<(Snapshot, Order), Error> {
    check(volume, request.while_used)?;
    pairs::check(&request.metadata)?;
    let volume_type = find_type(uow, volume.volume_type).await?;
    let gib = if settings.no_snapshot_gb_quota { 0 } else { volume.size_gib };
    let more = More { project, volume_type: &volume_type, volumes: 0, snapshots: 1, gib };
    allowance::check(uow, settings, &more).await?;
    let now = writing.now;
    let snapshot = Snapshot {
        id,
        generation: Generation::FIRST,
        project: project.clone(),
        user: caller.user.clone(),
        volume: volume.id,
        volume_type: volume.volume_type,
        name: request.name,
        description: request.description,
        size_gib: volume.size_gib,
        state,
        metadata: request.metadata,
        group_snapshot,
        progress: None,
        created_at: now,
        updated_at: now,
    };
    uow.snapshots().insert(&snapshot).await?;
    let sent = waiting::send_snapshot(uow, writing, (&snapshot, volume)).await?;
    // It waits for nothing, and the volume has a backend.
    let order = sent.ok_or_else(|| Error::Internal { source: "a snapshot has no order".into() })?;
    Ok((snapshot, order))
}

/// The volume's backend, if a snapshot may be made now.
fn check(volume: &Volume, while_used: bool) -> Result<&BackendName, Error> {
    let invalid = |text: &str| Error::Invalid(format!("Invalid volume: {text}"));
    let Some(backend) = &volume.backend else {
        return Err(invalid(
            "The snapshot cannot be created because volume has not been scheduled to any host.",
        ));
    };
    let state = &volume.state;
    if *state == VolumeState::Available || (while_used && *state == VolumeState::InUse) {
        return Ok(backend);
    }
    if *state == VolumeState::Maintenance {
        return Err(invalid(
            "The snapshot cannot be created when the volume is in maintenance mode.",
        ));
    }
    if *state == VolumeState::Failed {
        return Err(invalid("The snapshot cannot be created when the volume is in error status."));
    }
    let expected = if while_used { "available, in-use" } else { "available" };
    Err(invalid(&format!(
        "Volume {} status must be {expected}, but current status is: {}.",
        volume.id,
        volume.state.status()
    )))
}
