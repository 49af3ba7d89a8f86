//! Changes what is written on a snapshot.

use crate::error::Error;
use crate::policy;
use crate::volume::access;
use crate::volume::pairs;
use crate::volume::send::keep_snapshot;
use crate::volume::verbs::VolumeVerbs;
use hatchery_model::caller::Caller;
use hatchery_model::id::SnapshotId;
use hatchery_model::volume::{Snapshot, SnapshotState};
use std::collections::BTreeMap;

/// What is to be changed. `None`: it stays.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SnapshotChanges {
    /// The name; `Some(None)`: none.
    pub name: Option<Option<String>>,
    /// The description; `Some(None)`: none.
    pub description: Option<Option<String>>,
}

impl VolumeVerbs {
    /// Changes what is given. Needs `member` on the snapshot's project. `NotFound`, `Denied`.
    pub async fn update_snapshot(
        &self,
        caller: &Caller,
        id: SnapshotId,
        changes: SnapshotChanges,
    ) -> Result<Snapshot, Error> {
        self.change_snapshot(caller, id, "volume:update_snapshot", |snapshot| {
            if let Some(name) = changes.name {
                snapshot.name = name;
            }
            if let Some(description) = changes.description {
                snapshot.description = description;
            }
            Ok(())
        })
        .await
    }

    /// Adds free pairs, in the place of those with the same keys, or (`replace`) of all. See [`Self::update_snapshot`].
    pub async fn set_snapshot_metadata(
        &self,
        caller: &Caller,
        id: SnapshotId,
        new: BTreeMap<String, String>,
        replace: bool,
    ) -> Result<Snapshot, Error> {
        pairs::check(&new)?;
        self.change_snapshot(caller, id, "volume:update_snapshot_metadata", |snapshot| {
            if replace {
                snapshot.metadata.clear();
            }
            snapshot.metadata.extend(new);
            Ok(())
        })
        .await
    }

    /// Removes one free pair. `NotFound` when there is none with the key.
    pub async fn delete_snapshot_metadata(
        &self,
        caller: &Caller,
        id: SnapshotId,
        key: &str,
    ) -> Result<(), Error> {
        self.change_snapshot(caller, id, "volume:delete_snapshot_metadata", |snapshot| {
            match snapshot.metadata.remove(key) {
                Some(_) => Ok(()),
                None => {
                    Err(Error::not_found("Metadata of snapshot", format!("{id} with key {key}")))
                }
            }
        })
        .await
        .map(drop)
    }

    /// Sets the snapshot's state by hand (`os-reset_status`). Administrators only. `NotFound`, `Denied`, `Invalid`.
    pub async fn reset_snapshot(
        &self,
        caller: &Caller,
        id: SnapshotId,
        status: &str,
    ) -> Result<(), Error> {
        let action = "volume_extension:snapshot_admin_actions:reset_status";
        policy::admin(caller, action)?;
        self.change_snapshot(caller, id, action, |snapshot| {
            let status = status.to_lowercase();
            snapshot.state = SnapshotState::set_by_hand(&status)
                .ok_or_else(|| Error::Invalid(format!("Cannot reset-state to {status}")))?;
            Ok(())
        })
        .await
        .map(drop)
    }

    /// What a hypervisor says that makes or removes the snapshot itself (`os-update_snapshot_status`). None does here, so that it is heard only of
    /// a snapshot of which an administrator has said that it is being made or is going. Needs `member`. `NotFound`, `Denied`, `Invalid`.
    pub async fn update_snapshot_status(
        &self,
        caller: &Caller,
        id: SnapshotId,
        (status, progress): (&str, Option<String>),
    ) -> Result<(), Error> {
        let action = "snapshot_extension:snapshot_actions:update_snapshot_status";
        self.change_snapshot(caller, id, action, |snapshot| {
            let current = snapshot.state.status();
            let next: &[&str] = match snapshot.state {
                SnapshotState::SaidCreating => &["creating", "available", "error"],
                SnapshotState::SaidDeleting => &["deleting", "error_deleting"],
                _ => {
                    return Err(Error::Invalid(format!(
                        "Snapshot status {current} not allowed for update_snapshot_status"
                    )));
                }
            };
            let state = SnapshotState::set_by_hand(status).filter(|_| next.contains(&status));
            snapshot.state = state.ok_or_else(|| {
                Error::Invalid(format!(
                    "Provided snapshot status {status} not allowed for snapshot with status {current}."
                ))
            })?;
            snapshot.progress = progress;
            Ok(())
        })
        .await
        .map(drop)
    }

    async fn change_snapshot(
        &self,
        caller: &Caller,
        id: SnapshotId,
        action: &str,
        edit: impl FnOnce(&mut Snapshot) -> Result<(), Error> + Send,
    ) -> Result<Snapshot, Error> {
        let mut uow = self.ports.store.begin().await?;
        let mut snapshot = access::changeable_snapshot(&mut *uow, caller, id, action).await?;
        edit(&mut snapshot)?;
        keep_snapshot(&mut *uow, &mut snapshot, self.ports.clock.now()).await?;
        uow.commit().await?;
        Ok(snapshot)
    }
}
