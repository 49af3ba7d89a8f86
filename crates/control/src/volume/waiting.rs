//! Removals that wait: a volume goes after its snapshots, and nothing goes while something is being made of it. The order stands in the row
//! and is sent when its time has come, by whoever takes the last answer, or by the reconciler.

use super::image_cache::{self, Hold};
use super::send::{self, Writing};
use crate::error::Error;
use crate::workflow::Order;
use hatchery_model::id::{SnapshotId, VolumeId};
use hatchery_model::page::Page;
use hatchery_model::volume::{
    Snapshot, SnapshotState, Volume, VolumeContent, VolumeState, VolumeSubject, VolumeWork,
};
use hatchery_ports::store::{SnapshotFilter, UnitOfWork, VolumeFilter};
use std::collections::BTreeSet;

/// The snapshots of a volume, newest first.
pub(crate) async fn snapshots_of(
    uow: &mut dyn UnitOfWork,
    volume: VolumeId,
) -> Result<Vec<Snapshot>, Error> {
    let filter = SnapshotFilter { volume: Some(volume), ..SnapshotFilter::default() };
    Ok(uow.snapshots().list(&filter, &Page::default()).await?)
}

/// What volumes are being made of just now.
async fn sources(uow: &mut dyn UnitOfWork) -> Result<Vec<VolumeContent>, Error> {
    let filter = VolumeFilter { statuses: vec!["creating".into()], ..VolumeFilter::default() };
    let creating = uow.volumes().list(&filter, &Page::default()).await?;
    let content = |volume: Volume| {
        let work = volume.state.ordered().map(|order| order.work.as_ref().clone());
        if let Some(VolumeWork::Create(new)) = work { Some(new.content) } else { None }
    };
    Ok(creating.into_iter().filter_map(content).collect())
}

/// The volumes of which something is being made.
pub(super) async fn source_volumes(uow: &mut dyn UnitOfWork) -> Result<BTreeSet<VolumeId>, Error> {
    Ok(sources(uow).await?.iter().filter_map(VolumeContent::made_of).collect())
}

/// Whether something is being made of the volume itself.
pub(super) async fn is_source(uow: &mut dyn UnitOfWork, id: VolumeId) -> Result<bool, Error> {
    Ok(sources(uow).await?.iter().any(|content| content.made_of() == Some(id)))
}

/// Whether something is being made of the snapshot.
async fn is_source_snapshot(uow: &mut dyn UnitOfWork, id: SnapshotId) -> Result<bool, Error> {
    Ok(sources(uow).await?.iter().any(|content| match content {
        VolumeContent::Snapshot(_, of) => *of == id,
        VolumeContent::Volume(_) | VolumeContent::Empty | VolumeContent::Image { .. } => false,
    }))
}

/// Whether the order that the volume waits for has to wait itself.
pub(crate) async fn is_held(uow: &mut dyn UnitOfWork, volume: &Volume) -> Result<bool, Error> {
    if !matches!(volume.state, VolumeState::Deleting(_) | VolumeState::Unmanaging(_)) {
        return Ok(false);
    }
    Ok(!snapshots_of(uow, volume.id).await?.is_empty() || is_source(uow, volume.id).await?)
}

/// The same for a snapshot.
pub(crate) async fn is_snapshot_held(
    uow: &mut dyn UnitOfWork,
    snapshot: &Snapshot,
) -> Result<bool, Error> {
    match snapshot.state {
        SnapshotState::Deleting(_) => is_source_snapshot(uow, snapshot.id).await,
        SnapshotState::Creating(_)
        | SnapshotState::Managing(_)
        | SnapshotState::NotManaged
        | SnapshotState::Unmanaging(_)
        | SnapshotState::Available
        | SnapshotState::Restoring
        | SnapshotState::SaidCreating
        | SnapshotState::SaidDeleting
        | SnapshotState::Failed
        | SnapshotState::NotDeleted => Ok(false),
    }
}

/// Sends the volume's order, unless it has to wait.
pub(crate) async fn send_volume(
    uow: &mut dyn UnitOfWork,
    writing: Writing<'_>,
    volume: &Volume,
) -> Result<Option<Order>, Error> {
    let (Some(backend), Some(ordered)) = (volume.ordered_from(), volume.state.ordered()) else {
        return Ok(None);
    };
    if is_held(uow, volume).await? {
        return Ok(None);
    }
    match image_cache::hold_of(uow, volume).await? {
        Hold::Free => {}
        Hold::Waits => return Ok(None),
        Hold::Lost => {
            let why = "the backend's cache does not have the image any more";
            return image_cache::download_instead(uow, writing, volume.clone(), why).await;
        }
    }
    let subject = VolumeSubject::Volume(volume.id);
    send::send(uow, writing, backend, subject, ordered).await.map(Some)
}

/// Sends the snapshot's order, unless it has to wait. `volume` is the one that it is of.
pub(crate) async fn send_snapshot(
    uow: &mut dyn UnitOfWork,
    writing: Writing<'_>,
    (snapshot, volume): (&Snapshot, &Volume),
) -> Result<Option<Order>, Error> {
    let (Some(backend), Some(ordered)) = (&volume.backend, snapshot.state.ordered()) else {
        return Ok(None);
    };
    if is_snapshot_held(uow, snapshot).await? {
        return Ok(None);
    }
    let subject = VolumeSubject::Snapshot(snapshot.id);
    send::send(uow, writing, backend, subject, ordered).await.map(Some)
}

/// Sends what has waited for a volume to be made, or for a snapshot to go: the removal of `source` and of its snapshots.
pub(crate) async fn release(
    uow: &mut dyn UnitOfWork,
    writing: Writing<'_>,
    source: VolumeId,
) -> Result<Vec<Order>, Error> {
    let Some(volume) = uow.volumes().find(source).await? else { return Ok(Vec::new()) };
    let mut orders = Vec::new();
    for snapshot in snapshots_of(uow, source).await? {
        if matches!(snapshot.state, SnapshotState::Deleting(_) | SnapshotState::Unmanaging(_)) {
            orders.extend(send_snapshot(uow, writing, (&snapshot, &volume)).await?);
        }
    }
    if matches!(volume.state, VolumeState::Deleting(_) | VolumeState::Unmanaging(_)) {
        orders.extend(send_volume(uow, writing, &volume).await?);
    }
    Ok(orders)
}
