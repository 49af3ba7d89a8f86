//! A snapshot of a volume.

use super::{NotThen, Ordered};
use crate::generation::Generation;
use crate::id::{GroupSnapshotId, ProjectId, SnapshotId, UserId, VolumeId, VolumeTypeId};
use crate::timestamp::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A snapshot's row.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Snapshot {
    /// Its id.
    pub id: SnapshotId,
    /// Compare-and-set counter.
    pub generation: Generation,
    /// The project that owns it.
    pub project: ProjectId,
    /// Who made it.
    pub user: UserId,
    /// Of which volume.
    pub volume: VolumeId,
    /// The volume's type.
    pub volume_type: VolumeTypeId,
    /// Need not be unique.
    pub name: Option<String>,
    /// Free text.
    pub description: Option<String>,
    /// Size of the volume when it was made, in GiB.
    pub size_gib: u64,
    /// Where it is in its life.
    pub state: SnapshotState,
    /// Free pairs of its user.
    pub metadata: BTreeMap<String, String>,
    /// The group snapshot that it is part of.
    #[serde(default)]
    pub group_snapshot: Option<GroupSnapshotId>,
    /// How far it is, where somebody has said so (`os-update_snapshot_status`).
    #[serde(default)]
    pub progress: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// Where a snapshot is in its life.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum SnapshotState {
    /// It is being made.
    Creating(Ordered),
    /// It is there.
    Available,
    /// Its volume is being put back to it.
    Restoring,
    /// Its removal has been promised.
    Deleting(Ordered),
    /// An administrator has said that it is being made. Nobody works on it.
    SaidCreating,
    /// An administrator has said that it is going. Nobody works on it.
    SaidDeleting,
    /// A snapshot that its volume has under another name is being taken for it.
    Managing(Ordered),
    /// That one could not be taken.
    NotManaged,
    /// Its backend is to forget it, and leaves it under its name.
    Unmanaging(Ordered),
    /// It could not be made, or an administrator has said so.
    Failed,
    /// It could not be removed. It may be tried again.
    NotDeleted,
}

impl SnapshotState {
    /// Cinder's word for it.
    pub const fn status(&self) -> &'static str {
        match self {
            Self::Creating(_) | Self::Managing(_) | Self::SaidCreating => "creating",
            Self::Available => "available",
            Self::Restoring => "restoring",
            Self::Deleting(_) | Self::SaidDeleting => "deleting",
            Self::Unmanaging(_) => "unmanaging",
            Self::Failed | Self::NotManaged => "error",
            Self::NotDeleted => "error_deleting",
        }
    }

    /// The state of a word that an administrator may set. `None`: it is none of those.
    pub fn set_by_hand(word: &str) -> Option<Self> {
        match word {
            "creating" => Some(Self::SaidCreating),
            "deleting" => Some(Self::SaidDeleting),
            "available" => Some(Self::Available),
            "error" => Some(Self::Failed),
            "error_deleting" => Some(Self::NotDeleted),
            _ => None,
        }
    }

    /// The order that it waits for.
    pub const fn ordered(&self) -> Option<&Ordered> {
        match self {
            Self::Creating(order)
            | Self::Deleting(order)
            | Self::Managing(order)
            | Self::Unmanaging(order) => Some(order),
            Self::Available
            | Self::Restoring
            | Self::SaidCreating
            | Self::SaidDeleting
            | Self::NotManaged
            | Self::Failed
            | Self::NotDeleted => None,
        }
    }

    /// The same, its order sent again now.
    #[must_use]
    pub fn sent_again(mut self, now: Timestamp) -> Self {
        match &mut self {
            Self::Creating(order)
            | Self::Deleting(order)
            | Self::Managing(order)
            | Self::Unmanaging(order) => order.sent_at = now,
            Self::Available
            | Self::Restoring
            | Self::SaidCreating
            | Self::SaidDeleting
            | Self::NotManaged
            | Self::Failed
            | Self::NotDeleted => {}
        }
        self
    }

    /// Whether it may be removed.
    pub const fn may_be_deleted(&self) -> bool {
        match self {
            Self::Available | Self::Failed | Self::NotManaged | Self::NotDeleted => true,
            Self::Creating(_)
            | Self::Managing(_)
            | Self::Unmanaging(_)
            | Self::Restoring
            | Self::Deleting(_)
            | Self::SaidCreating
            | Self::SaidDeleting => false,
        }
    }

    /// The work that it waited for is done. `None`: the snapshot is gone.
    pub fn done(self) -> Result<Option<Self>, NotThen> {
        match self {
            Self::Creating(_) | Self::Managing(_) => Ok(Some(Self::Available)),
            Self::Deleting(_) | Self::Unmanaging(_) => Ok(None),
            other => Err(NotThen { found: other.status() }),
        }
    }

    /// The work that it waited for could not be done.
    pub fn failed(self) -> Result<Self, NotThen> {
        match self {
            Self::Creating(_) => Ok(Self::Failed),
            Self::Managing(_) => Ok(Self::NotManaged),
            Self::Deleting(_) | Self::Unmanaging(_) => Ok(Self::NotDeleted),
            other => Err(NotThen { found: other.status() }),
        }
    }
}
