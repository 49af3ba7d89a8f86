//! What runs guests.
//!
//! Contract. Called by the agent, one call at a time for one guest. Two scopes: the hypervisor of the host, and one guest on it. A
//! guest outlives whoever started it. Every guest is found again by its folder alone.

use async_trait::async_trait;
use hatchery_model::compute::{DiskAttachment, GuestDefinition, HostResources, PowerState};
use hatchery_model::disk::BlockSource;
use hatchery_model::id::{ServerId, VolumeId};
use hatchery_model::units::Bytes;
use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Why the hypervisor did not do it.
#[derive(Debug, thiserror::Error)]
pub enum HypervisorError {
    /// There is no such guest.
    #[error("there is no guest in {0}")]
    NotFound(String),
    /// The definition can never work here. The text is for the user.
    #[error("{0}")]
    Invalid(String),
    /// Something is missing on the host, and what to do about it.
    #[error("{0}")]
    Unsupported(String),
    /// The guest's process could not be started, or ended at once; with the end of its own log.
    #[error("{0}")]
    Failed(String),
    /// The hypervisor does not answer.
    #[error("the hypervisor cannot {doing}")]
    Unavailable {
        /// What was being done.
        doing: String,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
}

/// An interface made ready by the network driver. The hypervisor takes the descriptor over, which is what keeps
/// the interface alive.
#[derive(Debug)]
pub struct Tap {
    /// Its name, in the network's namespace.
    pub name: String,
    /// The open device; `None` from a driver that makes none.
    pub device: Option<OwnedFd>,
}

/// The hypervisor of a host.
#[async_trait]
pub trait Hypervisor: Send + Sync {
    /// Its name in `compute_driver`.
    fn name(&self) -> &'static str;

    /// What the host has, read now.
    async fn resources(&self) -> Result<HostResources, HypervisorError>;

    /// Starts a guest from its definition, with its files in `folder`, and returns when its processors run. On an
    /// error no process is left. Must not be called while a process of that folder runs.
    async fn start(
        &self,
        definition: &GuestDefinition,
        folder: &Path,
        taps: Vec<Tap>,
    ) -> Result<Arc<dyn Guest>, HypervisorError>;

    /// Finds the running guest of a folder again. `Ok(None)`: no process runs, whatever files say; leftovers of one are
    /// removed.
    async fn adopt(
        &self,
        server: ServerId,
        folder: &Path,
    ) -> Result<Option<Arc<dyn Guest>>, HypervisorError>;
}

/// One guest.
#[async_trait]
pub trait Guest: Send + Sync {
    /// Whether its processors run, read now.
    async fn power_state(&self) -> Result<PowerState, HypervisorError>;

    /// Returns when its process has ended or its processors have stopped for good, with what is known of why. May be called by several.
    async fn ended(&self) -> String;

    /// Asks it to power off (ACPI), waits for at most `grace`, then ends it. `Ok` when it had ended. A grace of zero
    /// ends it at once.
    async fn stop(&self, grace: Duration) -> Result<(), HypervisorError>;

    /// Plugs a volume in, which `disk` names, and returns when the guest can find it and what it takes of it is limited as the disk says. `Ok` when it
    /// has it already, with these limits from now on. On an error the guest may or may not have it: `detach` makes that sure.
    async fn attach(&self, disk: &DiskAttachment) -> Result<(), HypervisorError>;

    /// Takes a volume out, and returns when nothing of it is open any more. `Ok` when the guest does not have it. `Failed` when the guest
    /// does not let go of it in time: it may do so later, and then this says `Ok`. Dropping the future leaves the volume in or out.
    async fn detach(&self, volume: VolumeId) -> Result<(), HypervisorError>;

    /// Lets the guest see that a volume has this size, which is more than it had; where the volume is a file, the file is made to have it.
    /// `NotFound` when the guest does not have it.
    async fn resize(&self, volume: VolumeId, size: Bytes) -> Result<(), HypervisorError>;

    /// Limits what the guest takes of a volume to what QoS specs say ([`hatchery_model::volume::GuestVolume::qos`]), whatever held before. `NotFound`
    /// when the guest does not have it, `Invalid` when they cannot be kept to.
    async fn limit(
        &self,
        volume: VolumeId,
        qos: &BTreeMap<String, String>,
    ) -> Result<(), HypervisorError>;

    /// Has `into`, which is empty and as large as the disk, hold what the disk holds at this call, and returns when it is whole and nothing of it is
    /// open any more. The guest goes on writing. `None` is the guest's own disk. A copy that an earlier call has begun is given up first. On an error
    /// `into` may hold anything.
    async fn copy(
        &self,
        volume: Option<VolumeId>,
        into: &BlockSource,
    ) -> Result<(), HypervisorError>;

    /// Copies a volume to a new one, as large or larger, and returns when each of the guest's writes goes to both; what the new one has besides stays
    /// as it is. Goes on where an earlier call was cut off; dropping the future lets the copying go on. `Ok` also when `pivot` was called before.
    /// `NotFound` when the guest does not have the old one. On an error nothing of the new one is open.
    async fn mirror(&self, old: VolumeId, new: &DiskAttachment) -> Result<(), HypervisorError>;

    /// Has the guest use the new volume of a `mirror` alone and see its size, and returns when nothing of the old one is open. `Ok` when it does, and
    /// when it has ended. `Failed`: the guest uses the old one alone, and nothing of the new one is open.
    async fn pivot(&self, old: VolumeId, new: VolumeId) -> Result<(), HypervisorError>;

    /// Id of its process on the host, where it has one.
    fn process_id(&self) -> Option<u32>;
}
