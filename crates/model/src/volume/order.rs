//! Orders about volumes to the agent that serves their backend, and its answers.
//!
//! An order may be sent again, by whoever does not know whether it arrived: the subject and its generation are its identity. One that is older
//! than the last taken over for its subject is ignored; the same one again is answered again.

use crate::disk::BlockSource;
use crate::generation::Generation;
use crate::id::{BackupId, HostName, ImageId, ServerId, SnapshotId, VolumeId};
use crate::image::{DiskFormat, ImageContent, RawForm};
use crate::provision::{Plan, Rung};
use crate::units::Bytes;
use serde::{Deserialize, Serialize};

/// What an order is about, and whose generation it has.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum VolumeSubject {
    /// A volume.
    Volume(VolumeId),
    /// A snapshot.
    Snapshot(SnapshotId),
    /// A backup.
    Backup(BackupId),
    /// A server's own disk. Its orders have the server's generation.
    Disk(ServerId),
}

/// An order about a volume.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct VolumeOrder {
    /// The backend's section in the agent's configuration.
    pub backend: String,
    /// What it is about.
    pub subject: VolumeSubject,
    /// The subject's generation when this was sent.
    pub generation: Generation,
    /// What is to be done.
    pub work: VolumeWork,
}

/// What is to be done with a volume.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum VolumeWork {
    /// Make it.
    Create(Box<NewVolume>),
    /// Leave nothing of it.
    Remove(VolumeId),
    /// Have it at least this large. Smaller than it is changes nothing.
    Extend(VolumeId, Bytes),
    /// Have a snapshot of what it holds now.
    CreateSnapshot(VolumeId, SnapshotId),
    /// Leave nothing of the snapshot. What was made of it stays whole.
    RemoveSnapshot(VolumeId, SnapshotId),
    /// Have it hold what it held at the snapshot.
    Revert(VolumeId, SnapshotId),
    /// Upload what it holds as the bytes of an image that waits for them.
    UploadToImage(VolumeId, Box<ImageOfVolume>),
    /// Keep what it holds in the backup store.
    Backup(Box<NewBackup>),
    /// Have it hold what the backup kept, and zeros behind that.
    Restore(VolumeId, BackupId),
    /// Have it in this backend, of this size, with what it holds in the agent's other backend of this name. There, it stays as it is.
    CopyFrom(VolumeId, Bytes, String),
    /// Take what the backend has under this name for the volume: afterwards it has the volume's name.
    Manage(VolumeId, String),
    /// Forget the volume, and leave its bytes.
    Unmanage(VolumeId),
    /// Take the snapshot that the volume has under this name for this one: afterwards it has this one's name.
    ManageSnapshot(VolumeId, SnapshotId, String),
    /// Forget the snapshot, and leave it.
    UnmanageSnapshot(VolumeId, SnapshotId),
    /// Leave nothing of the backup, which was made of this volume. Refused while others go on from it.
    RemoveBackup(VolumeId, BackupId),
    /// Upload what a server's own disk holds as the bytes of an image that waits for them. Of no backend.
    DiskToImage(ServerId, Box<ImageOfVolume>),
}

/// A volume to be made.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NewVolume {
    /// Its id.
    pub volume: VolumeId,
    /// Its size.
    pub size: Bytes,
    /// What it holds at first.
    pub content: VolumeContent,
    /// Whether it holds an image: it never changes, and others are cloned of it.
    #[serde(default)]
    pub holds_image: bool,
}

/// What a new volume holds.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum VolumeContent {
    /// Zeros.
    Empty,
    /// An image, in the way that the plan says. The backend executes this very plan.
    Image {
        /// The image.
        image: ImageId,
        /// SHA-512 of the image's own bytes.
        image_sha512: String,
        /// The image's raw form, where that one is to be used.
        raw: Option<RawForm>,
        /// How.
        plan: Plan,
    },
    /// What a volume of the same backend held at a snapshot.
    Snapshot(VolumeId, SnapshotId),
    /// What another volume of the same backend holds.
    Volume(VolumeId),
}

impl VolumeContent {
    /// The volume that it is made of.
    pub fn made_of(&self) -> Option<VolumeId> {
        match self {
            Self::Empty => None,
            Self::Image { plan, .. } => plan.cloned_volume(),
            Self::Snapshot(volume, _) | Self::Volume(volume) => Some(*volume),
        }
    }
}

