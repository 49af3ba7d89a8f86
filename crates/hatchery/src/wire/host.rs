//! This host's part: hypervisor, disks, networks, and the agent that uses them.

use super::{Ground, backend, disks, image};
use crate::config::Config;
use crate::state_dir::{StateDir, write_private};
use anyhow::{Context, bail};
use hatchery_agent::{Agent, Parts, Registry, Settings};
use hatchery_model::id::HostName;
use hatchery_model::units::Bytes;
use hatchery_ports::clock::Clock;
use hatchery_ports::hypervisor::Hypervisor;
use hatchery_ports::network_driver::NetworkDriver;
use hatchery_storage::rbd::CephKeyrings;
use hatchery_storage::{FileOwner, StoreImageMaker};
use hatchery_virt::guest_data::{DriveOwner, IsoConfigDrive};
use hatchery_virt::net::{NetNsDriver, NetSettings, SimNetworkDriver};
use hatchery_virt::qemu::{CacheModes, QemuHypervisor, QemuSettings};
use hatchery_virt::sim::SimHypervisor;
use std::path::Path;
use std::sync::Arc;

/// A `sim` host is larger than any machine: vCPUs, MiB, GiB.
const SIM_HOST: (u32, u64, u64) = (4096, 16 << 20, 1 << 20);

/// User and group ids of `user:group`; `None` for an empty text: guests run as this process does.
pub fn qemu_user(text: &str) -> anyhow::Result<Option<(u32, u32)>> {
    if text.is_empty() {
        return Ok(None);
    }
    let (user, group) = text.split_once(':').unwrap_or((text, text));
    let found = nix::unistd::User::from_name(user)
        .with_context(|| format!("the user {user} cannot be looked up"))?;
    let Some(found) = found else {
        bail!(
            "there is no user {user}: `useradd --system --no-create-home --shell /usr/sbin/nologin {user}`, or set [qemu] user"
        );
    };
    let gid = nix::unistd::Group::from_name(group)
        .with_context(|| format!("the group {group} cannot be looked up"))?
        .with_context(|| {
            format!("there is no group {group}: `groupadd --system {group}`, or set [qemu] user")
        })?
        .gid;
    Ok(Some((found.uid.as_raw(), gid.as_raw())))
}

/// Whose images, bases and disks are.
pub fn owner(text: &str) -> anyhow::Result<FileOwner> {
    Ok(qemu_user(text)?.map_or_else(FileOwner::process, |(uid, gid)| FileOwner::of(uid, gid)))
}

/// The hypervisor that `compute_driver` names.
pub fn hypervisor(
    state: &StateDir,
    config: &Config,
    clock: Arc<dyn Clock>,
) -> anyhow::Result<Arc<dyn Hypervisor>> {
    match config.default.compute_driver.as_str() {
        "qemu" => {
            let accelerator = config.qemu.accel.parse().map_err(anyhow::Error::msg);
            let settings = QemuSettings {
                binary: config.qemu.binary.clone(),
                accelerator: accelerator.context("[qemu] accel")?,
                user: qemu_user(&config.qemu.user)?,
                instances: state.join("instances"),
                host_address: config.default.my_ip.clone(),
                cache: CacheModes::parse(&config.libvirt.disk_cachemodes)
                    .map_err(anyhow::Error::msg)
                    .context("[libvirt] disk_cachemodes")?,
                ceph: Arc::new(CephKeyrings),
                ..QemuSettings::default()
            };
            Ok(Arc::new(QemuHypervisor::new(settings, clock)))
        }
        "sim" => {
            let (vcpus, memory_mib, disk_gib) = SIM_HOST;
            let host = SimHypervisor::host_of(vcpus, memory_mib, disk_gib);
            Ok(Arc::new(SimHypervisor::new(host)))
        }
        other => bail!("[DEFAULT] compute_driver is '{other}': choose qemu or sim"),
    }
}

/// The network driver that goes with the hypervisor.
pub fn network(
    state: &StateDir,
    config: &Config,
    registry: &Registry,
) -> anyhow::Result<Arc<dyn NetworkDriver>> {
    if config.default.compute_driver == "sim" {
        return Ok(Arc::new(SimNetworkDriver::default()));
    }
    let settings = NetSettings {
        prefix: namespace_prefix(state)?,
        ..NetSettings::new(state.join("networks"))
    };
    Ok(Arc::new(NetNsDriver::new(settings, Arc::new(registry.clone()))?))
}

/// Begins the names of this state folder's namespaces: clouds beside each other on one machine need different ones.
fn namespace_prefix(state: &StateDir) -> anyhow::Result<String> {
    let path = state.join("namespace-prefix");
    if let Ok(text) = std::fs::read_to_string(&path) {
        return Ok(text.trim().to_owned());
    }
    let prefix = if state.path() == Path::new("/var/lib/hatchery") {
        "hatchery".to_owned()
    } else {
        // FNV-1a of the path: short, and another one for another folder.
        let bytes = state.path().as_os_str().as_encoded_bytes();
        let hash = bytes.iter().fold(0x811c_9dc5_u32, |hash, byte| {
            (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
        });
        format!("hatchery-{hash:08x}")
    };
    write_private(&path, &format!("{prefix}\n"))?;
    Ok(prefix)
}

/// Starts this host's agent.
pub async fn start(ground: &Ground) -> anyhow::Result<Agent> {
    let (state, config) = (&ground.state, &ground.config);
    let registry = Registry::default();
    let instances = state.join("instances");
    let owner = owner(&config.qemu.user)?;
    let drives = DriveOwner { ids: qemu_user(&config.qemu.user)?, ..DriveOwner::default() };
    let (images, _) = image::store(ground)?;
    let parts = Parts {
        bus: ground.bus.clone(),
        hypervisor: hypervisor(state, config, ground.clock.clone())?,
        disks: disks::backend(state, config, owner)?,
        volumes: backend::all(state, config, owner, ground.entropy.as_ref())?,
        backups: backend::backups(state, config)?,
        images: Some(Arc::new(StoreImageMaker::new(images, Bytes(config.glance.image_size_cap)))),
        network: network(state, config, &registry)?,
        config_drive: Arc::new(IsoConfigDrive::new(ground.clock.clone(), drives)),
        clock: ground.clock.clone(),
        entropy: ground.entropy.clone(),
    };
    let settings = Settings {
        max_concurrent_builds: config.default.max_concurrent_builds,
        ..Settings::new(HostName(config.default.host.clone()), instances)
    };
    Agent::start(settings, parts, registry).await.context("this host's agent does not start")
}
