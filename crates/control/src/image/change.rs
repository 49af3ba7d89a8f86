//! What can be set on an image, and what each setting asks of caller and image. Pure.

use crate::error::Error;
use crate::policy;
use hatchery_model::caller::Caller;
use hatchery_model::id::ProjectId;
use hatchery_model::image::{ContainerFormat, DiskFormat, Image, ImageState, Visibility};
use std::collections::BTreeSet;

/// Glance's `image_property_quota` and `image_tag_quota`.
const QUOTA: usize = 128;

/// One thing set on an image.
#[derive(Clone, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum Change {
    Name(Option<String>),
    Owner(ProjectId),
    Visibility(Visibility),
    Hidden(bool),
    Protected(bool),
    DiskFormat(Option<DiskFormat>),
    ContainerFormat(Option<ContainerFormat>),
    MinDiskGib(u64),
    MinRamMib(u64),
    Tags(BTreeSet<String>),
    AddTag(String),
    RemoveTag(String),
    /// A free property, and whether it has to be there already.
    SetProperty(String, String, Presence),
    RemoveProperty(String),
}

/// Whether a property has to be there before it is set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Presence {
    /// It has to be there.
    Wanted,
    /// It must not be there.
    Unwanted,
    /// It may be there.
    Indifferent,
}

impl Change {
    /// Applies this to an image that the caller may change.
    pub(super) fn apply(self, caller: &Caller, image: &mut Image) -> Result<(), Error> {
        match self {
            Self::Name(name) => image.name = name,
            Self::Owner(owner) => {
                if owner != image.owner && !caller.is_admin() {
                    return Err(Error::Denied(
                        "Only an administrator can give an image to another owner.".into(),
                    ));
                }
                image.owner = owner;
            }
            Self::Visibility(visibility) => {
                if visibility == Visibility::Public && image.visibility != Visibility::Public {
                    policy::admin(caller, "publicize_image")?;
                }
                image.visibility = visibility;
            }
            Self::Hidden(hidden) => image.hidden = hidden,
            Self::Protected(protected) => image.protected = protected,
            Self::DiskFormat(format) => {
                before_bytes(image, "disk_format", image.disk_format == format)?;
                image.disk_format = format;
            }
            Self::ContainerFormat(format) => {
                before_bytes(image, "container_format", image.container_format == format)?;
                image.container_format = format;
            }
            Self::MinDiskGib(gib) => image.min_disk_gib = gib,
            Self::MinRamMib(mib) => image.min_ram_mib = mib,
            Self::Tags(tags) => image.tags = tags,
            Self::AddTag(tag) => {
                image.tags.insert(tag);
            }
            Self::RemoveTag(tag) => {
                if !image.tags.remove(&tag) {
                    return Err(Error::not_found("Tag", tag));
                }
            }
            Self::SetProperty(name, value, presence) => set(image, name, value, presence)?,
            Self::RemoveProperty(name) => {
                if image.properties.remove(&name).is_none() {
                    return Err(missing(&name));
                }
            }
        }
        within_quota(image)
    }
}

fn before_bytes(image: &Image, what: &str, same: bool) -> Result<(), Error> {
    if same || image.state == ImageState::Queued {
        Ok(())
    } else {
        Err(Error::Denied(format!(
            "Attribute {what} can be replaced only while the image is queued."
        )))
    }
}

fn set(image: &mut Image, name: String, value: String, presence: Presence) -> Result<(), Error> {
    match (presence, image.properties.contains_key(&name)) {
        (Presence::Wanted, false) => return Err(missing(&name)),
        (Presence::Unwanted, true) => {
            return Err(Error::Conflict(format!("Property {name} is there already.")));
        }
        (Presence::Wanted, true) | (Presence::Unwanted, false) | (Presence::Indifferent, _) => {}
    }
    image.properties.insert(name, value);
    Ok(())
}

fn missing(name: &str) -> Error {
    Error::Conflict(format!("Property {name} does not exist."))
}

fn within_quota(image: &Image) -> Result<(), Error> {
    for (what, count) in [("properties", image.properties.len()), ("tags", image.tags.len())] {
        if count > QUOTA {
            return Err(Error::TooLarge(format!(
                "An image has {QUOTA} {what} at the most; this would be {count}."
            )));
        }
    }
    Ok(())
}
