//! Groups of volumes: volumes that are looked at, kept and removed together. None of their snapshots are of the same moment.

use super::{Snapshot, SnapshotState, Volume, VolumeState};
use crate::generation::Generation;
use crate::id::{GroupId, GroupSnapshotId, GroupTypeId, ProjectId, UserId, VolumeTypeId};
use crate::timestamp::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The row of a type of groups.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct GroupType {
    /// Its id.
    pub id: GroupTypeId,
    /// Unique.
    pub name: String,
    /// Free text.
    pub description: Option<String>,
    /// Whether every project may use it; else administrators only.
    pub is_public: bool,
    /// What its groups must be.
    pub specs: BTreeMap<String, String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Option<Timestamp>,
}

/// Specs that promise what no backend here can.
const PROMISES: [&str; 3] = [
    "consistent_group_snapshot_enabled",
    "group_replication_enabled",
    "consistent_group_replication_enabled",
];

impl GroupType {
    /// The first spec of the type that promises what no backend here can.
    pub fn unkept_promise(&self) -> Option<&'static str> {
        PROMISES.into_iter().find(|spec| self.specs.get(*spec).is_some_and(|on| on == "<is> True"))
    }
}

/// Cinder's words for the states of groups and of group snapshots.
pub const GROUP_STATUSES: [&str; 8] = [
    "error",
    "available",
    "creating",
    "deleting",
    "deleted",
    "updating",
    "in-use",
    "error_deleting",
];

fn word(said: Option<&str>) -> Option<&'static str> {
    GROUP_STATUSES.into_iter().find(|word| said == Some(*word))
}

/// A group's row. The volumes say which group they are in.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct VolumeGroup {
    /// Its id.
    pub id: GroupId,
    /// Compare-and-set counter.
    pub generation: Generation,
    /// The project that owns it, and its volumes.
    pub project: ProjectId,
    /// Who made it.
    pub user: UserId,
    /// Need not be unique.
    pub name: Option<String>,
    /// Free text.
    pub description: Option<String>,
    /// Its zone.
    pub availability_zone: String,
    /// Its type.
    pub group_type: GroupTypeId,
    /// The types that its volumes may have.
    pub volume_types: Vec<VolumeTypeId>,
    /// The group whose volumes its own were made of.
    pub source_group: Option<GroupId>,
    /// The group snapshot that its volumes were made of.
    pub group_snapshot: Option<GroupSnapshotId>,
    /// Whether its removal has been promised: it goes with the last of its volumes.
    pub deleting: bool,
    /// What an administrator has said its state is, in Cinder's word. `None`: it is that of its volumes.
    #[serde(default)]
    pub said: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl VolumeGroup {
    /// Cinder's word for its state, which follows from that of its volumes.
    pub fn status(&self, volumes: &[Volume]) -> &'static str {
        if let Some(said) = word(self.said.as_deref()).filter(|_| !self.deleting) {
            return said;
        }
        let any = |fits: fn(&VolumeState) -> bool| volumes.iter().any(|one| fits(&one.state));
        let is_made_of = self.source_group.is_some() || self.group_snapshot.is_some();
        if self.deleting {
            return if any(|state| !matches!(state, VolumeState::Deleting(_))) {
                "error"
            } else {
                "deleting"
            };
        }
        if is_made_of && any(|state| matches!(state, VolumeState::Creating(_))) {
            return "creating";
        }
        if is_made_of && any(|state| *state == VolumeState::Failed) { "error" } else { "available" }
    }
}

/// The row of a group snapshot. The snapshots say which one they are part of.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct GroupSnapshot {
    /// Its id.
    pub id: GroupSnapshotId,
    /// Compare-and-set counter.
    pub generation: Generation,
    /// The project that owns it.
    pub project: ProjectId,
    /// Who made it.
    pub user: UserId,
    /// Of which group.
    pub group: GroupId,
    /// The group's type.
    pub group_type: GroupTypeId,
    /// Need not be unique.
    pub name: Option<String>,
    /// Free text.
    pub description: Option<String>,
    /// Whether its removal has been promised: it goes with the last of its snapshots.
    pub deleting: bool,
    /// What an administrator has said its state is, in Cinder's word. `None`: it is that of its snapshots.
    #[serde(default)]
    pub said: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl GroupSnapshot {
    /// Cinder's word for its state, which follows from that of its snapshots.
    pub fn status(&self, snapshots: &[Snapshot]) -> &'static str {
        if let Some(said) = word(self.said.as_deref()).filter(|_| !self.deleting) {
            return said;
        }
        let any = |fits: fn(&SnapshotState) -> bool| snapshots.iter().any(|one| fits(&one.state));
        if self.deleting {
            return if any(|state| !matches!(state, SnapshotState::Deleting(_))) {
                "error"
            } else {
                "deleting"
            };
        }
        if any(|state| matches!(state, SnapshotState::Creating(_))) {
            "creating"
        } else if any(|state| matches!(state, SnapshotState::Failed | SnapshotState::NotDeleted)) {
            "error"
        } else {
            "available"
        }
    }
}
