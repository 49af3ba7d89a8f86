//! A new disk: the plan's steps, executed as they stand. All of this blocks.

use super::backend::Work;
use super::error::Failed;
use super::names::{self, Copied};
use super::remove::{finish_renaming, remove_image};
use crate::rbd::{CephError, Clash, OpenImage};
use crate::volume::{Digested, ImageBytes, WantedImage, copy_bytes, is_whole_clone};
use hatchery_model::compute::RootDisk;
use hatchery_model::provision::{ImageLocation, PlanStep};
use hatchery_model::units::Bytes;
use hatchery_ports::disk_backend::{CreatedDisk, DiskError};
use std::thread;

/// Objects of 4 MiB, Ceph's own default: what the first write to a clone copies. Nova has no option for it.
const OBJECT_ORDER: u8 = 22;

/// Makes the disk, or finds that it is there.
pub(super) fn create(
    work: &Work<'_>,
    name: String,
    root: &RootDisk,
) -> Result<CreatedDisk, Failed> {
    let size = root.size.0.next_multiple_of(512);
    let making = Making { work, name, root, size };
    let bytes_copied = match making.find()? {
        Some(copied) => copied,
        None => match making.make() {
            Ok(copied) => copied,
            Err(error) => {
                making.abandon();
                return Err(error);
            }
        },
    };
    let rung = root.plan.rung;
    let source = work.source(making.name);
    Ok(CreatedDisk { source, rung, bytes_copied: Bytes(bytes_copied) })
}

/// Closes an image into which nothing was written. That waits, and who wants the disk need not. Where there is no thread for it, it is closed here.
fn close_later(image: OpenImage) {
    let closing = thread::Builder::new().name("rbd-close".to_owned());
    if let Err(error) = closing.spawn(move || drop(image)) {
        tracing::debug!(%error, "a disk was closed before it was answered");
    }
}

/// A disk that is being made.
struct Making<'a> {
    work: &'a Work<'a>,
    name: String,
    root: &'a RootDisk,
    size: u64,
}

