//! An image as a catalogue shows it: what has to be known to make a base of it, be the catalogue ours or an existing Glance.

use super::{ContentDigest, DiskFormat};
use crate::id::ImageId;
use crate::provision::ImageLocation;
use crate::units::Bytes;
use serde::{Deserialize, Serialize};

/// See the head of this file.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CatalogImage {
    /// Its id.
    pub id: ImageId,
    /// Where it is in its life.
    pub state: CatalogState,
    /// What its bytes are said to be.
    pub format: Option<DiskFormat>,
    /// Length of its bytes.
    pub size: Option<Bytes>,
    /// Digest of its bytes, the strongest that the catalogue has.
    pub digest: Option<ContentDigest>,
    /// The raw form that was made of it at ingest, where one was: its base is made of that one.
    pub raw: Option<RawForm>,
}

/// The raw form of an image in another format, made once, at ingest.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RawForm {
    /// Length of the file, which is also the size of the disk in it.
    pub size: Bytes,
    /// SHA-512 of its bytes, lower-case hex.
    pub sha512: String,
    /// Where it lies, if that is in Ceph.
    #[serde(default)]
    pub location: Option<ImageLocation>,
}

/// An image's state, as far as its base is concerned.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum CatalogState {
    /// `active`: its bytes are whole and never change.
    Active,
    /// `deactivated`: whole, and closed to users. A base stays, and none is made.
    Deactivated,
    /// `queued`, `saving`, `uploading`, `importing`, and whatever is not known: never to be linked, whatever files lie in the store.
    Unfinished,
    /// `pending_delete`, `deleted`, `killed`: as if it were not there.
    Going,
}

impl CatalogState {
    /// By Glance's word for it. A word that is not known counts as unfinished: the image is left alone.
    pub fn of_status(status: &str) -> Self {
        match status {
            "active" => Self::Active,
            "deactivated" => Self::Deactivated,
            "pending_delete" | "deleted" | "killed" => Self::Going,
            _ => Self::Unfinished,
        }
    }
}
