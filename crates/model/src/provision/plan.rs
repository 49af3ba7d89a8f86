//! The ladder, tried rung by rung.

use super::{
    Backing, BaseFacts, FileAbilities, ImageFacts, ImageLocation, Rung, TargetFacts, ceph,
};
use crate::id::VolumeId;
use crate::image::ImageFormat;
use crate::units::Bytes;
use serde::{Deserialize, Serialize};

/// How a disk will be made.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Plan {
    /// The chosen rung.
    pub rung: Rung,
    /// What is done, in order.
    pub steps: Vec<PlanStep>,
    /// Bytes of image data that this copies.
    pub copies: Bytes,
    /// Every cheaper rung, and why it was not taken.
    pub refused: Vec<Refusal>,
}

/// One thing to be done; each can be repeated.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum PlanStep {
    /// The base becomes another name of the image's file.
    LinkBase,
    /// The base shares the blocks of the image's file.
    ReflinkBase,
    /// The base that is there is taken as it is.
    UseBase,
    /// The image's bytes are copied to the base.
    CopyBase,
    /// The volume, or the server's disk, becomes a copy-on-write clone of the image where it lies.
    CloneImage(ImageLocation),
    /// The volume becomes a copy-on-write clone of another one of its backend.
    CloneVolume(VolumeId),
    /// The image's bytes are written into the volume or the server's disk, converted if need be.
    CopyImage,
    /// An empty overlay of this size is laid on the base, whose format it names.
    CreateOverlay {
        /// The base's format.
        base_format: ImageFormat,
        /// Size that the guest sees.
        size: Bytes,
    },
}

impl Plan {
    /// The volume that the plan clones.
    pub fn cloned_volume(&self) -> Option<VolumeId> {
        self.steps.iter().find_map(|step| match step {
            PlanStep::CloneVolume(volume) => Some(*volume),
            PlanStep::CreateOverlay { .. }
            | PlanStep::LinkBase
            | PlanStep::ReflinkBase
            | PlanStep::UseBase
            | PlanStep::CopyBase
            | PlanStep::CloneImage(_)
            | PlanStep::CopyImage => None,
        })
    }

    /// The overlay that the plan lays: its base's format, and the size that its user sees.
    pub fn overlay(&self) -> Option<(ImageFormat, Bytes)> {
        self.steps.iter().find_map(|step| match step {
            PlanStep::CreateOverlay { base_format, size } => Some((*base_format, *size)),
            PlanStep::LinkBase
            | PlanStep::ReflinkBase
            | PlanStep::UseBase
            | PlanStep::CopyBase
            | PlanStep::CloneImage(_)
            | PlanStep::CloneVolume(_)
            | PlanStep::CopyImage => None,
        })
    }
}

/// A rung that was not taken.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Refusal {
    /// The rung.
    pub rung: Rung,
    /// Why: a sentence for people.
    pub reason: String,
}

/// Plans a disk of `size` from an image. `Err` holds why every rung was refused, the last included.
pub fn plan(
    image: &ImageFacts,
    target: &TargetFacts,
    base: Option<&BaseFacts>,
    size: Bytes,
) -> Result<Plan, Vec<Refusal>> {
    let mut refused = Vec::new();
    for rung in Rung::LADDER {
        let tried = match &target.backing {
            Backing::File(files) => {
                try_rung(rung, image, (files, target.force_raw), base).map(|(first, copies)| {
                    let overlay = PlanStep::CreateOverlay { base_format: image.format, size };
                    (vec![first, overlay], copies)
                })
            }
            Backing::Ceph(pool) => {
                ceph::try_rung(rung, image, pool, size).map(|(step, copies)| (vec![step], copies))
            }
        };
        match tried {
            Ok((steps, copies)) => return Ok(Plan { rung, steps, copies, refused }),
            Err(reason) => refused.push(Refusal { rung, reason }),
        }
    }
    Err(refused)
}

