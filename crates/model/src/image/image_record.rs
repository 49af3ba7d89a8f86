//! An image: what the catalogue knows of it.

use super::{ContainerFormat, DiskFormat, ImageFormat, Inspection, RawForm};
use crate::generation::Generation;
use crate::id::{ImageId, ProjectId};
use crate::provision::ImageLocation;
use crate::timestamp::Timestamp;
use crate::units::Bytes;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// An image's row.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Image {
    /// Its id.
    pub id: ImageId,
    /// Compare-and-set counter.
    pub generation: Generation,
    /// The project that owns it.
    pub owner: ProjectId,
    /// Need not be unique.
    pub name: Option<String>,
    /// Where it is in its life.
    pub state: ImageState,
    /// Who may see it.
    pub visibility: Visibility,
    /// Left out of default listings.
    pub hidden: bool,
    /// A protected image cannot be deleted.
    pub protected: bool,
    /// What the user says the bytes are.
    pub disk_format: Option<DiskFormat>,
    /// What the user says they are wrapped in.
    pub container_format: Option<ContainerFormat>,
    /// Smallest flavor disk.
    pub min_disk_gib: u64,
    /// Smallest flavor memory.
    pub min_ram_mib: u64,
    /// Free labels.
    pub tags: BTreeSet<String>,
    /// Everything else that the user set.
    pub properties: BTreeMap<String, String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// An image's life.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum ImageState {
    /// A name without bytes.
    Queued,
    /// Bytes are arriving. `upload` names the attempt: a file in the store with another name is litter.
    Saving {
        /// The attempt.
        upload: String,
        /// When it began.
        since: Timestamp,
    },
    /// An agent brings the bytes. `upload` names them in the store; `content` is known once all have arrived, and then they get the image's name.
    Arriving {
        /// Their name until then.
        upload: String,
        /// What they are.
        content: Option<Box<ImageContent>>,
    },
    /// Usable. The content never changes from here on.
    Active(ImageContent),
    /// Usable only by administrators.
    Deactivated(ImageContent),
    /// Deletion has been accepted; bytes and links go next, then the row.
    Deleting,
}

/// What is known of an image's bytes once they are sealed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ImageContent {
    /// Length of the file.
    pub size: Bytes,
    /// MD5, lower-case hex: Glance's `checksum`.
    pub md5: String,
    /// SHA-512, lower-case hex: Glance's `os_hash_value`, and what a healed base must have.
    pub sha512: String,
    /// The inspector's verdict.
    pub inspection: Inspection,
    /// The raw form that was made of it once, if it is in another format: bases are made of that one then.
    #[serde(default)]
    pub raw: Option<RawForm>,
    /// Where the bytes lie, if that is in Ceph.
    #[serde(default)]
    pub location: Option<ImageLocation>,
}

impl ImageContent {
    /// Format of what a base is made of.
    pub const fn base_format(&self) -> ImageFormat {
        match self.raw {
            Some(_) => ImageFormat::Raw,
            None => self.inspection.format,
        }
    }

    /// Where that lies, if in Ceph.
    pub fn base_location(&self) -> Option<&ImageLocation> {
        self.raw.as_ref().map_or(self.location.as_ref(), |raw| raw.location.as_ref())
    }

    /// Length of what a base is made of.
    pub fn base_size(&self) -> Bytes {
        self.raw.as_ref().map_or(self.size, |raw| raw.size)
    }
}

/// Who may see an image.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Visibility {
    /// Everyone; listed for everyone.
    Public,
    /// The owner.
    Private,
    /// The owner and its members.
    Shared,
    /// Everyone who knows the id; listed only for the owner.
    Community,
}

impl Image {
    /// The sealed content, if there is any.
    pub fn content(&self) -> Option<&ImageContent> {
        match &self.state {
            ImageState::Active(content) | ImageState::Deactivated(content) => Some(content),
            ImageState::Queued
            | ImageState::Saving { .. }
            | ImageState::Arriving { .. }
            | ImageState::Deleting => None,
        }
    }
}
