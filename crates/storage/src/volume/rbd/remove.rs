//! Removal, now or with the last clone. All of this blocks.

use super::backend::Work;
use super::{lineage, names, verbs};
use crate::rbd::removal::{finish, forget_name, going_of, is_going, take_away};
use crate::rbd::{Clash, LinkedImage, NamedImage, OpenImage};
use hatchery_model::id::{SnapshotId, VolumeId};
use hatchery_ports::volume_backend::VolumeError;

/// What became of a removal.
pub(super) enum Removed {
    Gone,
    /// Not now: somebody has it open, or has died with it open a moment ago.
    InUse(VolumeError),
}

/// Removes a volume, and what a `create` that was cut off has left.
pub(super) fn remove(work: &Work<'_>, volume: VolumeId) -> Result<Removed, VolumeError> {
    forget_source(work, volume)?;
    for name in [names::part(volume), names::volume(volume)] {
        if let Removed::InUse(error) = remove_image(work, volume, &name)? {
            return Ok(Removed::InUse(error));
        }
    }
    Ok(Removed::Gone)
}

/// Ends a copy's hold on its source: the snapshot of a moment, then the note that tells of it.
pub(super) fn forget_source(work: &Work<'_>, copy: VolumeId) -> Result<(), VolumeError> {
    let note = names::source_note(copy);
    let Some(source) = work.pool.note(&note)? else { return Ok(()) };
    match work.pool.open(&source) {
        Ok(image) => drop_snapshot(&image, &names::clone_snap(copy))?,
        Err(error) if error.is_not_found() => {}
        Err(error) => return Err(error.into()),
    }
    Ok(work.pool.remove_note(&note)?)
}

/// Removes a snapshot. `Ok` when there is none. `Conflict` when it is protected, and has clones of format 1.
pub(crate) fn drop_snapshot(image: &OpenImage, name: &str) -> Result<(), VolumeError> {
    let protected = match image.is_protected(name) {
        Err(error) if error.is_not_found() => return Ok(()),
        asked => asked?,
    };
    if protected {
        image.unprotect(name)?;
    }
    match image.remove_snapshot(name) {
        Err(error) if error.is_not_found() => Ok(()),
        done => Ok(done?),
    }
}

pub(super) fn remove_snapshot(
    work: &Work<'_>,
    volume: VolumeId,
    snapshot: SnapshotId,
) -> Result<(), VolumeError> {
    let image = match work.pool.open(&names::volume(volume)) {
        Err(error) if error.is_not_found() => return Ok(()),
        opened => opened?,
    };
    let name = names::snapshot(snapshot);
    match drop_snapshot(&image, &name) {
        // Those clones, which others made, cannot live without it.
        Err(VolumeError::Conflict(_)) => {
            flatten_children(work, &image)?;
            drop_snapshot(&image, &name)
        }
        done => done,
    }
}

fn flatten_children(work: &Work<'_>, image: &OpenImage) -> Result<(), VolumeError> {
    for child in image.children()? {
        if child.is_in_trash {
            continue;
        }
        tracing::info!(pool = child.pool, image = child.name, "a clone of format 1 is flattened");
        work.ceph.pool(&child.pool)?.open(&child.name)?.flatten(&mut |_, _| true)?;
    }
    Ok(())
}

/// Removes what has this name, if only a name is left of one whose making was cut off.
pub(super) fn remove_image(
    work: &Work<'_>,
    volume: VolumeId,
    name: &str,
) -> Result<Removed, VolumeError> {
    let Some(image) = work.pool.find(name)? else {
        finish_removal(work, name)?;
        forget_name(&work.pool, name)?;
        return Ok(Removed::Gone);
    };
    if let Err(error) = verbs::require_idle(work, &image, volume, "delete it") {
        return match error {
            VolumeError::Conflict(_) => Ok(Removed::InUse(error)),
            error => Err(error),
        };
    }
    let snapshots = image.snapshots()?;
    let (passing, real): (Vec<_>, Vec<_>) =
        snapshots.iter().partition(|one| one.name.ends_with(names::CLONE_SNAP));
    if let Some(first) = real.first() {
        return Err(VolumeError::Conflict(format!(
            "volume {volume} has {} snapshots, such as {}: delete them first",
            real.len(),
            first.name
        )));
    }
    if !passing.is_empty() {
        let image = work.pool.open(name)?;
        passing.iter().try_for_each(|one| drop_snapshot(&image, &one.name))?;
    }
    let parent = image.parent()?.map(|(parent, _)| parent);
    let image = NamedImage { id: image.id()?, name: name.to_owned() };
    match take_away(&work.pool, &image) {
        Err(error) if error.clashes(Clash::InUse) => return Ok(Removed::InUse(error.into())),
        taken => taken?,
    }
    if let Some(parent) = parent {
        remove_forebears(work, parent)?;
    }
    Ok(Removed::Gone)
}

/// Ends a removal that was cut off behind the loss of the name.
fn finish_removal(work: &Work<'_>, name: &str) -> Result<(), VolumeError> {
    for image in going_of(&work.pool, name)? {
        let parent = lineage::parent_by_id(&work.pool, &image.id)?;
        if finish(&work.pool, &image)?
            && let Some(parent) = parent
        {
            remove_forebears(work, parent)?;
        }
    }
    Ok(())
}

/// Removes from the trash what only this clone has needed, and in turn what that has needed.
///
/// Whether that is there is asked now that the clone has gone, and not known from before: whoever moves it there afterwards finds no clone.
pub(super) fn remove_forebears(work: &Work<'_>, parent: LinkedImage) -> Result<(), VolumeError> {
    let mut next = Some(parent);
    while let Some(LinkedImage { pool, id, name, .. }) = next.take() {
        let is_there = || -> Result<bool, VolumeError> {
            Ok(is_going(&work.pool, &id)? && work.pool.trash()?.iter().any(|one| one.id == id))
        };
        if pool != work.pool.name() || !is_there()? {
            return Ok(());
        }
        let above = lineage::parent_by_id(&work.pool, &id)?;
        if finish(&work.pool, &NamedImage { id, name })? {
            next = above;
        }
    }
    Ok(())
}