/// The rung's step that provides the base, with the bytes it copies; or why the rung does not apply.
fn try_rung(
    rung: Rung,
    image: &ImageFacts,
    (files, force_raw): (&FileAbilities, bool),
    base: Option<&BaseFacts>,
) -> Result<(PlanStep, Bytes), String> {
    let as_it_is = || {
        if image.location.is_some() {
            return Err("the image lies in Ceph, and not in a file: boot from a volume of it, or keep this host's disks \
                        in Ceph, too (images_type = rbd)"
                .to_owned());
        }
        match image.format {
        ImageFormat::Qcow2 if force_raw => {
            Err("force_raw_images is set, and the image is qcow2 and has no raw form yet: it is being converted, try again \
                 later"
                .to_owned())
        }
        ImageFormat::Qcow2 | ImageFormat::Raw => Ok(()),
    }
    };
    match rung {
        Rung::HardLink => {
            as_it_is()?;
            files.hard_link.clone()?;
            Ok((PlanStep::LinkBase, Bytes(0)))
        }
        Rung::Reflink => {
            as_it_is()?;
            files.reflink.clone()?;
            Ok((PlanStep::ReflinkBase, Bytes(0)))
        }
        Rung::CloneInPlace => Err("the image store keeps files: it has no clones".into()),
        Rung::CloneOfImageVolume => Err("the image store does not keep images as volumes".into()),
        Rung::CloneFromCache => match base {
            None => Err("the host has no base of this image yet".into()),
            Some(base) if !base.digest_matches => {
                Err("the host's base was made from other bytes than the image has now".into())
            }
            Some(base) if base.format != image.format => {
                Err(format!("the host's base is {}, the image is {}", base.format, image.format))
            }
            Some(_) => Ok((PlanStep::UseBase, Bytes(0))),
        },
        Rung::Stream => Err("streaming is not built yet".into()),
        Rung::DownloadAndConvert => {
            as_it_is()?;
            if files.free < image.size {
                return Err(format!(
                    "the image has {}, and {} are free on the host",
                    image.size, files.free
                ));
            }
            Ok((PlanStep::CopyBase, image.size))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{PlanStep, plan};
    use crate::image::ImageFormat;
    use crate::provision::{Backing, BaseFacts, FileAbilities, ImageFacts, Rung, TargetFacts};
    use crate::units::Bytes;

    fn image() -> ImageFacts {
        ImageFacts {
            format: ImageFormat::Qcow2,
            size: Bytes::from_mib(20),
            virtual_size: Bytes::from_gib(1),
            location: None,
        }
    }

    fn target(hard_link: Result<(), String>) -> TargetFacts {
        with_free(hard_link, Bytes::from_gib(1))
    }

    fn with_free(hard_link: Result<(), String>, free: Bytes) -> TargetFacts {
        let reflink = Err("ext4 has no reflinks".into());
        let backing = Backing::File(FileAbilities { hard_link, reflink, free });
        TargetFacts { backing, force_raw: false }
    }

    #[test]
    fn a_link_copies_nothing_and_refuses_nothing() {
        let plan = plan(&image(), &target(Ok(())), None, Bytes::from_gib(2)).unwrap();
        assert_eq!((plan.rung, plan.copies), (Rung::HardLink, Bytes(0)));
        assert_eq!(
            plan.steps,
            [
                PlanStep::LinkBase,
                PlanStep::CreateOverlay {
                    base_format: ImageFormat::Qcow2,
                    size: Bytes::from_gib(2)
                }
            ]
        );
        assert!(plan.refused.is_empty());
    }

    #[test]
    fn another_filesystem_copies_once_and_says_why() {
        let target = target(Err("image store and bases are on two filesystems".into()));
        let first = plan(&image(), &target, None, Bytes::from_gib(1)).unwrap();
        assert_eq!((first.rung, first.copies), (Rung::DownloadAndConvert, image().size));
        assert_eq!(first.refused.len(), Rung::LADDER.len() - 1);
        assert!(first.refused[0].reason.contains("two filesystems"));

        let base = BaseFacts { format: ImageFormat::Qcow2, digest_matches: true };
        let second = plan(&image(), &target, Some(&base), Bytes::from_gib(1)).unwrap();
        assert_eq!((second.rung, second.copies), (Rung::CloneFromCache, Bytes(0)));
    }

    #[test]
    fn a_full_host_is_refused_with_every_reason() {
        let target = with_free(Err("two filesystems".into()), Bytes(1));
        let refused = plan(&image(), &target, None, Bytes::from_gib(1)).unwrap_err();
        assert_eq!(refused.len(), Rung::LADDER.len());
        assert!(refused[6].reason.contains("free on the host"));
    }

    #[test]
    fn a_base_of_other_bytes_is_never_used() {
        let target = target(Err("two filesystems".into()));
        let base = BaseFacts { format: ImageFormat::Qcow2, digest_matches: false };
        let plan = plan(&image(), &target, Some(&base), Bytes::from_gib(1)).unwrap();
        assert_eq!(plan.rung, Rung::DownloadAndConvert);
    }
}
