//! The last of what was in a group that is going takes it along.

use super::{snapshots_of, volumes_of};
use crate::error::Error;
use hatchery_model::id::{GroupId, GroupSnapshotId};
use hatchery_ports::store::UnitOfWork;

/// The row of a volume of that group has been removed: the last one of a group that is going takes it along.
pub(in crate::volume) async fn volume_gone(
    uow: &mut dyn UnitOfWork,
    group: Option<GroupId>,
) -> Result<(), Error> {
    let Some(id) = group else { return Ok(()) };
    let Some(group) = uow.volume_groups().find(id).await? else { return Ok(()) };
    if group.deleting && volumes_of(uow, id).await?.is_empty() {
        uow.volume_groups().delete(id).await?;
    }
    Ok(())
}

/// The row of a snapshot of that group snapshot has been removed: the last one of a group snapshot that is going takes it along.
pub(in crate::volume) async fn snapshot_gone(
    uow: &mut dyn UnitOfWork,
    group_snapshot: Option<GroupSnapshotId>,
) -> Result<(), Error> {
    let Some(id) = group_snapshot else { return Ok(()) };
    let Some(of) = uow.group_snapshots().find(id).await? else { return Ok(()) };
    if of.deleting && snapshots_of(uow, id).await?.is_empty() {
        uow.group_snapshots().delete(id).await?;
    }
    Ok(())
}
