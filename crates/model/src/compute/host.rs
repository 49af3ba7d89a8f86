//! A host: what it has, what is claimed of it, when it was last heard.

use super::GuestPhase;
use crate::generation::Generation;
use crate::id::{HostId, HostName, ServerId};
use crate::provision::TargetFacts;
use crate::timestamp::Timestamp;
use crate::volume::BackendReport;
use serde::{Deserialize, Serialize};

/// A compute host's row. Its claims change only together with its generation, by compare-and-set,
/// so that two schedulers never sell the same byte.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Host {
    /// Lasting identity.
    pub id: HostId,
    /// Its name.
    pub name: HostName,
    /// Compare-and-set counter.
    pub generation: Generation,
    /// What it has, as last reported.
    pub resources: HostResources,
    /// What servers placed there have taken.
    pub claimed: Claim,
    /// What its disk backend can do, as last reported.
    pub target: TargetFacts,
    /// The volume backends that its agent serves, as last reported.
    #[serde(default)]
    pub backends: Vec<BackendReport>,
    /// When its last report came.
    pub heard_at: Timestamp,
    /// An administrator keeps new servers away, with a reason.
    pub disabled: Option<String>,
    /// Where it stands.
    pub availability_zone: String,
    /// When it was first heard.
    pub created_at: Timestamp,
}

/// What a host has, as its hypervisor driver reads it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct HostResources {
    /// Logical processors.
    pub vcpus: u32,
    /// Memory of the machine.
    pub memory_mib: u64,
    /// Memory in use on the machine, guests and all else.
    pub memory_used_mib: u64,
    /// Size of the filesystem of the instances.
    pub disk_gib: u64,
    /// Free there.
    pub disk_free_gib: u64,
    /// `QEMU`, as `hypervisor_type` shows it.
    pub hypervisor_type: String,
    /// Major * 1,000,000 + minor * 1,000 + micro.
    pub hypervisor_version: u32,
    /// Processor architecture, as `uname -m` says it.
    pub arch: String,
    /// Processor model, for `cpu_info`.
    pub cpu_model: String,
    /// Accelerator in use: `kvm`, `tcg`, or `none` for a driver without guests.
    pub accelerator: String,
    /// An address of the host, for `host_ip`.
    pub address: String,
    /// Seconds since the machine started.
    pub uptime_seconds: u64,
}

/// An amount of a host.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Claim {
    /// Virtual CPUs.
    pub vcpus: u32,
    /// Memory.
    pub memory_mib: u64,
    /// Root, ephemeral and swap disks together.
    pub disk_gib: u64,
    /// Servers.
    pub servers: u32,
}

impl Claim {
    /// Both together; saturates.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            vcpus: self.vcpus.saturating_add(other.vcpus),
            memory_mib: self.memory_mib.saturating_add(other.memory_mib),
            disk_gib: self.disk_gib.saturating_add(other.disk_gib),
            servers: self.servers.saturating_add(other.servers),
        }
    }

    /// This without the other; stops at nothing.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        Self {
            vcpus: self.vcpus.saturating_sub(other.vcpus),
            memory_mib: self.memory_mib.saturating_sub(other.memory_mib),
            disk_gib: self.disk_gib.saturating_sub(other.disk_gib),
            servers: self.servers.saturating_sub(other.servers),
        }
    }
}

/// What an agent says of its host, at an interval and at each change.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct HostReport {
    /// The host's lasting identity, made once by its agent.
    pub id: HostId,
    /// Its name.
    pub name: HostName,
    /// What it has now.
    pub resources: HostResources,
    /// What its disk backend can do.
    pub target: TargetFacts,
    /// Every guest in the agent's journal, with the generation of its last order: what a lost event would have said.
    pub guests: Vec<(ServerId, Generation, GuestPhase)>,
    /// The volume backends that its agent serves.
    #[serde(default)]
    pub backends: Vec<BackendReport>,
}

/// No host can take a server: how many were looked at, and what each filter removed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NotPlaced {
    /// Hosts that were considered.
    pub hosts: usize,
    /// Filter names in the order tried, each with how many hosts it refused.
    pub refused: Vec<(String, usize)>,
}
