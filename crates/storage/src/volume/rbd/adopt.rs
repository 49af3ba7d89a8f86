//! Images of the pool that are taken for volumes, and volumes that are forgotten while their image stays, with the name that it has. All of this
//! blocks.

use super::backend::Work;
use super::{names, remove, verbs};
use crate::rbd::OpenImage;
use hatchery_model::disk::BlockSource;
use hatchery_model::id::{SnapshotId, VolumeId};
use hatchery_model::units::Bytes;
use hatchery_model::volume::{Manageable, ManageableSnapshot};
use hatchery_ports::volume_backend::VolumeError;

/// Takes an image for a volume: it gets the volume's name.
pub(super) fn manage(
    work: &Work<'_>,
    volume: VolumeId,
    name: &str,
) -> Result<(BlockSource, Bytes), VolumeError> {
    let to = names::volume(volume);
    if name.is_empty() || name.contains(['/', '@', '\0']) {
        return Err(VolumeError::Invalid(format!(
            "'{name}' is no name of an image in the backend's pool: it must have no slash and no @"
        )));
    }
    // A rename that was cut off leaves both names, and is done again.
    if work.pool.find(name)?.is_none() || name == to {
        return match work.pool.find(&to)? {
            Some(image) => Ok((work.source(to), Bytes(image.size()?))),
            None => Err(VolumeError::NotFound(format!(
                "the pool {} has no image {name}: put it there",
                work.pool.name()
            ))),
        };
    }
    let size = {
        let image = work.pool.open(name)?;
        verbs::require_idle(work, &image, volume, "take its image for it")?;
        let size = Bytes(image.size()?);
        image.close()?;
        size
    };
    if size.0 == 0 || size.0 % 512 != 0 {
        return Err(VolumeError::Invalid(format!(
            "the image {name} has {size}, which is not whole sectors of 512 bytes, or none"
        )));
    }
    work.pool.rename_again(name, &to)?;
    Ok((work.source(to), size))
}

/// Forgets a volume. Nothing is noted of it but what a copy needs of its source, which goes.
pub(super) fn unmanage(work: &Work<'_>, volume: VolumeId) -> Result<(), VolumeError> {
    let Some(image) = work.pool.find(&names::volume(volume))? else { return Ok(()) };
    verbs::require_idle(work, &image, volume, "let it go")?;
    let mut kept = 0;
    for one in image.snapshots()? {
        if let Some(snapshot) = names::read_snapshot(&one.name) {
            kept += u32::from(image.note(&names::unmanaged_note(snapshot))?.is_none());
        }
    }
    if kept > 0 {
        return Err(VolumeError::Conflict(format!(
            "volume {volume} has {kept} snapshots: delete them first"
        )));
    }
    remove::forget_source(work, volume)
}

/// The images of the pool that are whole.
pub(super) fn manageable(work: &Work<'_>) -> Result<Vec<Manageable>, VolumeError> {
    let mut all = Vec::new();
    for image in work.pool.list()? {
        let volume = names::read(&image.name);
        if volume.is_some_and(|volume| names::volume(volume) != image.name) {
            continue;
        }
        let Some(open) = work.pool.find(&image.name)? else { continue };
        all.push(Manageable {
            name: image.name,
            size: Bytes(open.size()?),
            volume,
            refused_by: None,
        });
    }
    all.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(all)
}

fn size_of(image: &OpenImage, snapshot: &str) -> Result<Option<Bytes>, VolumeError> {
    let found = image.snapshots()?.into_iter().find(|one| one.name == snapshot);
    Ok(found.map(|one| Bytes(one.size)))
}

/// Takes a snapshot of the volume's for another one. Its new name is what is done last: until then it is nobody's.
pub(super) fn manage_snapshot(
    work: &Work<'_>,
    (volume, snapshot): (VolumeId, SnapshotId),
    name: &str,
) -> Result<Bytes, VolumeError> {
    let image = verbs::open(&work.pool, volume)?;
    let to = names::snapshot(snapshot);
    if let Some(size) = size_of(&image, &to)? {
        return Ok(size);
    }
    if name.is_empty() || name.contains(['/', '@', '\0']) || names::is_passing(name) {
        return Err(VolumeError::Invalid(format!(
            "'{name}' is no name of a snapshot that can be taken: it must have no slash and no @, and be none that a clone or a backup needs"
        )));
    }
    let Some(size) = size_of(&image, name)? else {
        return Err(VolumeError::NotFound(format!(
            "volume {volume} has no snapshot {name} in the pool {}: see `rbd snap ls`",
            work.pool.name()
        )));
    };
    if let Some(forgotten) = names::read_snapshot(name) {
        image.remove_note(&names::unmanaged_note(forgotten))?;
    }
    image.rename_snapshot(name, &to)?;
    image.close()?;
    Ok(size)
}

/// Forgets a snapshot. A note says so, since it keeps its name.
pub(super) fn unmanage_snapshot(
    work: &Work<'_>,
    volume: VolumeId,
    snapshot: SnapshotId,
) -> Result<(), VolumeError> {
    let image = match work.pool.open(&names::volume(volume)) {
        Err(error) if error.is_not_found() => return Ok(()),
        opened => opened?,
    };
    if size_of(&image, &names::snapshot(snapshot))?.is_some() {
        image.set_note(&names::unmanaged_note(snapshot), "1")?;
    }
    Ok(image.close()?)
}

/// The snapshots of all images.
pub(super) fn manageable_snapshots(
    work: &Work<'_>,
) -> Result<Vec<ManageableSnapshot>, VolumeError> {
    let mut all = Vec::new();
    for image in work.pool.list()? {
        let volume = names::read(&image.name).filter(|one| names::volume(*one) == image.name);
        let Some(open) = work.pool.find(&image.name)? else { continue };
        for one in open.snapshots()? {
            let refused_by = match volume {
                None => Some("what it is of is no volume: manage that first".to_owned()),
                Some(_) if one.name.ends_with(names::CLONE_SNAP) => {
                    Some("used for clone snap".to_owned())
                }
                Some(_) if names::is_passing(&one.name) => {
                    Some("used for volume backup".to_owned())
                }
                Some(_) => None,
            };
            all.push(ManageableSnapshot {
                snapshot: names::read_snapshot(&one.name),
                name: one.name,
                size: Bytes(one.size),
                of: image.name.clone(),
                volume,
                refused_by,
            });
        }
    }
    all.sort_by(|one, other| (&one.of, &one.name).cmp(&(&other.of, &other.name)));
    Ok(all)
}
