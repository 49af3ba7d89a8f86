//! Orders to an agent.

use crate::compute::{GuestSpec, RebootKind};
use crate::generation::Generation;
use crate::id::{AttachmentId, ImageId, ServerId};
use crate::volume::{GuestVolume, VolumeOrder};
use serde::{Deserialize, Serialize};

/// An order. Repeating one changes nothing; one with an older generation than the guest's is ignored.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Command {
    /// Make this guest and start it. Answered by `GuestStarted` or `GuestFailed`.
    BuildGuest(Box<GuestSpec>),
    /// Leave nothing of this guest. Answered by `GuestGone`, also when there was none.
    DestroyGuest {
        /// The server.
        server: ServerId,
        /// The server's generation.
        generation: Generation,
    },
    /// Have this guest not run, and keep all that it has. Answered by `GuestPoweredOff`.
    StopGuest {
        /// The server.
        server: ServerId,
        /// The server's generation.
        generation: Generation,
        /// So long it may take to power off when asked to; then it is ended. 0: it is ended at once.
        grace_seconds: u32,
    },
    /// Have this guest run that was made earlier. Answered by `GuestPoweredOn` or `GuestNotPoweredOn`.
    StartGuest {
        /// The server.
        server: ServerId,
        /// The server's generation.
        generation: Generation,
    },
    /// Stop this guest if it runs, and have it run. Answered like `StartGuest`.
    RebootGuest {
        /// The server.
        server: ServerId,
        /// The server's generation.
        generation: Generation,
        /// In which way.
        kind: RebootKind,
        /// As in `StopGuest`; a hard reboot has none.
        grace_seconds: u32,
    },
    /// Have this volume in the guest: at once where it runs, and at every start from now on. Answered by `GuestVolumeChanged`.
    AttachVolume {
        /// The server.
        server: ServerId,
        /// The server's generation.
        generation: Generation,
        /// The volume.
        volume: Box<GuestVolume>,
    },
    /// Have this volume in the guest no more. Answered by `GuestVolumeChanged`, also when it was not there.
    DetachVolume {
        /// The server.
        server: ServerId,
        /// The server's generation.
        generation: Generation,
        /// What binds the volume to the server.
        attachment: AttachmentId,
    },
    /// Have this volume in the guest in another one's place, with all that that one holds; only while the guest runs. Answered by `GuestVolumeChanged`
    /// of the new attachment: `NotAttached` leaves the old one.
    SwapVolume {
        /// The server.
        server: ServerId,
        /// The server's generation.
        generation: Generation,
        /// What binds the old volume to the server.
        old: AttachmentId,
        /// The new volume.
        new: Box<GuestVolume>,
    },
    /// Something to be done with a volume of a backend that the agent serves. Answered by `VolumeAnswered`.
    Volume(Box<VolumeOrder>),
    /// Have a base of this image, so that the next create finds it. Answered by `BasesChanged`.
    SeedBase {
        /// The image.
        image: ImageId,
    },
    /// The image is gone: its base may go as soon as no disk needs it.
    ReleaseBase {
        /// The image.
        image: ImageId,
    },
}

impl Command {
    /// The command's name, for logs and metrics.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::BuildGuest(_) => "BuildGuest",
            Self::DestroyGuest { .. } => "DestroyGuest",
            Self::StopGuest { .. } => "StopGuest",
            Self::StartGuest { .. } => "StartGuest",
            Self::RebootGuest { .. } => "RebootGuest",
            Self::AttachVolume { .. } => "AttachVolume",
            Self::DetachVolume { .. } => "DetachVolume",
            Self::SwapVolume { .. } => "SwapVolume",
            Self::Volume(order) => order.work.name(),
            Self::SeedBase { .. } => "SeedBase",
            Self::ReleaseBase { .. } => "ReleaseBase",
        }
    }
}
