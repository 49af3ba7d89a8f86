//! From an order to a running guest: `Planned` -> `Prepared` -> running. Each stage is consumed by the next, and
//! what a failed one made is removed by `teardown`.

use super::steps::{Steps, Told};
use crate::agent::Host;
use crate::volume::{self, Turn};
use crate::{folder, networks};
use hatchery_model::compute::{DiskAttachment, GuestDefinition, GuestSpec, RootDisk};
use hatchery_model::disk::BlockSource;
use hatchery_model::message::StepName;
use hatchery_model::volume::GuestVolume;
use hatchery_ports::disk_backend::{CreatedDisk, DiskError};
use hatchery_ports::hypervisor::{Guest, HypervisorError, Tap};
use hatchery_ports::network_driver::NetworkError;
use hatchery_ports::volume_backend::VolumeError;
use std::collections::BTreeMap;
use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// Why a guest was not made.
#[derive(Debug, thiserror::Error)]
pub(super) enum BuildError {
    #[error("its network could not be made ready")]
    Network(#[from] NetworkError),
    #[error("its disk could not be made")]
    Disk(#[from] DiskError),
    #[error("a volume of it cannot be used")]
    Volume(#[source] VolumeError),
    #[error("its definition could not be written")]
    Define(#[source] io::Error),
    #[error("its config drive could not be written")]
    ConfigDrive(#[source] HypervisorError),
    #[error("it could not be started")]
    Start(#[source] HypervisorError),
    #[error(
        "the base under its disk is not there, or not what it was; it is started once the base has been put back"
    )]
    BaseLost(#[source] DiskError),
    #[error("its disk could not be looked at")]
    Find(#[source] DiskError),
    #[error("its disk is not there any more; delete it, or restore the disk")]
    NoDisk,
    #[error("it was deleted while it was being built")]
    Cancelled,
}

impl BuildError {
    /// The error with its causes.
    pub(super) fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut next = self.source();
        while let Some(cause) = next {
            text.push_str(": ");
            text.push_str(&cause.to_string());
            next = cause.source();
        }
        text
    }
}

/// An order, written down.
pub(super) struct Planned<'a> {
    pub(super) host: &'a Host,
    pub(super) spec: Arc<GuestSpec>,
    /// The volumes that it has now.
    pub(super) volumes: Vec<GuestVolume>,
}

/// Disk and interfaces are there. Dropping the taps unplugs them.
pub(super) struct Prepared<'a> {
    host: &'a Host,
    spec: Arc<GuestSpec>,
    /// Where its disk from an image is, if it has one.
    root: Option<BlockSource>,
    /// Its volumes, each where its bytes are now, and the turn with them: until the guest runs, nothing moves them.
    volumes: (Turn, Vec<(GuestVolume, BlockSource)>),
    bytes_copied: u64,
    taps: Vec<Tap>,
}

/// A guest that runs, and what its making cost.
pub(super) struct Built {
    pub(super) guest: Arc<dyn Guest>,
    pub(super) bytes_copied: u64,
}

impl<'a> Planned<'a> {
    /// Steps 1 and 2, at the same time: interfaces and disk do not need each other.
    pub(super) async fn prepare(self, steps: &mut Steps) -> Result<Prepared<'a>, BuildError> {
        let Self { host, spec, volumes } = self;
        let began = steps.now();
        let ((plugged, plugged_at), (created, created_at), located) = tokio::join!(
            async { (plug(host, &spec).await, steps.now()) },
            async {
                let _no_release = host.base_lock.read().await;
                let made = match &spec.root {
                    Some(root) => host.parts.disks.create(root).await.map(Some),
                    None => Ok(None),
                };
                (made, steps.now())
            },
            volume::locate(host, volumes)
        );
        let told = Told::details(format!(
            "{} vCPUs, {} MiB, {} interfaces",
            spec.vcpus,
            spec.memory_mib,
            spec.nics.len()
        ));
        steps.note(StepName::Claim, (began, plugged_at), plugged.as_ref().map(|_| &told));
        let told = created.as_ref().map(|disk| match disk.as_ref().zip(spec.root.as_ref()) {
            Some((disk, root)) => Told {
                details: format!(
                    "{}: {} bytes of image data copied, disk of {}{}",
                    disk.rung,
                    disk.bytes_copied.0,
                    root.size,
                    kept_base(root, disk)
                ),
                rung: Some(disk.rung),
            },
            None => Told::details("no disk of its own: it has volumes"),
        });
        steps.note(StepName::Disk, (began, created_at), told.as_ref());
        let (taps, created, volumes) = (plugged?, created?, located.map_err(BuildError::Volume)?);
        Ok(Prepared {
            host,
            taps,
            bytes_copied: created.as_ref().map_or(0, |disk| disk.bytes_copied.0),
            root: created.map(|disk| disk.source),
            volumes,
            spec,
        })
    }

    /// The same for a guest that was made earlier: its interfaces are plugged again, its disk is found.
    pub(super) async fn find(self) -> Result<Prepared<'a>, BuildError> {
        let Self { host, spec, volumes } = self;
        let (taps, disk, located) = tokio::join!(
            plug(host, &spec),
            async {
                let _no_release = host.base_lock.read().await;
                match &spec.root {
                    Some(root) => {
                        host.parts.disks.find(&root.disk).await.map(|found| Some(found.ok_or(())))
                    }
                    None => Ok(None),
                }
            },
            volume::locate(host, volumes)
        );
        let root = match disk {
            Ok(None) => None,
            Ok(Some(Ok(disk))) => Some(disk),
            Ok(Some(Err(()))) => return Err(BuildError::NoDisk),
            // The backend's word for a disk that is there and whose base is not.
            Err(error @ DiskError::NotFound(_)) => return Err(BuildError::BaseLost(error)),
            Err(
                error @ (DiskError::Conflict(_)
                | DiskError::Exhausted(_)
                | DiskError::Unsupported(_)
                | DiskError::Unavailable { .. }),
            ) => return Err(BuildError::Find(error)),
        };
        let volumes = located.map_err(BuildError::Volume)?;
        Ok(Prepared { host, taps: taps?, root, volumes, bytes_copied: 0, spec })
    }
}

/// Says that the base is not of the planned format, where other disks need it as it is.
fn kept_base(root: &RootDisk, made: &CreatedDisk) -> String {
    let planned = root.plan.overlay().map(|(base_format, _)| base_format);
    match made.base_format() {
        Some(format) if Some(format) != planned => {
            format!(", on the {format} base that other disks of this host still need")
        }
        Some(_) | None => String::new(),
    }
}

async fn plug(host: &Host, spec: &GuestSpec) -> Result<Vec<Tap>, NetworkError> {
    let _no_removal = host.network_lock.read().await;
    networks::ensure(host, spec).await?;
    let mut taps = Vec::with_capacity(spec.nics.len());
    for nic in &spec.nics {
        taps.push(host.parts.network.plug(nic).await?);
    }
    Ok(taps)
}

impl Prepared<'_> {
    /// Steps 3 and 4.
    pub(super) async fn start(self, steps: &mut Steps) -> Result<Built, BuildError> {
        let folder = self.host.journal.folder(self.spec.server);
        let began = steps.now();
        let defined = self.define(&folder).await;
        let told = Told::details(if self.spec.config_drive {
            "definition and config drive"
        } else {
            "definition"
        });
        steps.end(StepName::Define, began, defined.as_ref().map(|_| &told));
        let definition = defined?;

        let began = steps.now();
        let hypervisor = &self.host.parts.hypervisor;
        let started = hypervisor.start(&definition, &folder, self.taps).await;
        let told = Told::details(format!("{} runs {}", hypervisor.name(), definition.name));
        steps.end(StepName::Start, began, started.as_ref().map(|_| &told));
        let guest = started.map_err(BuildError::Start)?;
        Ok(Built { guest, bytes_copied: self.bytes_copied })
    }

