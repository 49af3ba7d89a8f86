//! A backup of a volume.

use super::{NotThen, Ordered};
use crate::generation::Generation;
use crate::id::{BackupId, HostName, ProjectId, SnapshotId, UserId, VolumeId};
use crate::timestamp::Timestamp;
use crate::units::Bytes;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A backup's row.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Backup {
    /// Its id.
    pub id: BackupId,
    /// Compare-and-set counter.
    pub generation: Generation,
    /// The project that owns it.
    pub project: ProjectId,
    /// Who made it.
    pub user: UserId,
    /// Of which volume.
    pub volume: VolumeId,
    /// Of which of its snapshots, where the volume's own bytes were not meant.
    pub snapshot: Option<SnapshotId>,
    /// The backup that it goes on from: what has not changed since is kept there only.
    pub parent: Option<BackupId>,
    /// Need not be unique.
    pub name: Option<String>,
    /// Free text.
    pub description: Option<String>,
    /// A name that its user chose for the place. Kept and shown; the store needs none.
    pub container: Option<String>,
    /// Availability zone of the store.
    pub availability_zone: String,
    /// Size of the volume when it was made, in GiB.
    pub size_gib: u64,
    /// Free pairs of its user.
    pub metadata: BTreeMap<String, String>,
    /// Where it is in its life.
    pub state: BackupState,
    /// Why it could not be made, restored or removed.
    pub fail_reason: Option<String>,
    /// The host whose agent keeps it in its store.
    pub host: HostName,
    /// The volume's backend there: its section in the configuration.
    pub backend: String,
    /// Bytes that the store keeps for it, without those of its parents. Zero until it is made.
    pub stored: Bytes,
    /// Of when what it holds is.
    pub data_at: Timestamp,
    /// The id that the store keeps it under, where it came by a record and has another one.
    #[serde(default)]
    pub kept_as: Option<BackupId>,
    /// What was written on the volume then.
    #[serde(default)]
    pub of: BackedUp,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl Backup {
    /// The id that the store keeps it under.
    pub fn kept_id(&self) -> BackupId {
        self.kept_as.unwrap_or(self.id)
    }
}

/// What was written on a volume when a backup was made of it: the volume that it is restored to gets it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct BackedUp {
    /// Its name.
    pub name: Option<String>,
    /// Its description.
    pub description: Option<String>,
    /// Free pairs of its user.
    pub metadata: BTreeMap<String, String>,
    /// Whether a server could boot from it.
    pub bootable: bool,
    /// What was said of the image behind it.
    pub image_metadata: BTreeMap<String, String>,
}

/// Where a backup is in its life.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum BackupState {
    /// It is being made.
    Creating(Ordered),
    /// It is there.
    Available,
    /// A volume is being made to hold what it kept.
    Restoring {
        /// The volume.
        volume: VolumeId,
        /// The order.
        order: Ordered,
    },
    /// Its removal has been promised.
    Deleting(Ordered),
    /// It could not be made, or an administrator has said so.
    Failed,
    /// It could not be removed. It may be tried again.
    NotDeleted,
}

impl BackupState {
    /// Cinder's word for it.
    pub const fn status(&self) -> &'static str {
        match self {
            Self::Creating(_) => "creating",
            Self::Available => "available",
            Self::Restoring { .. } => "restoring",
            Self::Deleting(_) => "deleting",
            Self::Failed => "error",
            Self::NotDeleted => "error_deleting",
        }
    }

    /// The state of a word that an administrator may set. `None`: it is none of those.
    pub fn set_by_hand(word: &str) -> Option<Self> {
        match word {
            "available" => Some(Self::Available),
            "error" => Some(Self::Failed),
            _ => None,
        }
    }

    /// The order that it waits for.
    pub const fn ordered(&self) -> Option<&Ordered> {
        match self {
            Self::Creating(order) | Self::Restoring { order, .. } | Self::Deleting(order) => {
                Some(order)
            }
            Self::Available | Self::Failed | Self::NotDeleted => None,
        }
    }

    /// The same, its order sent again now.
    #[must_use]
    pub fn sent_again(mut self, now: Timestamp) -> Self {
        match &mut self {
            Self::Creating(order) | Self::Restoring { order, .. } | Self::Deleting(order) => {
                order.sent_at = now;
            }
            Self::Available | Self::Failed | Self::NotDeleted => {}
        }
        self
    }

    /// Whether it may be removed: nothing is being done with it.
    pub const fn may_be_deleted(&self) -> bool {
        match self {
            Self::Available | Self::Failed | Self::NotDeleted => true,
            Self::Creating(_) | Self::Restoring { .. } | Self::Deleting(_) => false,
        }
    }

    /// The work that it waited for is done. `None`: the backup is gone.
    pub fn done(self) -> Result<Option<Self>, NotThen> {
        match self {
            Self::Creating(_) | Self::Restoring { .. } => Ok(Some(Self::Available)),
            Self::Deleting(_) => Ok(None),
            other => Err(NotThen { found: other.status() }),
        }
    }

    /// The work that it waited for could not be done.
    pub fn failed(self) -> Result<Self, NotThen> {
        match self {
            Self::Creating(_) => Ok(Self::Failed),
            // What it kept is as good as before: the volume is what failed.
            Self::Restoring { .. } => Ok(Self::Available),
            Self::Deleting(_) => Ok(Self::NotDeleted),
            other => Err(NotThen { found: other.status() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::BackupState;
    use crate::generation::Generation;
    use crate::id::VolumeId;
    use crate::timestamp::Timestamp;
    use crate::volume::{Ordered, VolumeWork};
    use uuid::Uuid;

    #[test]
    fn an_answer_has_a_place_only_where_an_order_waits() {
        let volume = VolumeId(Uuid::from_u128(1));
        let order = || Ordered {
            generation: Generation::FIRST,
            work: Box::new(VolumeWork::Remove(volume)),
            sent_at: Timestamp(1),
        };
        let restoring = || BackupState::Restoring { volume, order: order() };
        assert_eq!(BackupState::Creating(order()).done(), Ok(Some(BackupState::Available)));
        assert_eq!(BackupState::Creating(order()).failed(), Ok(BackupState::Failed));
        assert_eq!(restoring().done(), Ok(Some(BackupState::Available)));
        assert_eq!(restoring().failed(), Ok(BackupState::Available));
        assert_eq!(BackupState::Deleting(order()).done(), Ok(None));
        assert_eq!(BackupState::Deleting(order()).failed(), Ok(BackupState::NotDeleted));
        for state in [BackupState::Available, BackupState::Failed, BackupState::NotDeleted] {
            assert!(state.may_be_deleted() && state.ordered().is_none());
            assert!(state.clone().done().is_err() && state.failed().is_err());
        }
        for state in [BackupState::Creating(order()), restoring(), BackupState::Deleting(order())] {
            assert!(!state.may_be_deleted(), "{state:?}");
            assert_eq!(state.sent_again(Timestamp(7)).ordered().unwrap().sent_at, Timestamp(7));
        }
    }
}
