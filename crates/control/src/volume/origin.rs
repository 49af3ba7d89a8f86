//! What a volume is made of, looked up and judged: sizes, states, types, zones.

use super::access;
use super::request::{VolumeRequest, VolumeSource};
use super::settings::VolumeSettings;
use super::types::{find_type, usable_type};
use crate::compute::image_mapping;
use crate::error::Error;
use crate::image::may_see;
use crate::scheduler::image_facts;
use hatchery_model::caller::Caller;
use hatchery_model::id::SnapshotId;
use hatchery_model::image::{Image, ImageContent, ImageState};
use hatchery_model::provision::ImageFacts;
use hatchery_model::units::Bytes;
use hatchery_model::volume::{Snapshot, SnapshotState, Volume, VolumeState, VolumeType};
use hatchery_ports::store::UnitOfWork;
use std::collections::BTreeMap;

/// What a new volume is made of.
pub(super) enum Origin {
    Nothing,
    Image(Box<Image>, Box<ImageContent>),
    /// With the volume that it is of.
    Snapshot(Box<Snapshot>, Box<Volume>),
    Volume(Box<Volume>),
}

impl Origin {
    /// Looks it up. `NotFound`; `Invalid` when it is not in a state to be made a volume of.
    pub(super) async fn find(
        uow: &mut dyn UnitOfWork,
        caller: &Caller,
        source: VolumeSource,
    ) -> Result<Self, Error> {
        match source {
            VolumeSource::Empty => Ok(Self::Nothing),
            VolumeSource::Image(id) => {
                let image = uow.images().find(id).await?.filter(|image| may_see(caller, image));
                let image = image.ok_or_else(|| {
                    Error::Invalid(
                        "Invalid image identifier or unable to access requested image.".into(),
                    )
                })?;
                let ImageState::Active(content) = &image.state else {
                    return Err(invalid(&format!("Image {id} is not active.")));
                };
                // An image of a server that booted from a volume has no bytes of its own.
                if let Some(root) = image_mapping::root_snapshot(&image)? {
                    return Self::of_snapshot(uow, caller, root).await;
                }
                let content = Box::new(content.clone());
                Ok(Self::Image(Box::new(image), content))
            }
            VolumeSource::Snapshot(id) => Self::of_snapshot(uow, caller, id).await,
            VolumeSource::Volume(id) => {
                let volume = access::seen(uow, caller, id).await?;
                if !matches!(volume.state, VolumeState::Available | VolumeState::InUse) {
                    return Err(Error::Invalid(
                        "Invalid volume: Originating source volume status must be one of 'available, in-use' values".into(),
                    ));
                }
                Ok(Self::Volume(Box::new(volume)))
            }
        }
    }

    async fn of_snapshot(
        uow: &mut dyn UnitOfWork,
        caller: &Caller,
        id: SnapshotId,
    ) -> Result<Self, Error> {
        let snapshot = access::seen_snapshot(uow, caller, id).await?;
        if snapshot.state != SnapshotState::Available {
            return Err(Error::Invalid(
                "Invalid snapshot: Originating snapshot status must be one of 'available' values"
                    .into(),
            ));
        }
        let volume = uow.volumes().find(snapshot.volume).await?;
        let volume = volume.ok_or_else(|| Error::not_found("Volume", snapshot.volume))?;
        Ok(Self::Snapshot(Box::new(snapshot), Box::new(volume)))
    }

    /// The volume whose backend it has to stay on.
    pub(super) fn volume(&self) -> Option<&Volume> {
        match self {
            Self::Nothing | Self::Image(..) => None,
            Self::Snapshot(_, volume) | Self::Volume(volume) => Some(volume),
        }
    }

    /// The size in GiB that a request comes to. `Invalid` where the content does not fit in.
    pub(super) fn size_gib(&self, wanted: Option<u64>) -> Result<u64, Error> {
        let own = match self {
            Self::Nothing | Self::Image(..) => None,
            Self::Snapshot(snapshot, _) => Some(snapshot.size_gib),
            Self::Volume(volume) => Some(volume.size_gib),
        };
        let Some(size) = wanted.or(own).filter(|size| *size > 0) else {
            let shown = wanted.map_or("None".to_owned(), |size| size.to_string());
            return Err(invalid(&format!(
                "Volume size '{shown}' must be an integer and greater than 0"
            )));
        };
        match self {
            Self::Nothing => {}
            Self::Image(image, content) => fits_image(image, content, size)?,
            Self::Snapshot(snapshot, _) if size < snapshot.size_gib => {
                return Err(invalid(&format!(
                    "Volume size '{size}'GB cannot be smaller than the snapshot size {}GB. They must be >= original snapshot size.",
                    snapshot.size_gib
                )));
            }
            Self::Volume(volume) if size < volume.size_gib => {
                return Err(invalid(&format!(
                    "Volume size '{size}'GB cannot be smaller than original volume size  {}GB. They must be >= original volume size.",
                    volume.size_gib
                )));
            }
            Self::Snapshot(..) | Self::Volume(_) => {}
        }
        Ok(size)
    }

