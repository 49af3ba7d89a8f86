//! The ladder's rungs for servers' disks in a pool of Ceph. There are no bases: a disk is a clone of the image itself, or a copy of its bytes.

use super::volume::clone_location;
use super::{CephAbilities, ImageFacts, PlanStep, Rung};
use crate::image::ImageFormat;
use crate::units::Bytes;

/// The rung's step with the bytes it copies; or why the rung does not apply.
pub(super) fn try_rung(
    rung: Rung,
    image: &ImageFacts,
    pool: &CephAbilities,
    size: Bytes,
) -> Result<(PlanStep, Bytes), String> {
    match rung {
        Rung::HardLink | Rung::Reflink => {
            Err("this host's disks lie in Ceph (images_type = rbd), and not in files".into())
        }
        Rung::CloneInPlace => {
            fits(image, size)?;
            let cluster = pool.cluster.as_ref().map_err(Clone::clone)?;
            Ok((PlanStep::CloneImage(clone_location(image, Some(cluster))?), Bytes(0)))
        }
        Rung::CloneOfImageVolume => Err("the image store does not keep images as volumes".into()),
        Rung::CloneFromCache => {
            Err("disks in Ceph are cloned from the image itself: there are no bases".into())
        }
        Rung::Stream => Err("streaming is not built yet".into()),
        Rung::DownloadAndConvert => {
            fits(image, size)?;
            copy(image, pool)
        }
    }
}

fn fits(image: &ImageFacts, size: Bytes) -> Result<(), String> {
    if size < image.virtual_size {
        return Err(format!(
            "the image's disk has {}, and the server's {size}",
            image.virtual_size
        ));
    }
    Ok(())
}

fn copy(image: &ImageFacts, pool: &CephAbilities) -> Result<(PlanStep, Bytes), String> {
    let cluster = pool.cluster.as_ref().map_err(Clone::clone)?;
    match &image.location {
        Some(location) if location.fsid != *cluster => {
            return Err(format!(
                "the image lies in the Ceph cluster {}, from which this host does not read",
                location.fsid
            ));
        }
        Some(_) if image.format == ImageFormat::Qcow2 => {
            return Err(
                "the image is qcow2 in Ceph and has no raw form yet: it is being converted, try again later"
                    .into(),
            );
        }
        Some(_) | None => {}
    }
    // A total of 0: the cluster has not counted yet.
    if pool.total > Bytes(0) && pool.free < image.size {
        return Err(format!(
            "the image has {}, and {} are free in the pool {}",
            image.size, pool.free, pool.pool
        ));
    }
    Ok((PlanStep::CopyImage, image.size))
}

#[cfg(test)]
mod tests {
    use crate::image::ImageFormat;
    use crate::provision::{
        Backing, CephAbilities, ImageFacts, ImageLocation, PlanStep, Rung, TargetFacts, plan,
    };
    use crate::units::Bytes;

    const SIZE: Bytes = Bytes::from_gib(2);

    fn image(format: ImageFormat, fsid: Option<&str>) -> ImageFacts {
        let location = fsid.map(|fsid| ImageLocation {
            fsid: fsid.into(),
            pool: "images".into(),
            image: "i".into(),
            snapshot: "snap".into(),
        });
        let (size, virtual_size) = (Bytes::from_mib(500), Bytes::from_gib(1));
        ImageFacts { format, size, virtual_size, location }
    }

    fn target(cluster: Result<&str, &str>, free: Bytes) -> TargetFacts {
        let cluster = cluster.map(str::to_owned).map_err(str::to_owned);
        let pool = CephAbilities { pool: "vms".into(), cluster, total: Bytes::from_gib(9), free };
        TargetFacts { backing: Backing::Ceph(pool), force_raw: false }
    }

    #[test]
    fn a_raw_image_of_the_same_cluster_is_cloned_and_nothing_copied() {
        let target = target(Ok("f1"), Bytes(0));
        let plan = plan(&image(ImageFormat::Raw, Some("f1")), &target, None, SIZE).unwrap();
        assert_eq!((plan.rung, plan.copies), (Rung::CloneInPlace, Bytes(0)));
        assert!(matches!(&plan.steps[..], [PlanStep::CloneImage(at)] if at.pool == "images"));
        assert_eq!(plan.overlay(), None);
        assert_eq!(plan.refused.len(), 2);
    }

    #[test]
    fn an_image_in_a_file_is_copied_into_the_pool() {
        let image = image(ImageFormat::Qcow2, None);
        let plan = plan(&image, &target(Ok("f1"), image.size), None, SIZE).unwrap();
        assert_eq!((plan.rung, plan.copies), (Rung::DownloadAndConvert, image.size));
        assert_eq!(plan.steps, [PlanStep::CopyImage]);
        let clone = plan.refused.iter().find(|one| one.rung == Rung::CloneInPlace).unwrap();
        assert_eq!(clone.reason, "the image is not in Ceph");
    }

    #[test]
    fn every_way_is_refused_with_its_reason() {
        let room = Bytes::from_gib(9);
        for (image, target, size, why) in [
            (image(ImageFormat::Raw, Some("f2")), target(Ok("f1"), room), SIZE, "does not read"),
            (image(ImageFormat::Qcow2, Some("f1")), target(Ok("f1"), room), SIZE, "no raw form"),
            (image(ImageFormat::Raw, None), target(Ok("f1"), Bytes(1)), SIZE, "free in the pool"),
            (image(ImageFormat::Raw, None), target(Err("no answer"), room), SIZE, "no answer"),
            (image(ImageFormat::Raw, None), target(Ok("f1"), room), Bytes(512), "the server's"),
        ] {
            let refused = plan(&image, &target, None, size).unwrap_err();
            assert_eq!(refused.len(), Rung::LADDER.len());
            assert!(refused[6].reason.contains(why), "{refused:?}");
        }
    }
}
