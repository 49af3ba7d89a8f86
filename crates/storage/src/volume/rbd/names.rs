//! What things are called in the pool.

use crate::rbd::{CephError, OpenImage};
use hatchery_model::id::{SnapshotId, VolumeId};

/// The end of a name that a volume has while it is made.
const PART: &str = ".part";
/// Notes of the pool for copies that are being made: the copy, and its source.
pub(super) const SOURCE: &str = "hatchery.source.";
/// The end of the name of a snapshot that a copy needs for a moment.
pub(super) const CLONE_SNAP: &str = ".clone_snap";
/// The snapshot that all clones of a volume share which holds an image. It goes with the volume.
pub(super) const IMAGE_SNAP: &str = "image.clone_snap";
/// A note with the image: how many bytes were copied when it was made.
const BYTES_COPIED: &str = "hatchery.bytes_copied";
/// A note with the image: the size that it has again after a revert.
const SIZE: &str = "hatchery.size";

/// A note with the image of a volume: this snapshot of it was forgotten.
pub(super) fn unmanaged_note(snapshot: SnapshotId) -> String {
    format!("hatchery.unmanaged.{snapshot}")
}

/// Whether a snapshot is one that a clone or a backup needs.
pub(super) fn is_passing(snapshot: &str) -> bool {
    snapshot.ends_with(CLONE_SNAP) || snapshot.starts_with("backup.")
}

/// A number that is noted with a volume. Clones inherit the notes of what they are made of, so each names its volume.
#[derive(Clone, Copy)]
pub(super) struct Note {
    key: &'static str,
    volume: VolumeId,
}

impl Note {
    pub(super) const fn bytes_copied(volume: VolumeId) -> Self {
        Self { key: BYTES_COPIED, volume }
    }

    pub(super) const fn size(volume: VolumeId) -> Self {
        Self { key: SIZE, volume }
    }

    pub(super) fn read(self, image: &OpenImage) -> Result<Option<u64>, CephError> {
        let found = image.note(self.key)?;
        Ok(found.and_then(|text| {
            let (volume, number) = text.split_once(' ')?;
            (volume == self.volume.to_string()).then(|| number.parse().ok()).flatten()
        }))
    }

    pub(super) fn keep(self, image: &OpenImage, number: u64) -> Result<(), CephError> {
        image.set_note(self.key, &format!("{} {number}", self.volume))
    }

    pub(super) fn remove(self, image: &OpenImage) -> Result<(), CephError> {
        image.remove_note(self.key)
    }
}

pub(super) fn volume(volume: VolumeId) -> String {
    format!("volume-{volume}")
}

pub(super) fn part(volume: VolumeId) -> String {
    format!("volume-{volume}{PART}")
}

pub(super) fn snapshot(snapshot: SnapshotId) -> String {
    format!("snapshot-{snapshot}")
}

/// The snapshot of its source that a copy needs.
pub(super) fn clone_snap(copy: VolumeId) -> String {
    format!("volume-{copy}{CLONE_SNAP}")
}

/// The pool's note that says of which volume a copy is made.
pub(super) fn source_note(copy: VolumeId) -> String {
    format!("{SOURCE}volume-{copy}")
}

/// The volume that a name of the pool stands for, whether it is whole or being made.
pub(super) fn read(name: &str) -> Option<VolumeId> {
    let id = name.strip_prefix("volume-")?;
    let id = id.strip_suffix(PART).unwrap_or(id);
    // Only the spelling that is written here.
    id.parse::<VolumeId>().ok().filter(|volume| volume.to_string() == id)
}

/// The snapshot's id, where it is one that a user made.
pub(super) fn read_snapshot(name: &str) -> Option<SnapshotId> {
    let id = name.strip_prefix("snapshot-")?;
    id.parse::<SnapshotId>().ok().filter(|snapshot| snapshot.to_string() == id)
}

#[cfg(test)]
mod tests {
    use super::{clone_snap, part, read, read_snapshot, snapshot, volume};
    use hatchery_model::id::{SnapshotId, VolumeId};
    use uuid::Uuid;

    #[test]
    fn names_are_read_as_they_are_written() {
        let id = VolumeId(Uuid::from_u128(7));
        assert_eq!(read(&volume(id)), Some(id));
        assert_eq!(read(&part(id)), Some(id));
        for other in [
            "volume-",
            "volume-x",
            "vm",
            "volume-x.deleted",
            &clone_snap(id),
            &volume(id).to_uppercase(),
        ] {
            assert_eq!(read(other), None, "{other}");
        }
        let taken = SnapshotId(Uuid::from_u128(8));
        assert_eq!(read_snapshot(&snapshot(taken)), Some(taken));
        assert_eq!(read_snapshot(&clone_snap(id)), None);
    }
}