    /// What the planner has to know of the image.
    pub(super) fn image_facts(&self) -> Option<ImageFacts> {
        match self {
            Self::Image(_, content) => Some(image_facts(content)),
            Self::Nothing | Self::Snapshot(..) | Self::Volume(_) => None,
        }
    }

    /// The type: what was asked for, the source's, the image's, the default. `NotFound`; `Invalid` where the source's backend is not of it.
    pub(super) async fn volume_type(
        &self,
        uow: &mut dyn UnitOfWork,
        settings: &VolumeSettings,
        caller: &Caller,
        asked: Option<&str>,
    ) -> Result<VolumeType, Error> {
        let own = match self {
            Self::Nothing => None,
            Self::Image(image, _) => {
                let named = image.properties.get("cinder_img_volume_type").map(String::as_str);
                return usable_type(uow, settings, caller, asked.or(named)).await;
            }
            Self::Snapshot(snapshot, _) => Some(snapshot.volume_type),
            Self::Volume(volume) => Some(volume.volume_type),
        };
        match own {
            Some(id) if asked.is_none() => find_type(uow, id).await,
            Some(_) | None => usable_type(uow, settings, caller, asked).await,
        }
    }

    /// The zone. `Invalid` where there is none such, or the source stands in another one.
    pub(super) fn zone(
        &self,
        settings: &VolumeSettings,
        request: &VolumeRequest,
    ) -> Result<String, Error> {
        let default = settings
            .default_availability_zone
            .as_ref()
            .unwrap_or(&settings.storage_availability_zone);
        let own = self.volume().map(|volume| &volume.availability_zone);
        let mut zone = request.availability_zone.as_ref().or(own).unwrap_or(default);
        if *zone != settings.storage_availability_zone && zone != default {
            if !settings.allow_availability_zone_fallback {
                return Err(Error::Invalid(format!("Availability zone '{zone}' is invalid.")));
            }
            zone = default;
        }
        if settings.cloned_volume_same_az && own.is_some_and(|own| own != zone) {
            let what = match self {
                Self::Snapshot(..) => "snapshot",
                Self::Nothing | Self::Image(..) | Self::Volume(_) => "source volume",
            };
            return Err(invalid(&format!(
                "Volume must be in the same availability zone as the {what}"
            )));
        }
        Ok(zone.clone())
    }

    /// Whether a server may boot from it, and what is said of the image behind it.
    pub(super) fn about_image(&self) -> (bool, BTreeMap<String, String>) {
        match self {
            Self::Nothing => (false, BTreeMap::new()),
            Self::Image(image, content) => (true, image_metadata(image, content)),
            Self::Snapshot(_, volume) | Self::Volume(volume) => {
                (volume.bootable, volume.image_metadata.clone())
            }
        }
    }
}

fn invalid(reason: &str) -> Error {
    Error::Invalid(format!("Invalid input received: {reason}"))
}

fn fits_image(image: &Image, content: &ImageContent, size: u64) -> Result<(), Error> {
    let gib = content.size.to_gib_ceil();
    if gib > size {
        return Err(invalid(&format!(
            "Size of specified image {gib}GB is larger than volume size {size}GB."
        )));
    }
    if size < image.min_disk_gib {
        return Err(invalid(&format!(
            "Volume size {size}GB cannot be smaller than the image minDisk size {}GB.",
            image.min_disk_gib
        )));
    }
    let needed = content.inspection.virtual_bytes;
    if needed > Bytes::from_gib(size) {
        return Err(Error::Invalid(format!(
            "Image {} is unacceptable: Image virtual size is {}GB and doesn't fit in a volume of size {size}GB.",
            image.id,
            needed.to_gib_ceil()
        )));
    }
    Ok(())
}

/// `volume_image_metadata`: what Cinder copies of an image.
fn image_metadata(image: &Image, content: &ImageContent) -> BTreeMap<String, String> {
    let mut pairs = image.properties.clone();
    let mut put = |key: &str, value: String| pairs.insert(key.to_owned(), value);
    put("image_id", image.id.to_string());
    if let Some(name) = &image.name {
        put("image_name", name.clone());
    }
    put("checksum", content.md5.clone());
    if let Some(format) = &image.container_format {
        put("container_format", format.to_string());
    }
    if let Some(format) = &image.disk_format {
        put("disk_format", format.to_string());
    }
    put("min_disk", image.min_disk_gib.to_string());
    put("min_ram", image.min_ram_mib.to_string());
    put("size", content.size.0.to_string());
    pairs
}
