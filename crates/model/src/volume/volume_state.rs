//! A volume's life. Data lives in the variant; a transition is pure, and refuses what the present state does not allow.

use super::{VolumeMove, VolumeNews, VolumeWork};
use crate::generation::Generation;
use crate::id::{BackupId, ImageId, RequestId, SnapshotId};
use crate::timestamp::Timestamp;
use serde::{Deserialize, Serialize};

/// An order that an agent has not answered yet. It stands in the row, so that whoever does not know whether it arrived sends it again.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Ordered {
    /// The row's generation when it was given: what its answer names.
    pub generation: Generation,
    /// What is to be done.
    pub work: Box<VolumeWork>,
    /// When it was last sent.
    pub sent_at: Timestamp,
}

impl Ordered {
    /// Whether news are the answer to this order.
    pub fn is_answered_by(&self, news: &VolumeNews) -> bool {
        news.generation == self.generation && news.work == self.work.name()
    }
}

/// Where a volume is in its life.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum VolumeState {
    /// It is being made.
    Creating(Ordered),
    /// It is there, and nobody uses it.
    Available,
    /// A server is going to use it.
    Reserved,
    /// It is being plugged into a server.
    Attaching,
    /// A server uses it.
    InUse,
    /// It is being taken out of a server.
    Detaching,
    /// It is being made larger.
    Extending {
        /// The size that it is to have, in GiB.
        to_gib: u64,
        /// Whether a server uses it meanwhile.
        attached: bool,
        /// The order.
        order: Ordered,
        /// Who asked: the action of the servers that have it. `None`: written down before that was kept.
        #[serde(default)]
        request: Option<RequestId>,
    },
    /// Its bytes are being uploaded as those of an image.
    Uploading {
        /// The image.
        image: ImageId,
        /// Whether a server uses it meanwhile.
        attached: bool,
        /// The order.
        order: Ordered,
    },
    /// It is being put back to what it held at a snapshot.
    Reverting {
        /// The snapshot.
        snapshot: SnapshotId,
        /// The order.
        order: Ordered,
    },
    /// A backup is being made of it. The backup's row has the order.
    BackingUp {
        /// The backup.
        backup: BackupId,
        /// Whether a server uses it meanwhile.
        attached: bool,
    },
    /// It is being made to hold what a backup kept. The backup's row has the order.
    Restoring(BackupId),
    /// Its removal has been promised.
    Deleting(Ordered),
    /// It is being brought to another backend.
    Moving(Box<VolumeMove>),
    /// What its backend has under another name is being taken for it.
    Managing(Ordered),
    /// Its backend is to forget it, and to leave its bytes.
    Unmanaging(Ordered),
    /// An administrator has said that it is being made. Nobody works on it.
    SaidCreating,
    /// An administrator has said that it is going. Nobody works on it.
    SaidDeleting,
    /// What was to be taken for it could not be, and is as it was.
    NotManaged,
    /// It could not be made, or an administrator has said so.
    Failed,
    /// It could not be removed. It may be tried again.
    NotDeleted,
    /// It could not be made larger, and has the size that it had.
    NotExtended,
    /// It could not be put back to a snapshot or a backup.
    NotReverted,
    /// An administrator works on it.
    Maintenance,
    /// It is offered to another project. The offer's row says which key takes it.
    AwaitingTransfer,
}

/// The volume's state does not allow what was asked.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the volume is {found}")]
pub struct NotThen {
    /// Its state, in Cinder's word.
    pub found: &'static str,
}

