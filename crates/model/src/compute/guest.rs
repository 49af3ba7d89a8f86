//! A guest: what runs on a host. Owned by that host's agent.

use crate::disk::BlockSource;
use crate::generation::Generation;
use crate::id::{DiskId, ImageId, NetworkId, PortId, ProjectId, ServerId, VolumeId};
use crate::image::RawForm;
use crate::network::{MacAddress, NetworkSpec, NicAddress};
use crate::provision::Plan;
use crate::units::Bytes;
use crate::volume::GuestVolume;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// All that an agent needs to make a guest, without asking anyone again.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct GuestSpec {
    /// The server whose guest it is.
    pub server: ServerId,
    /// The server's generation when this was sent: with the server's id, the command's identity.
    pub generation: Generation,
    /// `instance-0000000a`, the guest's name on the hypervisor.
    pub name: String,
    /// Virtual CPUs.
    pub vcpus: u32,
    /// Memory.
    pub memory_mib: u64,
    /// Its disk from an image. `None`: it has volumes alone.
    pub root: Option<RootDisk>,
    /// The volumes that it has.
    #[serde(default)]
    pub volumes: Vec<GuestVolume>,
    /// Its network interfaces, in order.
    pub nics: Vec<GuestNic>,
    /// What the metadata service and the config drive tell it.
    pub metadata: GuestMetadata,
    /// Whether it gets a config drive.
    pub config_drive: bool,
}

/// A root disk to be made as planned.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RootDisk {
    /// Its id on the backend.
    pub disk: DiskId,
    /// Where its content comes from.
    pub image: ImageId,
    /// SHA-512 of the image's own bytes.
    pub image_sha512: String,
    /// The image's raw form, where its base is to be made of that one.
    #[serde(default)]
    pub raw: Option<RawForm>,
    /// Which rules judged the image, where known.
    #[serde(default)]
    pub inspector_version: Option<u32>,
    /// Size that the guest sees.
    pub size: Bytes,
    /// How to make it. The agent executes this very value.
    pub plan: Plan,
}

impl RootDisk {
    /// SHA-512 of the bytes that its base is to have.
    pub fn base_sha512(&self) -> &str {
        self.raw.as_ref().map_or(&self.image_sha512, |raw| &raw.sha512)
    }
}

/// A network interface to be plugged.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct GuestNic {
    /// The port.
    pub port: PortId,
    /// Its network, as the host has to build it.
    pub network: NetworkSpec,
    /// Hardware address.
    pub mac: MacAddress,
    /// Fixed addresses.
    pub addresses: Vec<NicAddress>,
    /// Whether its guest may send only from these.
    #[serde(default = "guarded")]
    pub port_security: bool,
}

/// What is so where nothing was said, as in a journal of an older version.
const fn guarded() -> bool {
    true
}

/// What a guest is told of itself: the source of `meta_data.json`, `network_data.json` and `user_data`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct GuestMetadata {
    /// The server's name.
    pub name: String,
    /// What the guest calls itself.
    pub hostname: String,
    /// The owner.
    pub project: ProjectId,
    /// Where it stands.
    pub availability_zone: String,
    /// Place among those of one request.
    pub launch_index: u32,
    /// Key pairs: name and public key.
    pub keys: Vec<(String, String)>,
    /// The user's labels.
    pub meta: BTreeMap<String, String>,
    /// Base64.
    pub user_data: Option<String>,
    /// Base64 of 512 random bytes, made once for each guest.
    pub random_seed: String,
}

/// A guest as its hypervisor is told to run it: pure data, kept in the guest's folder.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct GuestDefinition {
    /// The server whose guest it is; also the SMBIOS UUID.
    pub server: ServerId,
    /// Name on the hypervisor.
    pub name: String,
    /// Virtual CPUs.
    pub vcpus: u32,
    /// Memory.
    pub memory_mib: u64,
    /// Disks in boot order.
    pub disks: Vec<DiskAttachment>,
    /// Tap name, hardware address and MTU of each interface, in the order of the taps handed over.
    pub nics: Vec<(String, MacAddress, u32)>,
    /// The config drive's file.
    pub config_drive: Option<PathBuf>,
}

/// A disk of a guest.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DiskAttachment {
    /// What the guest sees as serial number.
    pub serial: String,
    /// Where the bytes are.
    pub source: BlockSource,
    /// The volume that it is, by which it can be taken out again. `None`: the guest's own disk, which it keeps.
    #[serde(default)]
    pub volume: Option<VolumeId>,
    /// Whether the guest may boot from it.
    #[serde(default)]
    pub boots: bool,
    /// What the guest may take of it: see [`crate::volume::GuestVolume::qos`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub qos: BTreeMap<String, String>,
}

/// How far a guest has come, in its agent's journal.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum GuestPhase {
    /// Written down; anything may or may not have been made of it.
    Planned,
    /// It ran when last looked at.
    Running,
    /// Everything is there, and it does not run.
    Stopped,
    /// It has been told to stop.
    Stopping,
    /// It has been told to start, or to stop and start again.
    Starting,
    /// It does not run, and could not be started: the base under its disk is not there, or not what it was.
    BaseLost,
    /// Making it failed; nothing of it is left but this entry.
    Failed,
    /// It is being taken apart.
    Destroying,
}

/// Whether a guest's processors run.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum PowerState {
    /// They run.
    Running,
    /// They are held.
    Paused,
    /// There is no process, or it has ended.
    Off,
}

impl GuestSpec {
    /// The networks that its host must have.
    pub fn networks(&self) -> impl Iterator<Item = NetworkId> + '_ {
        self.nics.iter().map(|nic| nic.network.id)
    }
}