    /// The same for a guest that was made earlier, as one step of its caller's.
    pub(super) async fn start_again(self) -> Result<Arc<dyn Guest>, BuildError> {
        let folder = self.host.journal.folder(self.spec.server);
        let definition = self.define(&folder).await?;
        let hypervisor = &self.host.parts.hypervisor;
        hypervisor.start(&definition, &folder, self.taps).await.map_err(BuildError::Start)
    }

    async fn define(&self, folder: &std::path::Path) -> Result<GuestDefinition, BuildError> {
        let config_drive = match self.spec.config_drive {
            false => None,
            true => {
                let path = folder.join("disk.config");
                let written = self.host.parts.config_drive.write(&self.spec, &path).await;
                written.map_err(BuildError::ConfigDrive)?;
                Some(path)
            }
        };
        let definition = self.definition(config_drive);
        let path = folder.join("definition.json");
        let bytes = serde_json::to_vec_pretty(&definition)
            .map_err(|error| BuildError::Define(io::Error::other(error)))?;
        // For people to read. It follows from the journal, so that nobody has to wait for the disk.
        folder::off_thread(move || folder::write_note(&path, &bytes))
            .await
            .map_err(BuildError::Define)?;
        Ok(definition)
    }

    /// In the order of boot: volumes with a place in it before the others, and the disk from an image before all.
    fn disks(&self) -> Vec<DiskAttachment> {
        let spec = &self.spec;
        let root =
            spec.root.as_ref().zip(self.root.as_ref()).map(|(root, source)| DiskAttachment {
                serial: root.disk.to_string(),
                source: source.clone(),
                volume: None,
                boots: true,
                qos: BTreeMap::new(),
            });
        let mut volumes: Vec<_> = self.volumes.1.iter().collect();
        volumes.sort_by_key(|(volume, _)| volume.boot_index.unwrap_or(u32::MAX));
        let volumes = volumes.into_iter().map(|(volume, source)| volume.disk(source.clone()));
        root.into_iter().chain(volumes).collect()
    }

    fn definition(&self, config_drive: Option<PathBuf>) -> GuestDefinition {
        let spec = &self.spec;
        let nics = spec.nics.iter().zip(&self.taps);
        GuestDefinition {
            server: spec.server,
            name: spec.name.clone(),
            vcpus: spec.vcpus,
            memory_mib: spec.memory_mib,
            disks: self.disks(),
            nics: nics.map(|(nic, tap)| (tap.name.clone(), nic.mac, nic.network.mtu)).collect(),
            config_drive,
        }
    }
}
