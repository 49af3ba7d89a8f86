//! The sockets that an agent is plugged into.

use hatchery_ports::backup_store::BackupStore;
use hatchery_ports::bus::Bus;
use hatchery_ports::clock::Clock;
use hatchery_ports::disk_backend::DiskBackend;
use hatchery_ports::entropy::Entropy;
use hatchery_ports::hypervisor::Hypervisor;
use hatchery_ports::image_maker::ImageMaker;
use hatchery_ports::metadata::ConfigDrive;
use hatchery_ports::network_driver::NetworkDriver;
use hatchery_ports::volume_backend::VolumeBackend;
use std::collections::BTreeMap;
use std::sync::Arc;

/// All that an agent needs of the world. Cheap to clone.
#[derive(Clone)]
pub struct Parts {
    /// To the control plane and back.
    pub bus: Arc<dyn Bus>,
    /// What runs guests.
    pub hypervisor: Arc<dyn Hypervisor>,
    /// Where disks live.
    pub disks: Arc<dyn DiskBackend>,
    /// Where volumes live: the backends that this agent serves, by their sections in its configuration.
    pub volumes: BTreeMap<String, Arc<dyn VolumeBackend>>,
    /// Where backups of volumes are kept, if this host has a store.
    pub backups: Option<Arc<dyn BackupStore>>,
    /// What makes images of volumes, if this host reaches the image store.
    pub images: Option<Arc<dyn ImageMaker>>,
    /// What plugs guests in.
    pub network: Arc<dyn NetworkDriver>,
    /// What writes config drives.
    pub config_drive: Arc<dyn ConfigDrive>,
    /// Time of day.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
}
