//! Removal, now or with the last clone. All of this blocks.

use super::backend::Work;
use super::error::Failed;
use super::names;
use crate::rbd::removal::{finish, is_going, remove_name, take_away};
use crate::rbd::{NamedImage, OpenImage};
use crate::volume::drop_snapshot;
use hatchery_ports::disk_backend::DiskError;

/// Removes a disk, and what a `create` that was cut off has left. Gives what is in the trash still: something needs it, or has it open for a moment.
pub(super) fn remove(work: &Work<'_>, name: &str) -> Result<Option<NamedImage>, Failed> {
    finish_renaming(work, name)?;
    let part = remove_image(work, &names::part(name))?;
    Ok(remove_image(work, name)?.or(part))
}

/// Removes from the trash what is still there, if it can be now.
pub(super) fn finish_removal(
    work: &Work<'_>,
    image: NamedImage,
) -> Result<Option<NamedImage>, Failed> {
    Ok((!finish(&work.pool, &image)?).then_some(image))
}

/// Takes the name away that a copy had before it was whole, where that was cut off.
pub(super) fn finish_renaming(work: &Work<'_>, name: &str) -> Result<(), Failed> {
    let part = names::part(name);
    let Some(before) = work.pool.find(&part)? else { return Ok(()) };
    let Some(image) = work.pool.find(name)? else { return Ok(()) };
    if before.id()? == image.id()? {
        drop((before, image));
        work.pool.rename_again(&part, name)?;
    }
    Ok(())
}

/// Removes what has this name, if only a name is left of one whose making was cut off. Its snapshots go with it: clones of them keep what they
/// need.
pub(super) fn remove_image(work: &Work<'_>, name: &str) -> Result<Option<NamedImage>, Failed> {
    let Some(image) = work.pool.find(name)? else {
        remove_name(&work.pool, name)?;
        return Ok(None);
    };
    require_idle(work, &image, name)?;
    let snapshots = image.snapshots()?;
    if !snapshots.is_empty() {
        let image = work.pool.open(name)?;
        snapshots.iter().try_for_each(|one| drop_snapshot(&image, &one.name))?;
    }
    let image = NamedImage { id: image.id()?, name: name.to_owned() };
    take_away(&work.pool, &image)?;
    Ok(is_going(&work.pool, &image.id)?.then_some(image))
}

/// Refuses what somebody has open.
fn require_idle(work: &Work<'_>, image: &OpenImage, name: &str) -> Result<(), Failed> {
    let ours = work.ceph.client();
    let mut others = image.watchers()?.into_iter().filter(|watcher| watcher.client != ours);
    match others.next() {
        None => Ok(()),
        Some(other) => Err(Failed(DiskError::Conflict(format!(
            "{}/{name} is in use by {}: end that, or wait 30 seconds if it has died",
            work.pool.name(),
            other.address
        )))),
    }
}