impl VolumeState {
    /// Cinder's word for it.
    pub const fn status(&self) -> &'static str {
        match self {
            Self::Creating(_) | Self::SaidCreating => "creating",
            Self::Available => "available",
            Self::Reserved => "reserved",
            Self::Attaching => "attaching",
            Self::InUse => "in-use",
            Self::Detaching => "detaching",
            Self::Extending { .. } => "extending",
            Self::Uploading { .. } => "uploading",
            Self::Reverting { .. } => "reverting",
            Self::BackingUp { .. } => "backing-up",
            Self::Restoring(_) => "restoring-backup",
            Self::Deleting(_) | Self::SaidDeleting => "deleting",
            Self::Moving(moving) => moving.status(),
            Self::Managing(_) => "managing",
            Self::Unmanaging(_) => "unmanaging",
            Self::NotManaged => "error_managing",
            Self::Failed => "error",
            Self::NotDeleted => "error_deleting",
            Self::NotExtended => "error_extending",
            Self::NotReverted => "error_restoring",
            Self::Maintenance => "maintenance",
            Self::AwaitingTransfer => "awaiting-transfer",
        }
    }

    /// The state of a word that an administrator may set. `None`: it is none of those.
    pub fn set_by_hand(word: &str) -> Option<Self> {
        match word {
            "creating" => Some(Self::SaidCreating),
            "deleting" => Some(Self::SaidDeleting),
            "error_managing" => Some(Self::NotManaged),
            "available" => Some(Self::Available),
            "reserved" => Some(Self::Reserved),
            "attaching" => Some(Self::Attaching),
            "in-use" => Some(Self::InUse),
            "detaching" => Some(Self::Detaching),
            "error" => Some(Self::Failed),
            "error_deleting" => Some(Self::NotDeleted),
            "error_extending" => Some(Self::NotExtended),
            "error_restoring" => Some(Self::NotReverted),
            "maintenance" => Some(Self::Maintenance),
            _ => None,
        }
    }

    /// The order that it waits for.
    pub const fn ordered(&self) -> Option<&Ordered> {
        match self {
            Self::Creating(order)
            | Self::Deleting(order)
            | Self::Managing(order)
            | Self::Unmanaging(order)
            | Self::Extending { order, .. }
            | Self::Uploading { order, .. }
            | Self::Reverting { order, .. } => Some(order),
            Self::Moving(moving) => Some(&moving.order),
            Self::Available
            | Self::Reserved
            | Self::Attaching
            | Self::InUse
            | Self::Detaching
            | Self::BackingUp { .. }
            | Self::Restoring(_)
            | Self::SaidCreating
            | Self::SaidDeleting
            | Self::NotManaged
            | Self::Failed
            | Self::NotDeleted
            | Self::NotExtended
            | Self::NotReverted
            | Self::Maintenance
            | Self::AwaitingTransfer => None,
        }
    }

    /// The same, its order sent again now.
    #[must_use]
    pub fn sent_again(mut self, now: Timestamp) -> Self {
        match &mut self {
            Self::Creating(order)
            | Self::Deleting(order)
            | Self::Managing(order)
            | Self::Unmanaging(order)
            | Self::Extending { order, .. }
            | Self::Uploading { order, .. }
            | Self::Reverting { order, .. } => order.sent_at = now,
            Self::Moving(moving) => moving.order.sent_at = now,
            Self::Available
            | Self::Reserved
            | Self::Attaching
            | Self::InUse
            | Self::Detaching
            | Self::BackingUp { .. }
            | Self::Restoring(_)
            | Self::SaidCreating
            | Self::SaidDeleting
            | Self::NotManaged
            | Self::Failed
            | Self::NotDeleted
            | Self::NotExtended
            | Self::NotReverted
            | Self::Maintenance
            | Self::AwaitingTransfer => {}
        }
        self
    }

    /// Whether it may be removed: nobody uses it, and nothing is being done with it.
    pub const fn may_be_deleted(&self) -> bool {
        match self {
            Self::Available
            | Self::Failed
            | Self::NotManaged
            | Self::NotDeleted
            | Self::NotExtended
            | Self::NotReverted => true,
            Self::Creating(_)
            | Self::Reserved
            | Self::Attaching
            | Self::InUse
            | Self::Detaching
            | Self::Extending { .. }
            | Self::Uploading { .. }
            | Self::Reverting { .. }
            | Self::BackingUp { .. }
            | Self::Restoring(_)
            | Self::Deleting(_)
            | Self::Moving(_)
            | Self::Managing(_)
            | Self::Unmanaging(_)
            | Self::SaidCreating
            | Self::SaidDeleting
            | Self::Maintenance
            | Self::AwaitingTransfer => false,
        }
    }

    /// A server is going to use it.
    pub fn reserved(self, multiattach: bool) -> Result<Self, NotThen> {
        match self {
            Self::Available => Ok(Self::Reserved),
            Self::InUse if multiattach => Ok(Self::InUse),
            other => Err(other.not_then()),
        }
    }

    /// It is offered to another project.
    pub fn offered(self) -> Result<Self, NotThen> {
        match self {
            Self::Available => Ok(Self::AwaitingTransfer),
            other => Err(other.not_then()),
        }
    }

    /// The offer has been accepted or taken back.
    pub fn not_offered(self) -> Result<Self, NotThen> {
        match self {
            Self::AwaitingTransfer => Ok(Self::Available),
            other => Err(other.not_then()),
        }
    }

    /// It is there again after work that left it as it was, or made it what was wanted.
    const fn rested(attached: bool) -> Self {
        if attached { Self::InUse } else { Self::Available }
    }

    /// The work that it waited for is done: its own, or that of the backup. `None`: the volume is gone.
    pub fn done(self) -> Result<Option<Self>, NotThen> {
        match self {
            Self::Creating(_) | Self::Managing(_) | Self::Reverting { .. } | Self::Restoring(_) => {
                Ok(Some(Self::Available))
            }
            Self::Extending { attached, .. }
            | Self::Uploading { attached, .. }
            | Self::BackingUp { attached, .. } => Ok(Some(Self::rested(attached))),
            Self::Deleting(_) | Self::Unmanaging(_) => Ok(None),
            other => Err(other.not_then()),
        }
    }

    /// The work that it waited for could not be done, and nothing of it is left.
    pub fn failed(self) -> Result<Self, NotThen> {
        match self {
            Self::Creating(_) | Self::Unmanaging(_) => Ok(Self::Failed),
            Self::Managing(_) => Ok(Self::NotManaged),
            Self::Deleting(_) => Ok(Self::NotDeleted),
            // A server that uses it goes on: only the size is not what was wanted.
            Self::Extending { attached: true, .. } => Ok(Self::InUse),
            Self::Extending { attached: false, .. } => Ok(Self::NotExtended),
            Self::Uploading { attached, .. } | Self::BackingUp { attached, .. } => {
                Ok(Self::rested(attached))
            }
            Self::Reverting { .. } | Self::Restoring(_) => Ok(Self::NotReverted),
            other => Err(other.not_then()),
        }
    }

    const fn not_then(&self) -> NotThen {
        NotThen { found: self.status() }
    }
}

