//! The hypervisor `sim`: guests that are entries in a table and a small file in their folder, without a process and
//! without waiting. It keeps the port honest, and lets a test have hosts of any size and faults at any step.
//!
//! What it keeps over a restart of the agent is that file alone, as QEMU's driver keeps nothing but a process.

mod guest;

use async_trait::async_trait;
use guest::{Shared, SimGuest};
use hatchery_model::compute::{GuestDefinition, HostResources};
use hatchery_model::id::{ServerId, VolumeId};
use hatchery_ports::hypervisor::{Guest, Hypervisor, HypervisorError, Tap};
use std::collections::{BTreeSet, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Its presence in a folder says that a guest runs there; it holds the server's id, and those of its volumes.
const MARKER: &str = "sim.guest";

/// Where a fault can be asked for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Step {
    /// `start`, before anything is made.
    Start,
    /// `start`, when the guest is there already: it has to be taken back.
    StartLate,
    /// `adopt`.
    Adopt,
    /// `power_state`.
    PowerState,
    /// `stop`.
    Stop,
    /// `attach`.
    Attach,
    /// `detach`: the guest does not let go.
    Detach,
    /// `resize`.
    Resize,
    /// `limit`.
    Limit,
    /// `copy`.
    Copy,
    /// `mirror`.
    Mirror,
    /// `pivot`.
    Pivot,
    /// `resources`.
    Resources,
}

/// See the head of this file.
pub struct SimHypervisor {
    resources: HostResources,
    world: Arc<World>,
}

/// What all guests of a hypervisor share.
#[derive(Default)]
struct World {
    guests: Mutex<HashMap<PathBuf, Arc<Shared>>>,
    faults: Mutex<HashMap<Step, (u32, String)>>,
}

impl SimHypervisor {
    /// A host with these resources, whatever the machine has.
    pub fn new(resources: HostResources) -> Self {
        Self { resources, world: Arc::new(World::default()) }
    }

    /// Resources of a host of that size, with nothing used.
    pub fn host_of(vcpus: u32, memory_mib: u64, disk_gib: u64) -> HostResources {
        HostResources {
            vcpus,
            memory_mib,
            memory_used_mib: 0,
            disk_gib,
            disk_free_gib: disk_gib,
            hypervisor_type: "sim".to_owned(),
            hypervisor_version: 1_000_000,
            arch: std::env::consts::ARCH.to_owned(),
            cpu_model: "simulated".to_owned(),
            accelerator: "none".to_owned(),
            address: "127.0.0.1".to_owned(),
            uptime_seconds: 0,
        }
    }

    /// Has that step fail the next `times` times with `Failed` and this text.
    pub fn fail(&self, step: Step, times: u32, text: &str) {
        lock(&self.world.faults).insert(step, (times, text.to_owned()));
    }

    /// Ends a guest as its own doing would, for this reason. `false` when none runs in that folder.
    pub fn end(&self, folder: &Path, why: &str) -> Result<bool, HypervisorError> {
        let Some(shared) = lock(&self.world.guests).remove(folder) else {
            return Ok(false);
        };
        remove_marker(folder)?;
        Ok(shared.end(why))
    }

    /// How many guests this hypervisor has in hand.
    pub fn running(&self) -> usize {
        lock(&self.world.guests).len()
    }

    fn guest(&self, folder: &Path, shared: Arc<Shared>) -> Arc<dyn Guest> {
        Arc::new(SimGuest { folder: folder.to_owned(), shared, world: Arc::clone(&self.world) })
    }
}

impl World {
    /// Fails if that was asked for.
    fn pass(&self, step: Step) -> Result<(), HypervisorError> {
        let mut faults = lock(&self.faults);
        match faults.get_mut(&step) {
            Some((times, text)) if *times > 0 => {
                *times -= 1;
                Err(HypervisorError::Failed(text.clone()))
            }
            _ => Ok(()),
        }
    }
}

