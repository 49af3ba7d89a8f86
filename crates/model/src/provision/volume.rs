//! The same ladder for volumes.

use super::{FileAbilities, ImageFacts, ImageLocation, Plan, PlanStep, Refusal, Rung};
use crate::id::VolumeId;
use crate::image::ImageFormat;
use crate::units::Bytes;
use serde::{Deserialize, Serialize};

/// What a volume backend can do, each found by a trial.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct VolumeTargetFacts {
    /// For a backend of files: from the image store to the bases of its volumes.
    pub file: Option<FileAbilities>,
    /// For a backend in Ceph: the cluster's fsid.
    pub cluster: Option<String>,
    /// Copy-on-write clones of its own volumes. Else why not.
    pub clones: Result<(), String>,
    /// Free for volumes.
    pub free: Bytes,
    /// Free in `image_conversion_dir`.
    pub conversion_free: Bytes,
}

/// Volumes of the backend that hold an image already.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VolumeCopies {
    /// The volume in which the image is kept. Else why there is none.
    pub image_volume: Result<VolumeId, String>,
    /// The entry of the image-volume cache. Else why there is none.
    pub cached: Result<CachedVolume, String>,
}

impl Default for VolumeCopies {
    fn default() -> Self {
        Self {
            image_volume: Err("the image is not kept as a volume of the backend".into()),
            cached: Err("the backend's cache has no such image".into()),
        }
    }
}

/// An entry of the image-volume cache.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CachedVolume {
    /// The volume.
    pub volume: VolumeId,
    /// Whether the digest that it was made with is the image's.
    pub digest_matches: bool,
}

/// What is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WantedVolume {
    /// Its size.
    pub size: Bytes,
    /// Whether its type encrypts it: then no way is taken that would leave the image's bytes in clear.
    pub encrypted: bool,
}

/// Plans a volume from an image. `Err` holds why every rung was refused, the last included.
pub fn plan_volume(
    image: &ImageFacts,
    target: &VolumeTargetFacts,
    copies: &VolumeCopies,
    wanted: WantedVolume,
) -> Result<Plan, Vec<Refusal>> {
    let mut refused = Vec::new();
    for rung in Rung::LADDER {
        match try_rung(rung, image, target, copies, wanted) {
            Ok((steps, copied)) => return Ok(Plan { rung, steps, copies: copied, refused }),
            Err(reason) => refused.push(Refusal { rung, reason }),
        }
    }
    Err(refused)
}

/// The rung's steps with the bytes they copy; or why the rung does not apply.
fn try_rung(
    rung: Rung,
    image: &ImageFacts,
    target: &VolumeTargetFacts,
    copies: &VolumeCopies,
    wanted: WantedVolume,
) -> Result<(Vec<PlanStep>, Bytes), String> {
    if wanted.size < image.virtual_size {
        return Err(format!(
            "the image's disk has {}, and the volume {}",
            image.virtual_size, wanted.size
        ));
    }
    let in_clear = || {
        (!wanted.encrypted)
            .then_some(())
            .ok_or("the volume's type is encrypted, and this way would leave it in clear")
    };
    let overlay = PlanStep::CreateOverlay { base_format: image.format, size: wanted.size };
    let files = || {
        let files = target.file.as_ref().ok_or("the backend keeps no files".to_owned())?;
        match image.location {
            Some(_) => Err("the image lies in Ceph, and not in a file".to_owned()),
            None => Ok(files),
        }
    };
    match rung {
        Rung::HardLink => {
            files()?.hard_link.clone()?;
            in_clear()?;
            Ok((vec![PlanStep::LinkBase, overlay], Bytes(0)))
        }
        Rung::Reflink => {
            files()?.reflink.clone()?;
            in_clear()?;
            Ok((vec![PlanStep::ReflinkBase, overlay], Bytes(0)))
        }
        Rung::CloneInPlace => {
            let location = clone_location(image, target.cluster.as_deref())?;
            in_clear()?;
            Ok((vec![PlanStep::CloneImage(location)], Bytes(0)))
        }
        Rung::CloneOfImageVolume => {
            let volume = copies.image_volume.clone()?;
            target.clones.clone()?;
            in_clear()?;
            Ok((vec![PlanStep::CloneVolume(volume)], Bytes(0)))
        }
        Rung::CloneFromCache => {
            let cached = copies.cached.as_ref().map_err(Clone::clone)?;
            if !cached.digest_matches {
                return Err("the cached volume holds other bytes than the image has now".into());
            }
            target.clones.clone()?;
            in_clear()?;
            Ok((vec![PlanStep::CloneVolume(cached.volume)], Bytes(0)))
        }
        Rung::Stream => Err("streaming is not built yet".into()),
        Rung::DownloadAndConvert => copy(image, target),
    }
}

/// Where a clone can be made of the image itself.
pub(super) fn clone_location(
    image: &ImageFacts,
    cluster: Option<&str>,
) -> Result<ImageLocation, String> {
    let cluster = cluster.ok_or("the backend is not in Ceph")?;
    let location = image.location.as_ref().ok_or("the image is not in Ceph")?;
    if location.fsid != cluster {
        return Err(format!(
            "the image lies in the cluster {}, the backend in {cluster}",
            location.fsid
        ));
    }
    match image.format {
        ImageFormat::Raw => Ok(location.clone()),
        ImageFormat::Qcow2 => Err("a qcow2 image cannot be cloned in Ceph: only raw can".into()),
    }
}