#[cfg(test)]
mod tests {
    use super::{Ordered, VolumeState};
    use crate::generation::Generation;
    use crate::id::VolumeId;
    use crate::timestamp::Timestamp;
    use crate::volume::VolumeWork;
    use uuid::Uuid;

    fn order() -> Ordered {
        Ordered {
            generation: Generation::FIRST,
            work: Box::new(VolumeWork::Remove(VolumeId(Uuid::from_u128(1)))),
            sent_at: Timestamp(1),
        }
    }

    #[test]
    fn an_answer_has_a_place_only_where_an_order_waits() {
        let extending = |attached| VolumeState::Extending {
            to_gib: 2,
            attached,
            order: order(),
            request: None,
        };
        assert_eq!(VolumeState::Creating(order()).done(), Ok(Some(VolumeState::Available)));
        assert_eq!(VolumeState::Creating(order()).failed(), Ok(VolumeState::Failed));
        assert_eq!(VolumeState::Deleting(order()).done(), Ok(None));
        assert_eq!(VolumeState::Deleting(order()).failed(), Ok(VolumeState::NotDeleted));
        assert_eq!(extending(true).done(), Ok(Some(VolumeState::InUse)));
        assert_eq!(extending(true).failed(), Ok(VolumeState::InUse));
        assert_eq!(extending(false).failed(), Ok(VolumeState::NotExtended));
        for state in [VolumeState::Available, VolumeState::InUse, VolumeState::Failed] {
            assert!(state.ordered().is_none());
            assert!(state.clone().done().is_err() && state.failed().is_err());
        }
    }

    #[test]
    fn what_is_used_or_worked_on_is_neither_deleted_nor_reserved() {
        let busy = [
            VolumeState::Creating(order()),
            VolumeState::Reserved,
            VolumeState::Attaching,
            VolumeState::InUse,
            VolumeState::Detaching,
            VolumeState::AwaitingTransfer,
            VolumeState::Deleting(order()),
        ];
        for state in busy {
            assert!(!state.may_be_deleted(), "{state:?}");
            assert!(state.clone().reserved(false).is_err(), "{state:?}");
            assert!(state.clone().offered().is_err(), "{state:?}");
        }
        assert_eq!(VolumeState::Available.reserved(false), Ok(VolumeState::Reserved));
        assert_eq!(VolumeState::InUse.reserved(true), Ok(VolumeState::InUse));
        let offered = VolumeState::Available.offered();
        assert_eq!(offered.clone(), Ok(VolumeState::AwaitingTransfer));
        assert_eq!(offered.and_then(VolumeState::not_offered), Ok(VolumeState::Available));
        assert!(VolumeState::Available.not_offered().is_err());
        assert_eq!(VolumeState::set_by_hand("creating"), Some(VolumeState::SaidCreating));
        assert_eq!(VolumeState::set_by_hand("retyping"), None);
    }
}