#[async_trait]
impl Hypervisor for SimHypervisor {
    fn name(&self) -> &'static str {
        "sim"
    }

    async fn resources(&self) -> Result<HostResources, HypervisorError> {
        self.world.pass(Step::Resources)?;
        Ok(self.resources.clone())
    }

    async fn start(
        &self,
        definition: &GuestDefinition,
        folder: &Path,
        taps: Vec<Tap>,
    ) -> Result<Arc<dyn Guest>, HypervisorError> {
        if definition.vcpus == 0 || definition.memory_mib == 0 {
            return Err(HypervisorError::Invalid(
                "a guest needs virtual CPUs and memory: choose another flavor".to_owned(),
            ));
        }
        if taps.len() != definition.nics.len() {
            return Err(HypervisorError::Invalid(format!(
                "the guest has {} network interfaces, and {} were plugged",
                definition.nics.len(),
                taps.len()
            )));
        }
        self.world.pass(Step::Start)?;
        write_marker(
            folder,
            definition.server,
            definition.disks.iter().filter_map(|disk| disk.volume),
        )?;
        if let Err(error) = self.world.pass(Step::StartLate) {
            remove_marker(folder)?;
            return Err(error);
        }
        // The taps live as long as the guest, as they would in a process.
        let shared = Arc::new(Shared::new(taps));
        lock(&self.world.guests).insert(folder.to_owned(), Arc::clone(&shared));
        Ok(self.guest(folder, shared))
    }

    async fn adopt(
        &self,
        server: ServerId,
        folder: &Path,
    ) -> Result<Option<Arc<dyn Guest>>, HypervisorError> {
        self.world.pass(Step::Adopt)?;
        if read_marker(folder)?.is_none_or(|(found, _)| found != server.to_string()) {
            // Another's, or half of one.
            remove_marker(folder)?;
            lock(&self.world.guests).remove(folder);
            return Ok(None);
        }
        let shared = Arc::clone(
            lock(&self.world.guests)
                .entry(folder.to_owned())
                .or_insert_with(|| Arc::new(Shared::new(Vec::new()))),
        );
        Ok(Some(self.guest(folder, shared)))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn unavailable(doing: &str, folder: &Path, source: io::Error) -> HypervisorError {
    HypervisorError::Unavailable {
        doing: format!("{doing} the marker in {}", folder.display()),
        source,
    }
}

/// Refuses where a guest runs already.
fn write_marker(
    folder: &Path,
    server: ServerId,
    volumes: impl Iterator<Item = VolumeId>,
) -> Result<(), HypervisorError> {
    let path = folder.join(MARKER);
    if path.exists() {
        return Err(HypervisorError::Failed(format!(
            "a guest of {} runs already: adopt or stop it",
            folder.display()
        )));
    }
    put_marker(folder, &server.to_string(), &volumes.collect())
}

fn put_marker(
    folder: &Path,
    server: &str,
    volumes: &BTreeSet<VolumeId>,
) -> Result<(), HypervisorError> {
    let lines: String = volumes.iter().map(|volume| format!("\n{volume}")).collect();
    std::fs::write(folder.join(MARKER), format!("{server}{lines}"))
        .map_err(|e| unavailable("write", folder, e))
}

/// The server's id, and the guest's volumes.
fn read_marker(folder: &Path) -> Result<Option<(String, BTreeSet<VolumeId>)>, HypervisorError> {
    match std::fs::read_to_string(folder.join(MARKER)) {
        Ok(text) => {
            let mut lines = text.lines();
            let server = lines.next().unwrap_or_default().to_owned();
            Ok(Some((server, lines.filter_map(|line| line.parse().ok()).collect())))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unavailable("read", folder, error)),
    }
}

fn remove_marker(folder: &Path) -> Result<(), HypervisorError> {
    match std::fs::remove_file(folder.join(MARKER)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(unavailable("remove", folder, error))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
