//! What a user asks for when they ask for a volume.

use hatchery_model::id::{GroupId, ImageId, SnapshotId, VolumeId};
use std::collections::BTreeMap;

/// A request for a volume.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct VolumeRequest {
    /// Need not be unique.
    pub name: Option<String>,
    /// Free text.
    pub description: Option<String>,
    /// Its size in GiB. `None`: that of the snapshot or volume that it is made of.
    pub size_gib: Option<u64>,
    /// What it holds at first.
    pub source: VolumeSource,
    /// Id or name of its type. `None`: the source's, the one that the image names, or the default.
    pub volume_type: Option<String>,
    /// Its zone. `None`: the source's, or the default.
    pub availability_zone: Option<String>,
    /// Free pairs.
    pub metadata: BTreeMap<String, String>,
    /// The group that it is to be in: then a type is named.
    pub group: Option<GroupId>,
}

/// What a volume is made of.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum VolumeSource {
    /// Nothing: it holds zeros.
    #[default]
    Empty,
    /// An image's bytes.
    Image(ImageId),
    /// What a volume held at a snapshot.
    Snapshot(SnapshotId),
    /// What another volume holds.
    Volume(VolumeId),
}
