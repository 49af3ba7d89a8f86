//! Network namespaces with names, made as iproute2 makes them: a file below `/run/netns` on which the namespace is
//! mounted.
//!
//! A thread that enters a namespace never comes back: each piece of work gets a thread of its own, which ends after it.
//! What it opened (sockets, taps) stays in the namespace and may be used from anywhere.

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, setns, unshare};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What statfs says of a mounted namespace (`NSFS_MAGIC`).
const NSFS: i64 = 0x6e73_6673;
const NOTHING: Option<&str> = None;

/// A namespace that exists. Holding it keeps it alive, but not its name.
#[derive(Clone, Debug)]
pub(super) struct Namespace {
    file: Arc<File>,
    identity: Identity,
}

/// Which namespace it is: device and inode, unique while it lives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Identity {
    device: u64,
    inode: u64,
}

impl Identity {
    /// Of the namespace behind this path, such as `/proc/<pid>/ns/net`.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        let found = fs::metadata(path)?;
        Ok(Self { device: found.dev(), inode: found.ino() })
    }
}

impl Namespace {
    /// The namespace of that name; `None` when there is none, or a file without one.
    pub(super) fn find(folder: &Path, name: &str) -> io::Result<Option<Self>> {
        let path = folder.join(name);
        let file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file?,
        };
        if rustix::fs::fstatfs(&file)?.f_type as i64 != NSFS {
            return Ok(None);
        }
        let found = file.metadata()?;
        let identity = Identity { device: found.dev(), inode: found.ino() };
        Ok(Some(Self { file: Arc::new(file), identity }))
    }

    /// Makes the namespace of that name, or finds it. A file that an earlier attempt left without a namespace is used.
    pub(super) async fn ensure(folder: &Path, name: &str) -> io::Result<Self> {
        if let Some(found) = Self::find(folder, name)? {
            return Ok(found);
        }
        let (folder, name) = (folder.to_owned(), name.to_owned());
        on_new_thread(move || {
            let _only_one_at_a_time = prepare(&folder)?;
            if let Some(found) = Self::find(&folder, &name)? {
                return Ok(found);
            }
            let path = folder.join(&name);
            OpenOptions::new().write(true).create(true).truncate(false).mode(0o444).open(&path)?;
            unshare(CloneFlags::CLONE_NEWNET)?;
            mount(Some("/proc/thread-self/ns/net"), &path, NOTHING, MsFlags::MS_BIND, NOTHING)?;
            Self::find(&folder, &name)?
                .ok_or_else(|| io::Error::other("the namespace was mounted and is not there"))
        })
        .await
    }

    /// Takes the name away. The namespace itself ends with the last process and descriptor in it. `Ok` when there is no
    /// such name.
    pub(super) fn remove(folder: &Path, name: &str) -> io::Result<()> {
        let path = folder.join(name);
        loop {
            // Several may be stacked on one name, where two programs made it at once.
            match umount2(&path, MntFlags::MNT_DETACH) {
                Ok(()) => {}
                Err(Errno::EINVAL) => break,
                Err(Errno::ENOENT) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Which one it is.
    pub(super) fn identity(&self) -> Identity {
        self.identity
    }

    /// The descriptor, for netlink.
    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// Runs `work` in the namespace, on a thread of its own.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let file = self.file.clone();
        on_new_thread(move || {
            setns(&*file, CloneFlags::CLONE_NEWNET)?;
            work()
        })
        .await
    }
}

/// Runs `work` on a thread that ends after it, so that nothing is left of what it did to itself.
pub(super) async fn on_new_thread<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let (answer, answered) = tokio::sync::oneshot::channel();
    std::thread::Builder::new().name("netns".to_owned()).stack_size(256 << 10).spawn(
        move || {
            // Whoever asked may have gone away; what was made is then dropped here.
            let _ = answer.send(work());
        },
    )?;
    answered
        .await
        .unwrap_or_else(|_| Err(io::Error::other("the thread in the namespace ended early")))
}

/// Makes the folder of namespaces a shared mount, so that a name removed here is gone in every other mount namespace
/// too, and takes its lock, as iproute2 does.
fn prepare(folder: &Path) -> io::Result<Flock<File>> {
    DirBuilder::new().recursive(true).mode(0o755).create(folder)?;
    let lock = Flock::lock(File::open(folder)?, FlockArg::LockExclusive)
        .map_err(|(_, error)| io::Error::from(error))?;
    let share = || mount(NOTHING, folder, NOTHING, MsFlags::MS_SHARED | MsFlags::MS_REC, NOTHING);
    match share() {
        Err(Errno::EINVAL) => {
            mount(Some(folder), folder, NOTHING, MsFlags::MS_BIND | MsFlags::MS_REC, NOTHING)?;
            share()?;
        }
        shared => shared?,
    }
    Ok(lock)
}

/// Names in the folder of namespaces; none where there is no folder.
pub(super) fn list(folder: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut names = Vec::new();
    for entry in entries {
        names.extend(entry?.file_name().into_string());
    }
    Ok(names)
}

/// Writes a kernel setting of the calling thread's namespace.
pub(super) fn set_kernel(name: &str, value: &str) -> io::Result<()> {
    let path: PathBuf = Path::new("/proc/sys").join(name);
    match fs::write(&path, value) {
        // A kernel without that part needs no setting of it.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(io::Error::new(error.kind(), format!("{}: {error}", path.display()))),
        Ok(()) => Ok(()),
    }
}
