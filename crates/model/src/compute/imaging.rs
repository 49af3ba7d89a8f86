//! An image that is being made of a server's own disk.

use crate::id::{ImageId, RequestId};
use crate::volume::Ordered;
use serde::{Deserialize, Serialize};

/// What a server is busy with while an image is made of its disk. It stands beside its state: its guest may stop by itself meanwhile.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Imaging {
    /// The image, which waits for its bytes.
    pub image: ImageId,
    /// The order to its host.
    pub order: Ordered,
    /// The request behind it: whose action tells of it.
    pub request: RequestId,
    /// How far it is.
    pub step: ImagingStep,
}

/// How far an image of a disk is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum ImagingStep {
    /// The host has been told.
    Ordered,
    /// What the disk holds is being put aside.
    Snapshot,
    /// It is there, and has to be uploaded.
    PendingUpload,
    /// It is being uploaded.
    Uploading,
}

impl ImagingStep {
    /// Nova's `task_state`.
    pub const fn task_state(self) -> &'static str {
        match self {
            Self::Ordered => "image_snapshot_pending",
            Self::Snapshot => "image_snapshot",
            Self::PendingUpload => "image_pending_upload",
            Self::Uploading => "image_uploading",
        }
    }
}
