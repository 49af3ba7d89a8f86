//! The state folder: its layout, its lock, its process id.

use anyhow::{Context, bail};
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use nix::sys::signal::kill;
use nix::unistd::Pid;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long the lock of a dead process is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where everything is.
#[derive(Clone, Debug)]
pub struct StateDir(PathBuf);

/// Held by the one process that works on a state folder.
pub struct Held(#[allow(dead_code)] Flock<File>);

impl StateDir {
    /// The folder at this path, made absolute.
    pub fn new(path: &Path) -> anyhow::Result<Self> {
        let path = std::path::absolute(path)
            .with_context(|| format!("{} is not a usable path", path.display()))?;
        Ok(Self(path))
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// A name in it.
    pub fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Makes the folder and those in it. Others may pass through (the hypervisor's user must), not list.
    pub fn make(&self) -> anyhow::Result<()> {
        for path in [
            self.0.clone(),
            self.join("pool"),
            self.join("instances"),
            self.join("networks"),
            self.join("log"),
        ] {
            DirBuilder::new()
                .recursive(true)
                .mode(0o711)
                .create(&path)
                .with_context(|| format!("the folder {} cannot be made", path.display()))?;
        }
        Ok(())
    }

    /// Takes the folder for this process, and writes down which process that is.
    pub fn hold(&self) -> anyhow::Result<Held> {
        let path = self.join("hatchery.pid");
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o644)
            .open(&path)
            .with_context(|| format!("{} cannot be opened", path.display()))?;
        let mut lock = self.lock(file)?;
        lock.set_len(0)?;
        writeln!(lock, "{}", std::process::id())?;
        Ok(Held(lock))
    }

    /// The exclusive lock. A child that a killed process was just starting holds it for a moment longer, so a lock whose holder is dead is
    /// waited for.
    #[allow(clippy::disallowed_methods)] // A lock that ends with someone else's process can only be tried again.
    fn lock(&self, mut file: File) -> anyhow::Result<Flock<File>> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            file = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
                Ok(lock) => return Ok(lock),
                Err((file, Errno::EWOULDBLOCK)) => file,
                Err((_, error)) => bail!("{} cannot be locked: {error}", self.0.display()),
            };
            let holder = fs::read_to_string(self.join("hatchery.pid")).unwrap_or_default();
            let holder = holder.trim();
            let alive = holder.parse().is_ok_and(|id| kill(Pid::from_raw(id), None).is_ok());
            if alive || Instant::now() > deadline {
                bail!(
                    "another hatchery works on {} (process {holder}); stop it with `hatchery down`, or give another --state",
                    self.0.display()
                );
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// The process that holds the folder, if one does.
    pub fn holder(&self) -> anyhow::Result<Option<i32>> {
        let path = self.join("hatchery.pid");
        let file = match File::open(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            file => file.with_context(|| format!("{} cannot be opened", path.display()))?,
        };
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(_free) => Ok(None),
            Err(_) => {
                let id = fs::read_to_string(&path)?.trim().parse().ok();
                Ok(id.filter(|id| kill(Pid::from_raw(*id), None).is_ok()))
            }
        }
    }
}

/// Writes a file of mode 0600 whole or not at all.
pub fn write_private(path: &Path, text: &str) -> anyhow::Result<()> {
    let temporary = path.with_extension("new");
    let write = || -> std::io::Result<()> {
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&temporary)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        path.parent().map_or(Ok(()), |parent| File::open(parent)?.sync_all())
    };
    write().with_context(|| format!("{} cannot be written", path.display()))
}
