//! A new volume: the plan's steps, executed as they stand. All of this blocks.

use super::backend::{RbdVolumeSettings, Work};
use super::copy::{Digested, ImageBytes, copy_bytes};
use super::image_volume::{Found, is_at_limit};
use super::remove::{Removed, drop_snapshot, forget_source, remove_image};
use super::{lineage, names, verbs};
use crate::rbd::{CephError, Clash, OpenImage, RbdPool, Span};
use hatchery_model::id::{ImageId, VolumeId};
use hatchery_model::image::RawForm;
use hatchery_model::provision::{ImageLocation, Plan, PlanStep};
use hatchery_model::units::Bytes;
use hatchery_model::volume::{NewVolume, VolumeContent};
use hatchery_ports::volume_backend::{CreatedVolume, VolumeError};
use std::cell::Cell;

/// A size that librbd takes, and every hypervisor.
pub(super) fn whole_sectors(size: Bytes) -> Result<u64, VolumeError> {
    const MOST: u64 = 1 << 60;
    if size.0 == 0 || size.0 > MOST {
        return Err(VolumeError::Invalid(
            "a volume's size must be above 0 and at most 1 EiB: choose another one".to_owned(),
        ));
    }
    Ok(size.0.next_multiple_of(512))
}

/// Whether bytes are moved.
pub(super) fn span(settings: &RbdVolumeSettings, content: &VolumeContent) -> Span {
    let may_chain = settings.max_clone_depth > 0;
    let is_clone = |step: &PlanStep| {
        matches!(step, PlanStep::CloneImage(_))
            || may_chain && matches!(step, PlanStep::CloneVolume(_))
    };
    match content {
        VolumeContent::Empty => Span::Short,
        VolumeContent::Image { plan, .. } if plan.steps.iter().all(is_clone) => Span::Short,
        VolumeContent::Snapshot(..) if !settings.flatten_volume_from_snapshot => Span::Short,
        VolumeContent::Image { .. } | VolumeContent::Snapshot(..) | VolumeContent::Volume(_) => {
            Span::Long
        }
    }
}

/// What became of a creation.
pub(super) enum Made {
    /// It is there; and the volume of an image that is to be flattened, which it need not wait for.
    There(CreatedVolume, Option<VolumeId>),
    /// Not now: what an earlier try has left must go first, and its maker has died with it open a moment ago.
    InUse(VolumeError),
    /// Not before this volume of an image has been flattened.
    Behind(VolumeId, VolumeError),
}

/// Makes the volume, or finds that it is there. `waited_for`: what was copied before, for this volume, when another one was flattened.
pub(super) fn create(
    work: &Work<'_>,
    new: &NewVolume,
    waited_for: u64,
) -> Result<Made, VolumeError> {
    let making = Making {
        work,
        volume: new.volume,
        size: whole_sectors(new.size)?,
        holds_image: new.holds_image,
        waited_for,
        is_blocked: Cell::new(false),
        found: Cell::default(),
    };
    let made = make_or_find(&making, new);
    let Found { to_flatten, must_wait } = making.found.get();
    match (made, to_flatten) {
        (Ok(made), to_flatten) => Ok(Made::There(made, to_flatten)),
        (Err(error), _) if making.is_blocked.get() => Ok(Made::InUse(error)),
        (Err(error), Some(of)) if must_wait => Ok(Made::Behind(of, error)),
        (Err(error), _) => Err(error),
    }
}

fn make_or_find(making: &Making<'_>, new: &NewVolume) -> Result<CreatedVolume, VolumeError> {
    let rung = match &new.content {
        VolumeContent::Image { plan, .. } => Some(plan.rung),
        VolumeContent::Empty | VolumeContent::Snapshot(..) | VolumeContent::Volume(_) => None,
    };
    let there = making.find(&new.content)?;
    let bytes_copied = match there {
        Some(copied) => copied,
        None => match making.make(&new.content) {
            Err(error) if !making.is_blocked.get() => {
                making.abandon();
                return Err(error);
            }
            made => made?,
        },
    };
    making.look_at_depth()?;
    let source = making.work.source(names::volume(new.volume));
    Ok(CreatedVolume { source, rung, bytes_copied: Bytes(bytes_copied) })
}

