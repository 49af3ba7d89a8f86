//! Images of the pool that are taken for volumes, and volumes that are forgotten while their image stays, with the name that it has. All of this
//! blocks.

use super::backend::Work;
use super::{names, remove, verbs};
use hatchery_model::disk::BlockSource;
use hatchery_model::id::VolumeId;
use hatchery_model::units::Bytes;
use hatchery_model::volume::Manageable;
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
    let snapshots = image.snapshots()?;
    let kept = snapshots.iter().filter(|one| names::read_snapshot(&one.name).is_some()).count();
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