impl Making<'_> {
    /// The image that the plan clones, if it clones one.
    fn location(&self) -> Option<&ImageLocation> {
        self.root.plan.steps.iter().find_map(|step| match step {
            PlanStep::CloneImage(location) => Some(location),
            PlanStep::LinkBase
            | PlanStep::ReflinkBase
            | PlanStep::UseBase
            | PlanStep::CopyBase
            | PlanStep::CloneVolume(_)
            | PlanStep::CopyImage
            | PlanStep::CreateOverlay { .. } => None,
        })
    }

    /// The bytes that were copied for the disk, if it is there and whole. What is not whole goes; another disk stays.
    fn find(&self) -> Result<Option<u64>, Failed> {
        let pool = &self.work.pool;
        let Some(image) = pool.find(&self.name)? else { return Ok(None) };
        let copied = Copied::read(&self.name, &image)?;
        match (&copied, self.location()) {
            (Some(copied), _) if !copied.is_of(self.root) => return Err(self.is_another()),
            (Some(_), _) => finish_renaming(self.work, &self.name)?,
            (None, location) => {
                let is_noted = || Ok(false);
                if !is_whole_clone(self.work.ceph, pool, &self.name, &image, is_noted)? {
                    drop(image);
                    remove_image(self.work, &self.name)?;
                    return Ok(None);
                }
                let parent = image.parent()?;
                let is_ours = parent.is_none_or(|(parent, snapshot)| {
                    location
                        .is_some_and(|at| (&parent.name, &snapshot) == (&at.image, &at.snapshot))
                });
                if !is_ours {
                    return Err(self.is_another());
                }
            }
        }
        if image.size()? < self.size {
            pool.open(&self.name)?.grow(self.size)?;
        }
        Ok(Some(copied.map_or(0, |copied| copied.bytes_copied)))
    }

    fn is_another(&self) -> Failed {
        Failed(DiskError::Conflict(format!(
            "{}/{} is there already, and was made of another image: remove the disk first",
            self.work.pool.name(),
            self.name
        )))
    }

    /// Gives the bytes that were copied.
    fn make(&self) -> Result<u64, Failed> {
        let mut copied = 0;
        for step in &self.root.plan.steps {
            copied += match step {
                PlanStep::CloneImage(location) => {
                    self.clone_image(location)?;
                    0
                }
                PlanStep::CopyImage => self.copy_image()?,
                PlanStep::LinkBase
                | PlanStep::ReflinkBase
                | PlanStep::UseBase
                | PlanStep::CopyBase
                | PlanStep::CloneVolume(_)
                | PlanStep::CreateOverlay { .. } => {
                    return Err(Failed(DiskError::Unsupported(
                        "the plan has a step that disks in Ceph do not have: this host's images_type was changed, plan again"
                            .to_owned(),
                    )));
                }
            };
        }
        Ok(copied)
    }

    fn clone_image(&self, location: &ImageLocation) -> Result<(), Failed> {
        let (image, ceph) = (self.root.image, self.work.ceph);
        if location.fsid != ceph.fsid() {
            return Err(Failed(DiskError::Conflict(format!(
                "image {image} lies in the cluster {}, and this host's disks in {}: plan again",
                location.fsid,
                ceph.fsid()
            ))));
        }
        let from = ceph.pool(&location.pool)?;
        let snapshot = (&from, location.image.as_str(), location.snapshot.as_str());
        let cloned = self.again_without(&self.name, || {
            self.work.pool.clone_of(snapshot, &self.name, OBJECT_ORDER)
        });
        cloned.map_err(|error| match error {
            Failed(DiskError::NotFound(_)) => Failed(DiskError::NotFound(format!(
                "image {image} is not in Ceph as {}/{}@{}: was it deleted?",
                location.pool, location.image, location.snapshot
            ))),
            error => error,
        })?;
        let disk = self.work.pool.open(&self.name)?;
        let least = disk.size()?;
        if least > self.size {
            return Err(self.too_small(least));
        }
        disk.grow(self.size)?;
        close_later(disk);
        Ok(())
    }

    fn copy_image(&self) -> Result<u64, Failed> {
        let root = self.root;
        let wanted =
            WantedImage { image: root.image, sha512: &root.image_sha512, raw: root.raw.as_ref() };
        let (mut bytes, check) =
            ImageBytes::open(self.work.ceph, &self.work.settings.images, &wanted)?;
        if bytes.size() > self.size {
            return Err(self.too_small(bytes.size()));
        }
        let part = names::part(&self.name);
        // Of an earlier try.
        remove_image(self.work, &part)?;
        self.again_without(&part, || self.work.pool.create(&part, self.size, OBJECT_ORDER))?;
        let disk = self.work.pool.open(&part)?;
        let mut digest = Digested::new(check.is_some());
        let copied = copy_bytes(&mut bytes, &disk, &mut digest)?;
        if let Some(known) = check
            && digest.finish() != known
        {
            return Err(Failed(DiskError::Conflict(format!(
                "the bytes of image {} are not those that were taken in: their SHA-512 differs",
                root.image
            ))));
        }
        Copied::new(&self.name, root, copied).keep(&disk)?;
        disk.close()?;
        self.work.pool.rename_again(&part, &self.name)?;
        Ok(copied)
    }

    fn too_small(&self, least: u64) -> Failed {
        Failed(DiskError::Conflict(format!(
            "the disk has {}, and the image's {}: choose a flavor with at least that",
            Bytes(self.size),
            Bytes(least)
        )))
    }

    /// Makes an image; a name with nothing behind it is taken away first.
    fn again_without(
        &self,
        name: &str,
        mut make: impl FnMut() -> Result<(), CephError>,
    ) -> Result<(), Failed> {
        match make() {
            Err(error) if error.clashes(Clash::Exists) && self.work.pool.find(name)?.is_none() => {
                remove_image(self.work, name)?;
                Ok(make()?)
            }
            made => Ok(made?),
        }
    }

    /// Takes away what a failure has left; what cannot be taken away now goes with `remove`.
    fn abandon(&self) {
        for name in [names::part(&self.name), self.name.clone()] {
            if let Err(Failed(error)) = remove_image(self.work, &name) {
                tracing::warn!(disk = name, %error, "what a failed create has made is left for its removal");
            }
        }
    }
}