/// An image that is to get a volume's or a disk's bytes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ImageOfVolume {
    /// The image, which waits for them.
    pub image: ImageId,
    /// The name that they have in the image store until the image gets them.
    pub upload: String,
    /// What they are to be: raw or qcow2.
    pub format: DiskFormat,
    /// Whether a server uses the volume meanwhile: then a snapshot is read, which goes afterwards. Of a disk the agent sees that for itself.
    pub live: bool,
    /// The volume that keeps the same bytes beside the image, a clone of this one. Where it cannot be made, the image is made all the same.
    #[serde(default)]
    pub image_volume: Option<Box<NewVolume>>,
}

/// A backup to be made.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NewBackup {
    /// Its id.
    pub backup: BackupId,
    /// Of which volume.
    pub volume: VolumeId,
    /// Of which of its snapshots. `None`: of what the volume holds itself.
    pub snapshot: Option<SnapshotId>,
    /// The backup that it goes on from. `None`: it stands alone.
    pub parent: Option<BackupId>,
    /// Whether a server uses the volume meanwhile: then a snapshot is read, which goes afterwards.
    pub live: bool,
}

/// What became of an order.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct VolumeNews {
    /// The host whose agent says it.
    pub host: HostName,
    /// The backend's section in its configuration.
    pub backend: String,
    /// What the order was about.
    pub subject: VolumeSubject,
    /// The generation of the order that this answers.
    pub generation: Generation,
    /// The name of its work: [`VolumeWork::name`].
    pub work: String,
    /// What became of it.
    pub outcome: VolumeOutcome,
    /// Milliseconds that it took.
    pub took_ms: u64,
}

/// The end of an order.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum VolumeOutcome {
    /// Done.
    Done {
        /// Where the volume's bytes are now. `None` where there are none, or they did not move.
        source: Option<BlockSource>,
        /// The way that was taken, for a volume from an image.
        rung: Option<Rung>,
        /// Bytes that were really copied, counted where they were written.
        bytes_copied: Bytes,
    },
    /// What the backend had under another name is the volume's.
    Managed {
        /// Where its bytes are now.
        source: BlockSource,
        /// How large it is.
        size: Bytes,
    },
    /// What the volume had under another name is the snapshot.
    ManagedSnapshot {
        /// How large the volume was then.
        size: Bytes,
    },
    /// What the volume holds lies in the image store.
    Uploaded {
        /// The image that waits for it.
        image: ImageId,
        /// The name that it has there.
        upload: String,
        /// What it is.
        content: Box<ImageContent>,
        /// Where the bytes of the volume are that keeps the same ones, if that was made.
        #[serde(default)]
        image_volume: Option<BlockSource>,
    },
    /// Not done.
    Failed {
        /// For the user: what happened and what to do.
        message: String,
        /// For the administrator: the chain of causes.
        details: String,
        /// Whether something of it is left that could not be removed either.
        #[serde(default)]
        leaves: bool,
    },
}

