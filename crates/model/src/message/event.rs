//! News from an agent.

use crate::compute::{HostReport, ImagingStep};
use crate::generation::Generation;
use crate::id::{AttachmentId, HostName, ImageId, ServerId};
use crate::provision::Rung;
use crate::timestamp::Timestamp;
use crate::volume::VolumeNews;
use serde::{Deserialize, Serialize};

/// Something that happened. Receiving it twice changes nothing.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Event {
    /// The guest's processors run.
    GuestStarted {
        /// The host.
        host: HostName,
        /// The server.
        server: ServerId,
        /// The generation of the `BuildGuest` that this answers.
        generation: Generation,
        /// What was done, step by step.
        steps: Vec<StepTiming>,
        /// Bytes of image data that making its disk really copied.
        bytes_copied: u64,
    },
    /// The guest could not be made; nothing of it is left on the host.
    GuestFailed {
        /// The host.
        host: HostName,
        /// The server.
        server: ServerId,
        /// The generation of the `BuildGuest` that this answers.
        generation: Generation,
        /// What was done, the failed step last.
        steps: Vec<StepTiming>,
        /// For the user.
        message: String,
        /// The chain of causes, for the administrator.
        details: String,
    },
    /// The guest's process ended, or its processors stopped, without an order.
    GuestStopped {
        /// The host.
        host: HostName,
        /// The server.
        server: ServerId,
        /// When it was noticed.
        at: Timestamp,
        /// What is known of the reason.
        reason: String,
        /// The generation of the guest's last order; 0 in a journal of an older version.
        #[serde(default)]
        generation: Generation,
    },
    /// The guest does not run, as ordered; all that it has is kept.
    GuestPoweredOff {
        /// The host.
        host: HostName,
        /// The server.
        server: ServerId,
        /// The generation of the `StopGuest` that this answers.
        generation: Generation,
        /// What was done, step by step.
        steps: Vec<StepTiming>,
    },
    /// The guest's processors run, as ordered of one that was made earlier.
    GuestPoweredOn {
        /// The host.
        host: HostName,
        /// The server.
        server: ServerId,
        /// The generation of the `StartGuest` or `RebootGuest` that this answers.
        generation: Generation,
        /// What was done, step by step.
        steps: Vec<StepTiming>,
    },
    /// The guest could not be started; all that it has is kept, and it does not run.
    GuestNotPoweredOn {
        /// The host.
        host: HostName,
        /// The server.
        server: ServerId,
        /// The generation of the `StartGuest` or `RebootGuest` that this answers.
        generation: Generation,
        /// What was done, the failed step last.
        steps: Vec<StepTiming>,
        /// For the user.
        message: String,
        /// The chain of causes, for the administrator.
        details: String,
        /// The image whose base is not there, or not what it was, where that was the reason.
        lost_base: Option<ImageId>,
    },
    /// Nothing is left of the guest on this host.
    GuestGone {
        /// The host.
        host: HostName,
        /// The server.
        server: ServerId,
        /// The generation of the `DestroyGuest` that this answers.
        generation: Generation,
        /// What was done, step by step.
        steps: Vec<StepTiming>,
    },
    /// A volume has been plugged into a guest or taken out of it, or could not be.
    GuestVolumeChanged {
        /// The host.
        host: HostName,
        /// The server.
        server: ServerId,
        /// The generation of the `AttachVolume`, `DetachVolume` or `SwapVolume` that this answers.
        generation: Generation,
        /// What binds the volume to the server.
        attachment: AttachmentId,
        /// What became of the order.
        outcome: AttachOutcome,
    },
    /// How far an image of a server's own disk is. Nothing is lost with it.
    DiskImaging {
        /// The host.
        host: HostName,
        /// The server.
        server: ServerId,
        /// The generation of the order.
        generation: Generation,
        /// What is done now.
        step: ImagingStep,
    },
    /// What became of an order about a volume.
    VolumeAnswered(Box<VolumeNews>),
    /// Bases of the host have come, gone, been lost or been put back. What is not named is as it was.
    BasesChanged {
        /// The host.
        host: HostName,
        /// Each with how it is now.
        bases: Vec<HostBase>,
    },
    /// The host's state.
    HostReported(Box<HostReport>),
}

/// What became of an order to plug a volume into a guest, or to take it out.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum AttachOutcome {
    /// The guest has it, and will have it at every start.
    Attached,
    /// The guest does not have it, and will not.
    NotAttached {
        /// For the user.
        message: String,
        /// The chain of causes, for the administrator.
        details: String,
    },
    /// The guest does not have it any more.
    Detached,
    /// The guest has not let go of it, and still has it.
    NotDetached {
        /// For the user.
        message: String,
        /// The chain of causes, for the administrator.
        details: String,
    },
}

/// A base on a host.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct HostBase {
    /// The image.
    pub image: ImageId,
    /// How the base is.
    pub state: HostBaseState,
    /// When it became so.
    pub since: Timestamp,
}

/// How a base is on a host.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum HostBaseState {
    /// There: a create finds it.
    Cached,
    /// Ordered, and not there yet.
    Caching,
    /// It should be there, and is not, or not as it was taken in. For the administrator.
    Lost(String),
    /// It was lost and has been put back: guests that could not start for it can.
    Healed,
    /// It is not there, and need not be.
    Gone,
    /// It was ordered and could not be made. For the administrator.
    Failed(String),
}

/// One timed step on a host.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StepTiming {
    /// Which step.
    pub step: StepName,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Timestamp,
    /// Whether it did what it should.
    pub ok: bool,
    /// A sentence for people: what was done, by which way, how many bytes.
    pub details: String,
    /// For the disk step: the rung that was taken.
    pub rung: Option<Rung>,
}

/// The four steps of a spawn, and what else is done to a guest.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum StepName {
    /// Resources and network addresses are the guest's.
    Claim,
    /// Image, base, disk.
    Disk,
    /// The definition stands in the guest's folder, with the config drive.
    Define,
    /// Interfaces plugged, processors running.
    Start,
    /// Process ended, interfaces unplugged, folder removed.
    Destroy,
    /// Process ended, all else kept.
    PowerOff,
    /// Interfaces plugged, disk found, processors running.
    PowerOn,
    /// Both, one after the other.
    Reboot,
}

impl StepName {
    /// Name of the action event that shows the step.
    pub const fn event_name(self) -> &'static str {
        match self {
            Self::Claim => "compute_claim",
            Self::Disk => "compute_disk",
            Self::Define => "compute_define",
            Self::Start => "compute_start",
            Self::Destroy => "compute_destroy",
            Self::PowerOff => "compute_stop_instance",
            Self::PowerOn => "compute_start_instance",
            Self::Reboot => "compute_reboot_instance",
        }
    }
}
