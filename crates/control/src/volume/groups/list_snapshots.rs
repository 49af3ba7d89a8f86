//! Shows and lists group snapshots.

use super::{GroupQuery, GroupVerbs, seen_snapshot, snapshots_of};
use crate::error::Error;
use hatchery_model::caller::Caller;
use hatchery_model::id::GroupSnapshotId;
use hatchery_model::volume::{GroupSnapshot, Snapshot};

/// A group snapshot with its snapshots, from which its state follows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GroupSnapshotDetail {
    /// The group snapshot.
    pub group_snapshot: GroupSnapshot,
    /// Its snapshots.
    pub snapshots: Vec<Snapshot>,
}

impl GroupVerbs {
    /// One group snapshot. Needs `reader` on its project. `NotFound`.
    pub async fn show_snapshot(
        &self,
        caller: &Caller,
        id: GroupSnapshotId,
    ) -> Result<GroupSnapshotDetail, Error> {
        let mut uow = self.ports.store.read().await?;
        let group_snapshot = seen_snapshot(&mut *uow, caller, id).await?;
        let snapshots = snapshots_of(&mut *uow, id).await?;
        Ok(GroupSnapshotDetail { group_snapshot, snapshots })
    }

    /// A page of group snapshots, newest first unless sorted. Needs `reader` on a project. `Invalid` when the page's marker is none that the
    /// caller sees.
    pub async fn list_snapshots(
        &self,
        caller: &Caller,
        query: &GroupQuery,
    ) -> Result<Vec<GroupSnapshotDetail>, Error> {
        let filter = query.filter(caller, "group:get_all_group_snapshots")?;
        let mut uow = self.ports.store.read().await?;
        if let Some(marker) = &query.page.marker {
            let is_seen = match marker.parse() {
                Ok(id) => seen_snapshot(&mut *uow, caller, id).await.is_ok(),
                Err(_) => false,
            };
            if !is_seen {
                return Err(Error::Invalid(format!("marker [{marker}] not found")));
            }
        }
        let mut shown = Vec::new();
        for group_snapshot in uow.group_snapshots().list(&filter, &query.page).await? {
            let snapshots = snapshots_of(&mut *uow, group_snapshot.id).await?;
            shown.push(GroupSnapshotDetail { group_snapshot, snapshots });
        }
        Ok(shown)
    }
}