/// A volume that is being made.
pub(super) struct Making<'a> {
    pub(super) work: &'a Work<'a>,
    pub(super) volume: VolumeId,
    pub(super) size: u64,
    pub(super) holds_image: bool,
    pub(super) waited_for: u64,
    /// Whether something could not be taken away because somebody has it open.
    is_blocked: Cell<bool>,
    pub(super) found: Cell<Found>,
}

impl Making<'_> {
    pub(super) fn name(&self) -> String {
        names::volume(self.volume)
    }

    pub(super) fn note(&self) -> names::Note {
        names::Note::bytes_copied(self.volume)
    }

    /// The bytes that were copied for the volume, if it is there and whole. What is not whole goes.
    fn find(&self, content: &VolumeContent) -> Result<Option<u64>, VolumeError> {
        let (pool, name) = (&self.work.pool, self.name());
        let Some(image) = pool.find(&name)? else { return Ok(None) };
        let is_clone = match content {
            VolumeContent::Empty => false,
            VolumeContent::Image { plan, .. } => !plan.steps.contains(&PlanStep::CopyImage),
            VolumeContent::Snapshot(..) | VolumeContent::Volume(_) => true,
        };
        let is_noted = || Ok(self.note().read(&image)?.is_some());
        if is_clone && !lineage::is_whole_clone(self.work.ceph, pool, &name, &image, is_noted)? {
            drop(image);
            self.clear(&name)?;
            return Ok(None);
        }
        let copied = self.note().read(&image)?;
        if image.size()? < self.size {
            pool.open(&name)?.grow(self.size)?;
        }
        if !self.holds_image || !is_at_limit(self.work, &image)? {
            forget_source(self.work, self.volume)?;
        }
        Ok(Some(copied.unwrap_or(0)))
    }

    /// Gives the bytes that were copied.
    fn make(&self, content: &VolumeContent) -> Result<u64, VolumeError> {
        match content {
            VolumeContent::Empty => {
                self.create(&self.name())?;
                Ok(0)
            }
            VolumeContent::Image { image, image_sha512, raw, plan } => {
                let wanted = WantedImage { image: *image, sha512: image_sha512, raw: raw.as_ref() };
                self.of_image(&wanted, plan)
            }
            VolumeContent::Snapshot(volume, snapshot) => {
                let from = names::volume(*volume);
                let name = names::snapshot(*snapshot);
                let flatten = self.work.settings.flatten_volume_from_snapshot;
                let made = if flatten {
                    self.flat_clone(&from, &name)
                } else {
                    self.clone_to(&self.name(), (&from, &name)).map(|_| 0)
                };
                made.map_err(|error| match error {
                    VolumeError::NotFound(_) => verbs::no_snapshot(*snapshot),
                    error => error,
                })
            }
            VolumeContent::Volume(volume) => self.of_volume(*volume),
        }
    }

    /// Takes away what a failure has left; what cannot be taken away now goes with `remove`.
    fn abandon(&self) {
        let mut left = Vec::new();
        for name in [names::part(self.volume), self.name()] {
            match remove_image(self.work, self.volume, &name) {
                Ok(Removed::Gone) => {}
                Ok(Removed::InUse(error)) | Err(error) => left.push(error.to_string()),
            }
        }
        if let Err(error) = forget_source(self.work, self.volume) {
            left.push(error.to_string());
        }
        if !left.is_empty() {
            tracing::warn!(volume.id = %self.volume, left = left.join("; "), "what a failed create has made is left for its removal");
        }
    }

    /// Has nothing of this name, whatever an earlier try has left.
    fn clear(&self, name: &str) -> Result<(), VolumeError> {
        match remove_image(self.work, self.volume, name)? {
            Removed::Gone => Ok(()),
            Removed::InUse(error) => {
                self.is_blocked.set(true);
                Err(error)
            }
        }
    }

    /// Makes an image; a name with nothing behind it is taken away first.
    fn again_without(
        &self,
        name: &str,
        mut make: impl FnMut() -> Result<(), CephError>,
    ) -> Result<(), VolumeError> {
        match make() {
            Err(error) if error.clashes(Clash::Exists) && self.work.pool.find(name)?.is_none() => {
                self.clear(name)?;
                Ok(make()?)
            }
            made => Ok(made?),
        }
    }

    /// An image of zeros. Where an earlier try was cut off so early that there is a name and nothing behind it, that goes first.
    fn create(&self, name: &str) -> Result<(), VolumeError> {
        let (pool, order) = (&self.work.pool, self.work.settings.object_order);
        self.again_without(name, || pool.create(name, self.size, order))
    }

    /// A clone of a snapshot of this pool, as large as wanted.
    pub(super) fn clone_to(
        &self,
        name: &str,
        from: (&str, &str),
    ) -> Result<OpenImage, VolumeError> {
        self.clone_across(name, (&self.work.pool, from.0, from.1))
    }

    /// A clone as large as the snapshot.
    pub(super) fn bare_clone(
        &self,
        name: &str,
        from: (&RbdPool, &str, &str),
    ) -> Result<(), VolumeError> {
        let (pool, order) = (&self.work.pool, self.work.settings.object_order);
        self.again_without(name, || pool.clone_of(from, name, order))
    }

    fn clone_across(
        &self,
        name: &str,
        from: (&RbdPool, &str, &str),
    ) -> Result<OpenImage, VolumeError> {
        self.bare_clone(name, from)?;
        let image = self.work.pool.open(name)?;
        let size = image.size()?;
        if size > self.size {
            return Err(too_small(self.size, size));
        }
        image.grow(self.size)?;
        Ok(image)
    }

    /// A clone that stands by itself when it gets its name.
    fn flat_clone(&self, from: &str, snapshot: &str) -> Result<u64, VolumeError> {
        let part = self.begin_part()?;
        let image = self.clone_to(&part, (from, snapshot))?;
        let copied = flatten(&image, &mut |_, _| true)?;
        self.finish_part(image, copied)
    }

    /// A name for what takes long; what an earlier try has left under it goes.
    fn begin_part(&self) -> Result<String, VolumeError> {
        let part = names::part(self.volume);
        self.clear(&part)?;
        Ok(part)
    }

    fn finish_part(&self, image: OpenImage, copied: u64) -> Result<u64, VolumeError> {
        self.note().keep(&image, copied)?;
        image.close()?;
        self.work.pool.rename(&names::part(self.volume), &self.name())?;
        Ok(copied)
    }

    fn of_image(&self, wanted: &WantedImage<'_>, plan: &Plan) -> Result<u64, VolumeError> {
        let mut copied = 0;
        for step in &plan.steps {
            copied += match step {
                PlanStep::CloneImage(location) => {
                    self.clone_image(wanted.image, location)?;
                    0
                }
                PlanStep::CloneVolume(volume) => self.of_image_volume(*volume)?,
                PlanStep::CopyImage => self.copy_image(wanted, plan.copies)?,
                PlanStep::LinkBase
                | PlanStep::ReflinkBase
                | PlanStep::UseBase
                | PlanStep::CopyBase
                | PlanStep::CreateOverlay { .. } => {
                    return Err(VolumeError::Unsupported(
                        "the plan has a step that volumes in Ceph do not have".to_owned(),
                    ));
                }
            };
        }
        Ok(copied)
    }

    fn clone_image(&self, image: ImageId, location: &ImageLocation) -> Result<(), VolumeError> {
        let ceph = self.work.ceph;
        if location.fsid != ceph.fsid() {
            return Err(VolumeError::Conflict(format!(
                "image {image} lies in the cluster {}, and the backend in {}: try again",
                location.fsid,
                ceph.fsid()
            )));
        }
        let pool = ceph.pool(&location.pool)?;
        let from = (&pool, location.image.as_str(), location.snapshot.as_str());
        match self.clone_across(&self.name(), from) {
            Err(VolumeError::NotFound(_)) => Err(VolumeError::NotFound(format!(
                "image {image} is not in Ceph as {}/{}@{}: was it deleted?",
                location.pool, location.image, location.snapshot
            ))),
            made => made.map(drop),
        }
    }

    fn copy_image(&self, wanted: &WantedImage<'_>, needed: Bytes) -> Result<u64, VolumeError> {
        let (mut bytes, check) =
            ImageBytes::open(self.work.ceph, &self.work.settings.images, wanted)?;
        if bytes.size() > self.size {
            return Err(too_small(self.size, bytes.size()));
        }
        has_room(self.work, needed)?;
        let part = self.begin_part()?;
        self.create(&part)?;
        let image = self.work.pool.open(&part)?;
        let mut digest = Digested::new(check.is_some());
        let copied = copy_bytes(&mut bytes, &image, &mut digest)?;
        if let Some(known) = check
            && digest.finish() != known
        {
            return Err(VolumeError::Conflict(format!(
                "the bytes of image {} are not those that were taken in: their SHA-512 differs",
                wanted.image
            )));
        }
        self.finish_part(image, copied)
    }

    /// As Cinder makes it: a copy where no chain may be; else a clone of a snapshot of a moment. A chain that is at its longest ends at the source.
    pub(super) fn of_volume(&self, of: VolumeId) -> Result<u64, VolumeError> {
        let source = verbs::open(&self.work.pool, of)?;
        let size = source.size()?;
        if size > self.size {
            return Err(too_small(self.size, size));
        }
        let most = self.work.settings.max_clone_depth;
        if most == 0 {
            let part = self.begin_part()?;
            self.create(&part)?;
            let image = self.work.pool.open(&part)?;
            let copied =
                copy_bytes(&mut ImageBytes::of(source)?, &image, &mut Digested::new(false))?;
            return self.finish_part(image, copied);
        }
        let (depth, copied) = match lineage::depth(&self.work.pool, &source)? {
            depth if depth >= most => (1, flatten(&source, &mut |_, _| true)?),
            depth => (depth + 1, 0),
        };
        let (from, snapshot) = (names::volume(of), names::clone_snap(self.volume));
        self.work.pool.set_note(&names::source_note(self.volume), &from)?;
        match source.snapshot(&snapshot) {
            // Of an earlier try, at another moment.
            Err(error) if error.clashes(Clash::Exists) => {
                drop_snapshot(&source, &snapshot)?;
                source.snapshot(&snapshot)?;
            }
            made => made?,
        }
        let image = self.clone_to(&self.name(), (&from, &snapshot))?;
        if copied > 0 {
            self.note().keep(&image, copied)?;
        }
        image.close()?;
        // Else others are cloned of the same snapshot until this volume has been flattened.
        if !self.holds_image || depth < most {
            drop_snapshot(&source, &snapshot)?;
            self.work.pool.remove_note(&names::source_note(self.volume))?;
        }
        Ok(copied)
    }
}