fn copy(image: &ImageFacts, target: &VolumeTargetFacts) -> Result<(Vec<PlanStep>, Bytes), String> {
    if let Some(location) = &image.location
        && target.cluster.as_ref() != Some(&location.fsid)
    {
        return Err(format!(
            "the image lies in the Ceph cluster {}, from which this backend does not read",
            location.fsid
        ));
    }
    if target.free < image.size {
        return Err(format!(
            "the image has {}, and {} are free in the backend",
            image.size, target.free
        ));
    }
    if target.conversion_free < image.size {
        return Err(format!(
            "the image has {}, and {} are free in image_conversion_dir",
            image.size, target.conversion_free
        ));
    }
    Ok((vec![PlanStep::CopyImage], image.size))
}

#[cfg(test)]
mod tests {
    use super::{CachedVolume, VolumeCopies, VolumeTargetFacts, WantedVolume, plan_volume};
    use crate::id::VolumeId;
    use crate::image::ImageFormat;
    use crate::provision::{FileAbilities, ImageFacts, ImageLocation, PlanStep, Rung};
    use crate::units::Bytes;
    use uuid::Uuid;

    const WANTED: WantedVolume = WantedVolume { size: Bytes::from_gib(2), encrypted: false };

    fn image(format: ImageFormat) -> ImageFacts {
        ImageFacts {
            format,
            size: Bytes::from_mib(500),
            virtual_size: Bytes::from_gib(1),
            location: Some(ImageLocation {
                fsid: "f1".into(),
                pool: "images".into(),
                image: "i".into(),
                snapshot: "snap".into(),
            }),
        }
    }

    fn ceph(fsid: &str) -> VolumeTargetFacts {
        VolumeTargetFacts {
            file: None,
            cluster: Some(fsid.into()),
            clones: Ok(()),
            free: Bytes::from_gib(9),
            conversion_free: Bytes::from_gib(9),
        }
    }

    fn files() -> VolumeTargetFacts {
        VolumeTargetFacts {
            file: Some(FileAbilities {
                hard_link: Ok(()),
                reflink: Err("ext4".into()),
                free: Bytes::from_gib(9),
            }),
            cluster: None,
            ..ceph("")
        }
    }

    fn cached(digest_matches: bool) -> VolumeCopies {
        let cached = Ok(CachedVolume { volume: VolumeId(Uuid::from_u128(1)), digest_matches });
        VolumeCopies { cached, ..VolumeCopies::default() }
    }

    #[test]
    fn a_raw_image_of_the_same_cluster_is_cloned_where_it_lies() {
        let none = VolumeCopies::default();
        let plan = plan_volume(&image(ImageFormat::Raw), &ceph("f1"), &none, WANTED).unwrap();
        assert_eq!((plan.rung, plan.copies), (Rung::CloneInPlace, Bytes(0)));
        assert!(matches!(&plan.steps[..], [PlanStep::CloneImage(at)] if at.pool == "images"));
    }

    #[test]
    fn another_cluster_and_another_format_go_on_to_the_cache() {
        for (image, target, why) in [
            (image(ImageFormat::Raw), ceph("f2"), "lies in the cluster f1"),
            (image(ImageFormat::Qcow2), ceph("f1"), "only raw can"),
        ] {
            let plan = plan_volume(&image, &target, &cached(true), WANTED).unwrap();
            assert_eq!(plan.rung, Rung::CloneFromCache);
            let refused = plan.refused.iter().find(|r| r.rung == Rung::CloneInPlace).unwrap();
            assert!(refused.reason.contains(why), "{refused:?}");
        }
    }

    #[test]
    fn a_stale_cache_is_not_used_and_the_copy_is_counted() {
        let image = image(ImageFormat::Qcow2);
        let plan = plan_volume(&image, &ceph("f1"), &cached(false), WANTED).unwrap();
        assert_eq!((plan.rung, plan.copies), (Rung::DownloadAndConvert, image.size));
        assert_eq!(plan.refused.len(), Rung::LADDER.len() - 1);
    }

    #[test]
    fn an_encrypted_volume_takes_no_way_that_leaves_it_in_clear() {
        let wanted = WantedVolume { encrypted: true, ..WANTED };
        let in_ceph = image(ImageFormat::Raw);
        let in_files = ImageFacts { location: None, ..in_ceph.clone() };
        for (image, target) in
            [(&in_files, files()), (&in_files, ceph("f1")), (&in_ceph, ceph("f1"))]
        {
            let plan = plan_volume(image, &target, &cached(true), wanted).unwrap();
            assert_eq!(plan.rung, Rung::DownloadAndConvert);
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_with_every_reason() {
        let small = WantedVolume { size: Bytes::from_mib(1), ..WANTED };
        let none = VolumeCopies::default();
        let refused = plan_volume(&image(ImageFormat::Raw), &files(), &none, small).unwrap_err();
        assert_eq!(refused.len(), Rung::LADDER.len());
        let full = VolumeTargetFacts { free: Bytes(1), ..ceph("f2") };
        let in_files = ImageFacts { location: None, ..image(ImageFormat::Raw) };
        let refused = plan_volume(&in_files, &full, &none, WANTED).unwrap_err();
        assert!(refused[6].reason.contains("free in the backend"), "{refused:?}");
    }

    #[test]
    fn an_image_in_ceph_is_no_file_and_is_not_read_by_others() {
        let none = VolumeCopies::default();
        for (target, why) in [(files(), "not in a file"), (ceph("f2"), "in the cluster f1")] {
            let refused = plan_volume(&image(ImageFormat::Raw), &target, &none, WANTED);
            let refused = refused.unwrap_err();
            assert_eq!(refused.len(), Rung::LADDER.len());
            assert!(refused.iter().any(|one| one.reason.contains(why)), "{refused:?}");
            assert!(refused[6].reason.contains("does not read"), "{refused:?}");
        }
    }
}
