//! Orders about volumes: each stands in the row of what it is about, and in the outbox.

use crate::error::Error;
use crate::workflow::{Order, order};
use hatchery_model::generation::Generation;
use hatchery_model::id::RequestId;
use hatchery_model::message::Command;
use hatchery_model::timestamp::Timestamp;
use hatchery_model::volume::{
    BackendName, Ordered, Snapshot, Volume, VolumeOrder, VolumeSubject, VolumeWork,
};
use hatchery_ports::entropy::Entropy;
use hatchery_ports::store::UnitOfWork;

/// When something is written down, and on whose behalf.
#[derive(Clone, Copy)]
pub(crate) struct Writing<'a> {
    pub(crate) entropy: &'a dyn Entropy,
    pub(crate) now: Timestamp,
    pub(crate) request: &'a RequestId,
}

/// An order for a row that will be stored with this generation.
pub(crate) fn ordered(generation: Generation, work: VolumeWork, now: Timestamp) -> Ordered {
    Ordered { generation, work: Box::new(work), sent_at: now }
}

/// Writes an order to the backend's agent down.
pub(crate) async fn send(
    uow: &mut dyn UnitOfWork,
    writing: Writing<'_>,
    backend: &BackendName,
    subject: VolumeSubject,
    ordered: &Ordered,
) -> Result<Order, Error> {
    let command = Command::Volume(Box::new(VolumeOrder {
        backend: backend.backend.clone(),
        subject,
        generation: ordered.generation,
        work: ordered.work.as_ref().clone(),
    }));
    let Writing { entropy, now, request } = writing;
    order::write_down(uow, entropy, now, &backend.host, request.clone(), command).await
}

/// Stores a volume that was read in this transaction, and keeps the copy fit to be stored again.
pub(crate) async fn keep(
    uow: &mut dyn UnitOfWork,
    volume: &mut Volume,
    now: Timestamp,
) -> Result<(), Error> {
    volume.updated_at = now;
    uow.volumes().update(volume).await?;
    volume.generation = volume.generation.next();
    Ok(())
}

/// Stores a snapshot that was read in this transaction, and keeps the copy fit to be stored again.
pub(crate) async fn keep_snapshot(
    uow: &mut dyn UnitOfWork,
    snapshot: &mut Snapshot,
    now: Timestamp,
) -> Result<(), Error> {
    snapshot.updated_at = now;
    uow.snapshots().update(snapshot).await?;
    snapshot.generation = snapshot.generation.next();
    Ok(())
}
