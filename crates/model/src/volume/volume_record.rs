//! A volume: what the control plane knows of it.

use super::{BackendName, MigrationStatus, VolumeState};
use crate::disk::BlockSource;
use crate::generation::Generation;
use crate::id::{GroupId, ImageId, ProjectId, SnapshotId, UserId, VolumeId, VolumeTypeId};
use crate::provision::{Refusal, Rung};
use crate::timestamp::Timestamp;
use crate::units::Bytes;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A volume's row.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Volume {
    /// Its id.
    pub id: VolumeId,
    /// Compare-and-set counter.
    pub generation: Generation,
    /// The project that owns it.
    pub project: ProjectId,
    /// Who made it.
    pub user: UserId,
    /// Need not be unique.
    pub name: Option<String>,
    /// Free text.
    pub description: Option<String>,
    /// Its size in GiB.
    pub size_gib: u64,
    /// Where it is in its life.
    pub state: VolumeState,
    /// Where its bytes are. `None`: no backend could take it.
    pub backend: Option<BackendName>,
    /// What a hypervisor learns of them. `None` until it has been made.
    pub source: Option<BlockSource>,
    /// Its type.
    pub volume_type: VolumeTypeId,
    /// Its zone.
    pub availability_zone: String,
    /// Free pairs of its user.
    pub metadata: BTreeMap<String, String>,
    /// Whether a server may boot from it.
    pub bootable: bool,
    /// Whether servers are to use it without changing it.
    pub read_only: bool,
    /// Whether anybody has ever said that or the opposite: then its metadata tell which.
    #[serde(default)]
    pub read_only_said: bool,
    /// Whether several servers may use it at once.
    pub multiattach: bool,
    /// The image whose bytes it held at first.
    pub image: Option<ImageId>,
    /// What is said of that image: `volume_image_metadata`.
    pub image_metadata: BTreeMap<String, String>,
    /// The snapshot that it was made of.
    pub source_snapshot: Option<SnapshotId>,
    /// The volume that it was made of.
    pub source_volume: Option<VolumeId>,
    /// The group that it is in.
    #[serde(default)]
    pub group: Option<GroupId>,
    /// How it came to its bytes, where they are an image's.
    pub way: Option<VolumeWay>,
    /// What became of its last way to another backend. `None`: there was none, or an administrator has said so.
    #[serde(default)]
    pub migration: Option<MigrationStatus>,
    /// Backends where it was or was to be, and which may hold what could not be removed then. It is removed there with the volume.
    #[serde(default)]
    pub left_at: Vec<BackendName>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl Volume {
    /// What `migration_status` says. `None`: nothing.
    pub fn migration_status(&self) -> Option<MigrationStatus> {
        match &self.state {
            VolumeState::Moving(moving) => Some(moving.migration()),
            _ => self.migration,
        }
    }

    /// The backend whose agent has the order that the volume waits for.
    pub fn ordered_from(&self) -> Option<&BackendName> {
        match &self.state {
            VolumeState::Moving(moving) => Some(moving.ordered_from()),
            _ => self.backend.as_ref(),
        }
    }
}

/// The way from an image to a volume.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct VolumeWay {
    /// The rung: the planned one until the agent has said which one was taken.
    pub rung: Rung,
    /// Every cheaper rung, and why it was not taken.
    pub refused: Vec<Refusal>,
    /// Bytes that were really copied. `None` until the agent has said so.
    pub bytes_copied: Option<Bytes>,
    /// Milliseconds that it took.
    pub took_ms: Option<u64>,
}
