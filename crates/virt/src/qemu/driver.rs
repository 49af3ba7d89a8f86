//! The hypervisor of a host: starting guests, and finding them again.

use super::adopt;
use super::command_line;
use super::folder::Folder;
use super::guest::QemuGuest;
use super::host_facts;
use super::inherit::Inheritance;
use super::process::{Exit, Job, Spawned, Turn, spawn};
use super::proof::prove_accelerator;
use super::qmp::QmpError;
use super::settings::{Accelerator, AcceleratorChoice, QemuSettings};
use super::throttle::Throttle;
use async_trait::async_trait;
use hatchery_model::compute::{GuestDefinition, HostResources};
use hatchery_model::id::ServerId;
use hatchery_ports::clock::Clock;
use hatchery_ports::hypervisor::{Guest, Hypervisor, HypervisorError, Tap};
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use tokio::sync::OnceCell;

/// See [`super`].
pub struct QemuHypervisor {
    settings: Arc<QemuSettings>,
    clock: Arc<dyn Clock>,
    accelerator: OnceCell<Accelerator>,
    version: OnceCell<u32>,
    turns: Turns,
}

/// Whose turn it is in a folder. A start whose caller has gone away goes on for a moment, until its process is ended;
/// whoever comes next waits for that.
#[derive(Default)]
struct Turns(std::sync::Mutex<HashMap<PathBuf, Arc<tokio::sync::Mutex<()>>>>);

impl Turns {
    async fn take(&self, folder: &Path) -> Turn {
        let turn = {
            let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            all.retain(|_, turn| Arc::strong_count(turn) > 1);
            Arc::clone(all.entry(folder.to_owned()).or_default())
        };
        turn.lock_owned().await
    }
}

/// A process that runs, and the first connection to its monitor.
struct Begun {
    spawned: Spawned,
    monitor: UnixStream,
    log_from: u64,
}

impl QemuHypervisor {
    /// With these settings. Nothing is looked at yet: a missing program shows when it is needed.
    pub fn new(settings: QemuSettings, clock: Arc<dyn Clock>) -> Self {
        Self {
            settings: Arc::new(settings),
            clock,
            accelerator: OnceCell::new(),
            version: OnceCell::new(),
            turns: Turns::default(),
        }
    }

    /// What guests run on here. Proved by a trial guest on the first call when the settings say `auto`, which may take
    /// up to twice their `proof_deadline`.
    pub async fn accelerator(&self) -> Result<Accelerator, HypervisorError> {
        match self.settings.accelerator {
            AcceleratorChoice::Kvm => Ok(Accelerator::Kvm),
            AcceleratorChoice::Tcg => Ok(Accelerator::Tcg),
            AcceleratorChoice::Auto => self
                .accelerator
                .get_or_try_init(|| async {
                    let proof = prove_accelerator(
                        &self.settings.binary,
                        AcceleratorChoice::Auto,
                        self.settings.user,
                        self.settings.proof_deadline,
                    )
                    .await?;
                    Ok(proof.accelerator)
                })
                .await
                .copied(),
        }
    }

    /// Makes the process. Blocks on the filesystem and on the fork.
    fn begin(
        settings: &QemuSettings,
        definition: &GuestDefinition,
        accelerator: Accelerator,
        folder: &Folder,
        (lock, turn): (File, Turn),
        taps: Vec<Tap>,
        stamp: String,
    ) -> Result<Begun, HypervisorError> {
        let in_folder = |doing: &str, source: io::Error| HypervisorError::Unavailable {
            doing: format!("{doing} in {}", folder.path().display()),
            source,
        };
        let program = host_facts::find_program(&settings.binary)?;
        let mut inheritance = Inheritance::default();
        let mut descriptors = inheritance.open(
            definition,
            accelerator,
            taps,
            (settings.ceph.as_ref(), settings.cache),
        )?;
        let console = folder.console().map_err(|e| in_folder("open the console log", e))?;
        descriptors.console = inheritance.add(console);
        let listener = folder.listen().map_err(|e| in_folder("make the monitor's socket", e))?;
        descriptors.monitor = inheritance.add(listener);
        let monitor = folder.connect().map_err(|e| in_folder("connect to the monitor", e))?;
        let arguments = command_line::arguments(definition, accelerator, &descriptors)
            .map_err(|refused| HypervisorError::Invalid(refused.0))?;
        let (mut log, log_from) = folder.log().map_err(|e| in_folder("open QEMU's log", e))?;
        log.write_all(stamp.as_bytes()).map_err(|e| in_folder("write QEMU's log", e))?;
        let log_from = log_from + stamp.len() as u64;
        let job = Job {
            program: &program,
            arguments: &arguments,
            folder: folder.path(),
            user: settings.user,
            log,
            lock: Some(lock),
            turn: Some(turn),
            inheritance,
        };
        let spawned = spawn(job).map_err(|error| cannot_spawn(&program, settings, &error))?;
        Ok(Begun { spawned, monitor, log_from })
    }
}

