//! Whether a server of a flavor can be made from an image, in Nova's words where not.

use crate::error::Error;
use crate::policy;
use hatchery_model::caller::Caller;
use hatchery_model::compute::Flavor;
use hatchery_model::image::{Image, ImageContent, ImageState, Visibility};
use hatchery_model::units::Bytes;

/// Architectures that Nova knows by name; another one is a mistake, not a wish.
const ARCHITECTURES: [&str; 12] = [
    "aarch64", "amd64", "arm64", "armv7l", "i386", "i486", "i586", "i686", "ppc64le", "riscv64",
    "s390x", "x86_64",
];

/// Whether the caller may start servers from the image.
pub(super) fn may_use(caller: &Caller, image: &Image) -> bool {
    match image.visibility {
        Visibility::Public | Visibility::Community => true,
        Visibility::Private | Visibility::Shared => {
            caller.is_admin() || caller.project() == Some(&image.owner)
        }
    }
}

/// Whether the caller may start servers of the flavor.
pub(super) fn may_use_flavor(caller: &Caller, flavor: &Flavor) -> bool {
    !flavor.disabled && (flavor.is_public || policy::admin(caller, "flavor").is_ok())
}

/// The image's content, if a server of the flavor can be made from it. `Invalid` otherwise.
pub(super) fn check<'a>(flavor: &Flavor, image: &'a Image) -> Result<&'a ImageContent, Error> {
    let ImageState::Active(content) = &image.state else {
        return Err(Error::Invalid(format!("Image {} is not active.", image.id)));
    };
    if flavor.memory_mib < image.min_ram_mib {
        return Err(Error::Invalid("Flavor's memory is too small for requested image.".into()));
    }
    if flavor.ephemeral_gib > 0 || flavor.swap_mib > 0 {
        return Err(Error::Invalid(format!(
            "Flavor {} has an ephemeral or swap disk, and these cannot be made yet; take a flavor without.",
            flavor.id
        )));
    }
    // A flavor without a disk size takes the image's.
    if flavor.root_gib > 0 {
        let disk = Bytes::from_gib(flavor.root_gib);
        let least = Bytes::from_gib(image.min_disk_gib);
        if disk < least {
            return Err(Error::Invalid(format!(
                "Flavor's disk is smaller than the minimum size specified in image metadata. Flavor disk is {} bytes, minimum size is {} bytes.",
                disk.0, least.0
            )));
        }
        let needed = content.inspection.virtual_bytes;
        if disk < needed {
            return Err(Error::Invalid(format!(
                "Flavor's disk is too small for requested image. Flavor disk is {} bytes, image is {} bytes.",
                disk.0, needed.0
            )));
        }
    }
    match image.properties.get("hw_architecture") {
        Some(name) if !ARCHITECTURES.contains(&name.to_ascii_lowercase().as_str()) => {
            Err(Error::Invalid(format!("Architecture name '{name}' is not recognised")))
        }
        Some(_) | None => Ok(content),
    }
}
