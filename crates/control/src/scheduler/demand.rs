//! What a flavor with an image asks of a host.

use super::place::PlaceRequest;
use hatchery_model::compute::{Claim, Flavor};
use hatchery_model::image::{Image, ImageContent};
use hatchery_model::provision::ImageFacts;
use hatchery_model::units::Bytes;

/// Guests address their disks by sectors of this size.
const SECTOR: u64 = 512;

/// Size of the root disk: the flavor's, or the image's where the flavor leaves it open.
pub fn root_disk_size(flavor: &Flavor, content: &ImageContent) -> Bytes {
    if flavor.root_gib > 0 {
        Bytes::from_gib(flavor.root_gib)
    } else {
        Bytes(content.inspection.virtual_bytes.0.next_multiple_of(SECTOR))
    }
}

/// What a server takes of a host.
pub fn claim_of(flavor: &Flavor, root_disk: Bytes) -> Claim {
    Claim {
        vcpus: flavor.vcpus,
        memory_mib: flavor.memory_mib,
        disk_gib: root_disk
            .to_gib_ceil()
            .saturating_add(flavor.ephemeral_gib)
            .saturating_add(flavor.swap_mib.div_ceil(1024)),
        servers: 1,
    }
}

/// What the planner has to know of an image: of its raw form, where it has one.
pub fn image_facts(content: &ImageContent) -> ImageFacts {
    ImageFacts {
        format: content.base_format(),
        size: content.base_size(),
        virtual_size: content.inspection.virtual_bytes,
        location: content.base_location().cloned(),
    }
}

impl PlaceRequest {
    /// For a server of this flavor from this image, anywhere. `None` when the image has no content.
    pub fn new(flavor: &Flavor, image: &Image) -> Option<Self> {
        let content = image.content()?;
        let disk = root_disk_size(flavor, content);
        let architecture = ["hw_architecture", "architecture"]
            .iter()
            .find_map(|name| image.properties.get(*name))
            .filter(|value| !value.is_empty())
            .cloned();
        Some(Self {
            claim: claim_of(flavor, disk),
            zone: None,
            host: None,
            excluded: Vec::new(),
            reachable_from: None,
            architecture,
            extra_specs: flavor.extra_specs.clone(),
            image: Some(image_facts(content)),
            disk,
        })
    }

    /// For a server of this flavor without a disk from an image, anywhere: it has volumes alone.
    pub fn of_volumes(flavor: &Flavor) -> Self {
        Self {
            claim: claim_of(flavor, Bytes(0)),
            zone: None,
            host: None,
            excluded: Vec::new(),
            reachable_from: None,
            architecture: None,
            extra_specs: flavor.extra_specs.clone(),
            image: None,
            disk: Bytes(0),
        }
    }
}