#[async_trait]
impl Hypervisor for QemuHypervisor {
    fn name(&self) -> &'static str {
        "qemu"
    }

    async fn resources(&self) -> Result<HostResources, HypervisorError> {
        let accelerator = self.accelerator().await?;
        let version = *self
            .version
            .get_or_try_init(|| host_facts::qemu_version(&self.settings.binary))
            .await?;
        let settings = Arc::clone(&self.settings);
        blocking(move || host_facts::read(&settings, accelerator, version)).await
    }

    async fn start(
        &self,
        definition: &GuestDefinition,
        folder: &Path,
        taps: Vec<Tap>,
    ) -> Result<Arc<dyn Guest>, HypervisorError> {
        let accelerator = self.accelerator().await?;
        let limited = Throttle::of_all(&definition.disks)?;
        let folder = Folder::new(folder);
        let turn = self.turns.take(folder.path()).await;
        let lock = take_lock(definition.server, &folder).await?;
        let now = self.clock.now();
        let stamp = format!("{} started at {}\n", definition.name, now.seconds());
        let begun = {
            let (settings, definition, folder) =
                (Arc::clone(&self.settings), definition.clone(), folder.clone());
            blocking(move || {
                let begun = Self::begin(
                    &settings,
                    &definition,
                    accelerator,
                    &folder,
                    (lock, turn),
                    taps,
                    stamp,
                );
                if begun.is_err() {
                    // Looking is tidying. Should it fail too, the first error is the one to tell.
                    let _ = folder.occupation();
                }
                begun
            })
            .await?
        };
        let Begun { spawned, monitor, log_from } = begun;
        let process = spawned.watch().map_err(|source| HypervisorError::Unavailable {
            doing: "watch QEMU's process".to_owned(),
            source,
        })?;
        let guest = QemuGuest::new(
            definition.server,
            folder.clone(),
            Arc::clone(&process),
            Arc::clone(&self.settings),
        );
        match guest.first_contact(monitor).await {
            Ok(()) => {
                if let Err(error) = guest.throttle(&limited).await {
                    guest.stop(Duration::ZERO).await?;
                    return Err(error);
                }
                spawned.keep();
                Ok(Arc::new(guest))
            }
            Err(error) => {
                // A closed connection mostly means that QEMU is just ending, with a status worth telling.
                let exit = tokio::time::timeout(ENDING, process.ended()).await;
                guest.stop(Duration::ZERO).await?;
                let tail = folder.log_tail(log_from);
                Err(HypervisorError::Failed(sentence(exit.ok(), &error, &tail)))
            }
        }
    }

    async fn adopt(
        &self,
        server: ServerId,
        folder: &Path,
    ) -> Result<Option<Arc<dyn Guest>>, HypervisorError> {
        let folder = Folder::new(folder);
        let turn = self.turns.take(folder.path()).await;
        let Some(process) = adopt::find(server, &folder).await? else {
            return Ok(None);
        };
        drop(turn);
        let guest =
            Arc::new(QemuGuest::new(server, folder, Arc::new(process), Arc::clone(&self.settings)));
        let listening = Arc::clone(&guest);
        let listening = tokio::spawn(async move { listening.listen().await });
        // Not for longer: a guest whose monitor is stuck, or only just starting, is a guest all the same.
        let _ = tokio::time::timeout(GREETING, listening).await;
        Ok(Some(guest))
    }
}

/// How long an adopted guest's monitor is waited for.
const GREETING: Duration = Duration::from_millis(500);
/// How long an ending QEMU is waited for, to tell its status.
const ENDING: Duration = Duration::from_secs(1);

/// Takes the lock of a folder in which no process runs.
async fn take_lock(server: ServerId, folder: &Folder) -> Result<File, HypervisorError> {
    let occupy = || {
        folder.occupy().map_err(|source| HypervisorError::Unavailable {
            doing: format!("take the lock in {}", folder.path().display()),
            source,
        })
    };
    if let Some(lock) = occupy()? {
        return Ok(lock);
    }
    // A process of it runs, or another child just forked holds the lock until it becomes its own program.
    let running = adopt::find(server, folder).await?;
    let free = if running.is_none() { occupy()? } else { None };
    free.ok_or_else(|| {
        HypervisorError::Failed(format!(
            "a process of {} runs already: adopt or stop it",
            folder.path().display()
        ))
    })
}

fn sentence(exit: Option<Exit>, error: &QmpError, log: &str) -> String {
    let what = match exit {
        Some(Exit::Status(code)) => {
            format!("QEMU ended with status {code} before the guest ran")
        }
        Some(Exit::Signal(signal)) => {
            format!("QEMU was ended by signal {signal} before the guest ran")
        }
        Some(Exit::Unknown) => "QEMU ended before the guest ran".to_owned(),
        None => format!("the guest did not run, and its QEMU was ended: {error}"),
    };
    if log.is_empty() { what } else { format!("{what}; its log ends: {log}") }
}

fn cannot_spawn(program: &Path, settings: &QemuSettings, error: &io::Error) -> HypervisorError {
    let user = settings
        .user
        .map_or(String::new(), |(user, group)| format!(" as user {user} and group {group}"));
    HypervisorError::Failed(format!("{} cannot be started{user}: {error}", program.display()))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, HypervisorError> + Send + 'static,
) -> Result<T, HypervisorError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(HypervisorError::Unavailable {
            doing: "work on a thread of its own".to_owned(),
            source: io::Error::other(error),
        }),
    }
}
