//! What a disk lies on, where it stands, and what an administrator wants to keep: what the leases are made of.

use super::{BaseLease, BaseName, LeaseHolder};
use crate::generation::Generation;
use crate::id::{DiskId, HostName, ImageId, ServerId};
use crate::image::ImageFormat;
use crate::timestamp::Timestamp;
use serde::{Deserialize, Serialize};

/// A disk that has an image's base as backing file, or is about to.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DiskUse {
    /// The disk.
    pub disk: DiskId,
    /// The image whose base it lies on.
    pub image: ImageId,
    /// The format that it names for its base, where that is known.
    pub format: Option<ImageFormat>,
}

/// A disk that its server has let go of and that may still stand on a host, because the host has not said otherwise.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LeftDisk {
    /// The host.
    pub host: HostName,
    /// The server whose disk it was.
    pub server: ServerId,
    /// The disk and its base.
    pub on: DiskUse,
    /// The generation of the order that nothing is to be left of the guest there: news of an older one say nothing of this disk.
    pub generation: Generation,
    /// When it was left.
    pub since: Timestamp,
}

/// A base that an administrator wants to stay.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct BasePin {
    /// The image.
    pub image: ImageId,
    /// What for: `aggregate 3`.
    pub by: String,
    /// Until when.
    pub until: Timestamp,
}

impl DiskUse {
    /// The lease that it is.
    pub fn lease(&self, host: &HostName, server: ServerId) -> BaseLease {
        BaseLease {
            base: BaseName::of(self.image),
            holder: LeaseHolder::Disk {
                host: host.0.clone(),
                disk: self.disk.0.clone(),
                server: Some(server),
            },
            format: self.format,
        }
    }
}

impl BasePin {
    /// The lease that it is.
    pub fn lease(&self) -> BaseLease {
        BaseLease {
            base: BaseName::of(self.image),
            holder: LeaseHolder::Pin { by: self.by.clone(), until: self.until },
            format: None,
        }
    }
}