impl VolumeWork {
    /// Its name, for logs and answers.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Create(_) => "Create",
            Self::Remove(_) => "Remove",
            Self::Extend(..) => "Extend",
            Self::CreateSnapshot(..) => "CreateSnapshot",
            Self::RemoveSnapshot(..) => "RemoveSnapshot",
            Self::Revert(..) => "Revert",
            Self::UploadToImage(..) => "UploadToImage",
            Self::Backup(_) => "Backup",
            Self::Restore(..) => "Restore",
            Self::RemoveBackup(..) => "RemoveBackup",
            Self::CopyFrom(..) => "CopyFrom",
            Self::Manage(..) => "Manage",
            Self::Unmanage(_) => "Unmanage",
            Self::ManageSnapshot(..) => "ManageSnapshot",
            Self::UnmanageSnapshot(..) => "UnmanageSnapshot",
            Self::DiskToImage(..) => "DiskToImage",
        }
    }

    /// Every [`VolumeWork::label`].
    pub const LABELS: [&'static str; 16] = [
        "create",
        "remove",
        "extend",
        "create_snapshot",
        "remove_snapshot",
        "revert",
        "upload_to_image",
        "backup",
        "restore",
        "remove_backup",
        "copy_from",
        "manage",
        "unmanage",
        "manage_snapshot",
        "unmanage_snapshot",
        "disk_to_image",
    ];

    /// The same in metrics.
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Create(_) => "create",
            Self::Remove(_) => "remove",
            Self::Extend(..) => "extend",
            Self::CreateSnapshot(..) => "create_snapshot",
            Self::RemoveSnapshot(..) => "remove_snapshot",
            Self::Revert(..) => "revert",
            Self::UploadToImage(..) => "upload_to_image",
            Self::Backup(_) => "backup",
            Self::Restore(..) => "restore",
            Self::RemoveBackup(..) => "remove_backup",
            Self::CopyFrom(..) => "copy_from",
            Self::Manage(..) => "manage",
            Self::Unmanage(_) => "unmanage",
            Self::ManageSnapshot(..) => "manage_snapshot",
            Self::UnmanageSnapshot(..) => "unmanage_snapshot",
            Self::DiskToImage(..) => "disk_to_image",
        }
    }

    /// The volume whose bytes are read or changed: two orders about one volume are never executed at the same time. A server's own disk waits in the
    /// same queue under its server's id: no volume has that.
    pub fn volume(&self) -> VolumeId {
        match self {
            Self::Create(new) => new.volume,
            Self::Backup(new) => new.volume,
            Self::DiskToImage(server, _) => VolumeId(server.0),
            Self::Remove(volume)
            | Self::Extend(volume, _)
            | Self::CreateSnapshot(volume, _)
            | Self::RemoveSnapshot(volume, _)
            | Self::Revert(volume, _)
            | Self::UploadToImage(volume, _)
            | Self::Restore(volume, _)
            | Self::CopyFrom(volume, ..)
            | Self::Manage(volume, _)
            | Self::Unmanage(volume)
            | Self::ManageSnapshot(volume, ..)
            | Self::UnmanageSnapshot(volume, _)
            | Self::RemoveBackup(volume, _) => *volume,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ImageOfVolume, NewBackup, NewVolume, VolumeContent, VolumeWork};
    use crate::id::{BackupId, ImageId, ServerId, SnapshotId, VolumeId};
    use crate::image::DiskFormat;
    use crate::units::Bytes;
    use std::collections::BTreeSet;
    use uuid::Uuid;

    fn each() -> [VolumeWork; 16] {
        let id = Uuid::from_u128(1);
        let (volume, snapshot, backup) = (VolumeId(id), SnapshotId(id), BackupId(id));
        let content = VolumeContent::Empty;
        let new = NewVolume { volume, size: Bytes(1), content, holds_image: false };
        let kept = NewBackup { backup, volume, snapshot: None, parent: None, live: false };
        let wanted = ImageOfVolume {
            image: ImageId(id),
            upload: "u".into(),
            format: DiskFormat::Raw,
            live: false,
            image_volume: None,
        };
        [
            VolumeWork::Create(Box::new(new)),
            VolumeWork::Remove(volume),
            VolumeWork::Extend(volume, Bytes(1)),
            VolumeWork::CreateSnapshot(volume, snapshot),
            VolumeWork::RemoveSnapshot(volume, snapshot),
            VolumeWork::Revert(volume, snapshot),
            VolumeWork::UploadToImage(volume, Box::new(wanted.clone())),
            VolumeWork::Backup(Box::new(kept)),
            VolumeWork::Restore(volume, backup),
            VolumeWork::RemoveBackup(volume, backup),
            VolumeWork::CopyFrom(volume, Bytes(1), "b".into()),
            VolumeWork::Manage(volume, "n".into()),
            VolumeWork::Unmanage(volume),
            VolumeWork::ManageSnapshot(volume, snapshot, "n".into()),
            VolumeWork::UnmanageSnapshot(volume, snapshot),
            VolumeWork::DiskToImage(ServerId(id), Box::new(wanted)),
        ]
    }

    #[test]
    fn metrics_and_logs_call_work_the_same() {
        let snake = |name: &str| {
            let mut label = String::new();
            for letter in name.chars() {
                if letter.is_uppercase() && !label.is_empty() {
                    label.push('_');
                }
                label.push(letter.to_ascii_lowercase());
            }
            label
        };
        let each = each();
        for work in &each {
            assert_eq!(work.label(), snake(work.name()));
        }
        let labels: BTreeSet<_> = each.iter().map(VolumeWork::label).collect();
        assert_eq!(labels, BTreeSet::from(VolumeWork::LABELS));
        assert_eq!(labels.len(), each.len());
    }
}
