//! What a volume was made of, and whether its making was finished. All of this blocks.

use crate::rbd::{CephConnection, CephError, LinkedImage, OpenImage, RbdPool};
use hatchery_ports::volume_backend::VolumeError;

/// Ends a walk through parents that would never end.
const MOST_FOREBEARS: u32 = 64;

pub(super) fn parent_by_id(pool: &RbdPool, id: &str) -> Result<Option<LinkedImage>, VolumeError> {
    match pool.open_by_id(id) {
        Err(error) if error.is_not_found() => Ok(None),
        opened => Ok(opened?.parent()?.map(|(parent, _)| parent)),
    }
}

/// How many volumes of this pool it lies on, one on the other.
pub(super) fn depth(pool: &RbdPool, image: &OpenImage) -> Result<u32, VolumeError> {
    let mut depth = 0;
    let mut next = image.parent()?.map(|(parent, _)| parent);
    while let Some(parent) = next {
        if parent.pool != pool.name() || depth == MOST_FOREBEARS {
            break;
        }
        depth += 1;
        next = parent_by_id(pool, &parent.id)?;
    }
    Ok(depth)
}

/// Whether an image that should be a clone was made to its end. Ceph makes an image, then tells it its parent, then tells the parent; one that was
/// cut off before holds zeros, or a parent that does not know of it. `is_noted`: whether a note says that it was whole, for one without a parent.
pub(crate) fn is_whole_clone(
    ceph: &CephConnection,
    pool: &RbdPool,
    name: &str,
    image: &OpenImage,
    is_noted: impl FnOnce() -> Result<bool, CephError>,
) -> Result<bool, CephError> {
    let Some((parent, snapshot)) = image.parent()? else {
        // Flattened since, or nothing at all.
        let has_data = !image.extents(None, (0, image.size()?), true)?.is_empty();
        let has_past = !image.snapshots()?.is_empty() || image.hidden_snapshots()? > 0;
        return Ok(has_data || has_past || is_noted()?);
    };
    tracing::debug!(name, parent = parent.name, snapshot, "a clone is looked at again");
    let children = match ceph.pool(&parent.pool)?.open_by_id(&parent.id) {
        Err(error) if error.is_not_found() => return Ok(false),
        opened => opened?.children()?,
    };
    Ok(children.iter().any(|child| child.pool == pool.name() && child.name == name))
}
