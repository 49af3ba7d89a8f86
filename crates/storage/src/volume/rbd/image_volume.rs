//! Volumes that hold an image: they never change, and many others are cloned of them, so that nobody need wait until one at the end of a chain
//! has been flattened. All of this blocks.

use super::backend::Work;
use super::background::Stop;
use super::create::{Making, flatten, has_room, too_small};
use super::remove::{drop_snapshot, forget_source, remove_forebears};
use super::{lineage, names, verbs};
use crate::rbd::{Clash, OpenImage};
use hatchery_model::id::VolumeId;
use hatchery_model::units::Bytes;
use hatchery_ports::volume_backend::VolumeError;

/// What came up while a volume was made.
#[derive(Clone, Copy, Default)]
pub(super) struct Found {
    /// The volume of an image that is at the end of a chain: it is to be flattened, and others need not wait for that.
    pub(super) to_flatten: Option<VolumeId>,
    /// Whether this volume cannot be made before.
    pub(super) must_wait: bool,
}

/// Whether a chain may not go on from this image.
pub(super) fn is_at_limit(work: &Work<'_>, image: &OpenImage) -> Result<bool, VolumeError> {
    let most = work.settings.max_clone_depth;
    Ok(most > 0 && lineage::depth(&work.pool, image)? >= most)
}

impl Making<'_> {
    /// Of a volume that holds an image: all clones are made of one snapshot. Where no chain may be, as of any.
    pub(super) fn of_image_volume(&self, of: VolumeId) -> Result<u64, VolumeError> {
        let work = self.work;
        let most = work.settings.max_clone_depth;
        if most == 0 {
            return self.of_volume(of);
        }
        // Read only: a watch and a lock for each of five hundred clones would be most of their time.
        let source = work.pool.find(&names::volume(of))?.ok_or_else(|| verbs::no_volume(of))?;
        let depth = lineage::depth(&work.pool, &source)?;
        if depth >= most {
            return self.beside_image_volume(of, &source, depth == most);
        }
        let from = names::volume(of);
        let snapshot = source.snapshots()?.into_iter().find(|one| one.name == names::IMAGE_SNAP);
        if snapshot.is_none() {
            self.first_snapshot(of)?;
        }
        let is_as_large = snapshot.is_some_and(|snapshot| snapshot.size == self.size);
        if is_as_large && self.waited_for == 0 {
            // There is nothing to be done to it, so that it is not opened: that would be half of its time.
            self.bare_clone(&self.name(), (&work.pool, &from, names::IMAGE_SNAP))?;
            return Ok(0);
        }
        let image = self.clone_to(&self.name(), (&from, names::IMAGE_SNAP))?;
        if self.waited_for > 0 {
            self.note().keep(&image, self.waited_for)?;
        }
        image.close()?;
        Ok(self.waited_for)
    }

    /// Of those who come first at the same time, one makes it.
    fn first_snapshot(&self, of: VolumeId) -> Result<(), VolumeError> {
        let source = verbs::open(&self.work.pool, of)?;
        match source.snapshot(names::IMAGE_SNAP) {
            Err(error) if error.clashes(Clash::Exists) => {}
            // What the volume itself was made of is needed no more, if it was flattened and that was cut off behind.
            made => {
                made?;
                forget_source(self.work, of)?;
            }
        }
        Ok(source.close()?)
    }

    /// Of one at the end of a chain. What it was cloned of holds the same bytes, as long as there is a snapshot of that, and a second clone makes no
    /// chain longer; so fifty at once need neither copy the image nor wait. Else the wait for the flattening, which is under way, costs less than
    /// another copy.
    fn beside_image_volume(
        &self,
        of: VolumeId,
        source: &OpenImage,
        is_just_there: bool,
    ) -> Result<u64, VolumeError> {
        self.found.set(Found { to_flatten: Some(of), must_wait: false });
        let size = source.size()?;
        if size > self.size {
            return Err(too_small(self.size, size));
        }
        if is_just_there
            && let Some((parent, snapshot)) = source.parent()?
            && !parent.is_in_trash
        {
            match self.clone_to(&self.name(), (&parent.name, &snapshot)) {
                Err(VolumeError::NotFound(_)) => {}
                made => {
                    made?.close()?;
                    tracing::info!(volume.id = %self.volume, image_volume = %of, of = parent.name, snapshot, "a volume is cloned of what its image's volume was cloned of, which is at the end of a chain and is flattened");
                    return Ok(0);
                }
            }
        }
        self.found.set(Found { to_flatten: Some(of), must_wait: true });
        Err(VolumeError::Conflict(format!(
            "the image's volume {of} is at the end of a chain of clones and must be flattened first"
        )))
    }

    /// Of a new volume that holds an image: whether it is at the end of a chain already.
    pub(super) fn look_at_depth(&self) -> Result<(), VolumeError> {
        if !self.holds_image {
            return Ok(());
        }
        if let Some(image) = self.work.pool.find(&self.name())?
            && is_at_limit(self.work, &image)?
        {
            self.found.set(Found { to_flatten: Some(self.volume), must_wait: false });
        }
        Ok(())
    }
}

/// Flattens the volume of an image, and forgets what it was made of. May be repeated. Gives the bytes that were copied.
pub(super) fn end_chain(
    work: &Work<'_>,
    volume: VolumeId,
    stop: &Stop,
) -> Result<u64, VolumeError> {
    let image = verbs::open(&work.pool, volume)?;
    let mut copied = 0;
    let parent = image.parent()?.map(|(parent, _)| parent);
    if parent.is_some() {
        // Of a time when the limit was higher: what is cloned of it has the whole chain below it. Nobody uses it while the volume is at its end.
        drop_snapshot(&image, names::IMAGE_SNAP)?;
        has_room(work, needed(&image)?)?;
        copied = flatten(&image, &mut |_, _| !*stop.borrow())?;
    }
    image.close()?;
    forget_source(work, volume)?;
    if let Some(parent) = parent {
        remove_forebears(work, parent)?;
    }
    Ok(copied)
}

/// What the image shares with its parent.
fn needed(image: &OpenImage) -> Result<Bytes, VolumeError> {
    let range = (0, image.size()?);
    let of = |own_only| -> Result<u64, VolumeError> {
        let extents = image.extents(None, range, own_only)?;
        Ok(extents.iter().filter(|one| one.has_data).map(|one| one.length).sum())
    };
    Ok(Bytes(of(false)?.saturating_sub(of(true)?)))
}