/// The image that is copied.
pub(crate) struct WantedImage<'a> {
    pub(crate) image: ImageId,
    pub(crate) sha512: &'a str,
    pub(crate) raw: Option<&'a RawForm>,
}

/// Before a byte is copied: a pool that is full lets its writers wait.
pub(super) fn has_room(work: &Work<'_>, needed: Bytes) -> Result<(), VolumeError> {
    let room = work.ceph.room(&work.settings.rbd_pool)?;
    if !room.fits(needed) {
        let free = room.free;
        return Err(VolumeError::Exhausted(format!(
            "the image has {needed}, and {free} are free in the pool {}: delete volumes or snapshots that nobody needs, or choose another type",
            work.settings.rbd_pool
        )));
    }
    Ok(())
}

pub(super) fn too_small(size: u64, least: u64) -> VolumeError {
    let (size, least) = (Bytes(size), Bytes(least));
    VolumeError::Invalid(format!(
        "the new volume has {size}, and what it is made of {least}: choose at least that"
    ))
}

/// Copies what an image shares with its parent, as long as it may go on. Gives the bytes that it holds since, and did not before.
pub(super) fn flatten(
    image: &OpenImage,
    go_on: &mut dyn FnMut(u64, u64) -> bool,
) -> Result<u64, VolumeError> {
    let own = || -> Result<u64, CephError> {
        let extents = image.extents(None, (0, image.size()?), true)?;
        Ok(extents.iter().map(|one| one.length).sum())
    };
    let before = own()?;
    image.flatten(go_on)?;
    Ok(own()?.saturating_sub(before))
}
