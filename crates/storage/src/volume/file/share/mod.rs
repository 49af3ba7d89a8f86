//! A share that is mounted on this host and maybe on others: an export of NFS, or any other mount.
//!
//! Whether it is there is asked for every order, and each is done on the root that was looked at then, so that nothing is ever written into
//! the bare folder below. A share is known by a file that its first user has put on it: a note of this host says which one it was.
//! What is not that share is down, with a reason. Not here: mounting, which is the operator's.

mod mount;
mod rights;

use super::error::{failed, may_pass};
use super::ground::{Standing, Tried};
use super::shelf::Shelf;
use crate::durable::{look, read_record, write_record};
use crate::owner::FileOwner;
use crate::pool::{Op, Pool, Steps};
use hatchery_model::image::ImageFormat;
use hatchery_ports::volume_backend::VolumeError;
use rights::Asked;
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use uuid::Uuid;

/// The name of the file by which a share is known again.
const MARK: &str = ".hatchery-share";

/// Settings of a backend on a share.
#[derive(Clone, Debug)]
pub struct ShareVolumeSettings {
    /// Its section in the configuration.
    pub backend: String,
    /// `volume_backend_name`.
    pub pool: String,
    /// Where the image store keeps its files.
    pub images: PathBuf,
    /// The folder that the share is mounted on: the share's root.
    pub mount_point: PathBuf,
    /// Where this host notes which share it is.
    pub note: PathBuf,
    /// Whose the files are to be where they can be given away: the hypervisor's user.
    pub owner: FileOwner,
    /// `nas_secure_file_operations`: `true` gives no file away, `false` each, `None` those that can be.
    pub secure_operations: Option<bool>,
    /// `nas_secure_file_permissions` of files that are not given away: `true` is 0660, `false` 0666, `None` 0660.
    pub secure_permissions: Option<bool>,
    /// Format of volumes that lie on nothing.
    pub format: ImageFormat,
    /// By what the share is known from now on, if nobody has used it before.
    pub id: Uuid,
}

/// What a share's file, and a host's note, say.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Mark {
    share: Uuid,
}

/// Why the share cannot be used now.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
pub(super) struct Absent {
    reason: String,
    #[source]
    cause: Option<io::Error>,
}

impl Absent {
    fn says(reason: String) -> Self {
        Self { reason, cause: None }
    }

    pub(super) fn silent(what: &str, folder: &Path, error: io::Error) -> Self {
        let folder = folder.display();
        let reason =
            format!("the {what} {folder} does not answer ({error}): see whether it is mounted");
        Self { reason, cause: Some(error) }
    }

    fn of(error: VolumeError) -> Self {
        match error {
            VolumeError::Unavailable { doing, source } => Self {
                reason: format!("the share cannot be used, since it does not {doing} ({source})"),
                cause: Some(source),
            },
            other => Self::says(other.to_string()),
        }
    }

    pub(super) fn may_pass(&self) -> bool {
        self.cause.as_ref().is_some_and(may_pass)
    }

    /// What an order is told.
    pub(super) fn into_error(self, doing: &str) -> VolumeError {
        VolumeError::Unavailable {
            doing: format!("{doing}, since its share cannot be used"),
            source: match self.cause {
                // The number decides whether it is tried again.
                Some(cause) if may_pass(&cause) => cause,
                Some(_) | None => io::Error::other(self.reason),
            },
        }
    }
}

/// The share as it was met.
#[derive(Clone, Debug)]
struct Known {
    mark: Mark,
    owner: FileOwner,
    tried: Arc<OnceLock<Tried>>,
}

/// See the head of this file.
#[derive(Debug)]
pub(super) struct Share {
    images: Pool,
    folder: PathBuf,
    note: PathBuf,
    owner: FileOwner,
    asked: Asked,
    format: ImageFormat,
    id: Uuid,
    pub(super) steps: Steps,
    known: Mutex<Option<Known>>,
}

impl Share {
    /// Looks at nothing but the images' folder: the share may be away.
    pub(super) fn new(settings: ShareVolumeSettings, steps: Steps) -> io::Result<Self> {
        Ok(Self {
            images: Pool::open(&settings.images)?,
            folder: std::path::absolute(&settings.mount_point)?,
            note: settings.note,
            owner: settings.owner,
            asked: Asked {
                operations: settings.secure_operations,
                permissions: settings.secure_permissions,
            },
            format: settings.format,
            id: settings.id,
            steps,
            known: Mutex::default(),
        })
    }

    /// The share, if it is mounted and the one that it was.
    pub(super) fn stand(&self) -> Result<Standing, Absent> {
        let root = Arc::new(mount::open(&self.folder)?);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let mark = self.read_mark(&reached(&root))?;
        let met = match known.take() {
            Some(met) if mark.as_ref() == Some(&met.mark) => met,
            Some(_) | None => self.meet(&root, mark)?,
        };
        *known = Some(met.clone());
        Ok(Standing { shelf: self.shelf(&root, met.owner), tried: met.tried })
    }

    fn read_mark(&self, at: &Path) -> Result<Option<Mark>, Absent> {
        let read = self.steps.before(Op::Read(&at.join(MARK)));
        let read = read.and_then(|()| read_record(&at.join(MARK)));
        read.map_err(|error| Absent::silent("share", &self.folder, error))
    }

    fn shelf(&self, root: &Arc<File>, owner: FileOwner) -> Shelf {
        Shelf::of_share(
            self.images.clone(),
            (reached(root), root.clone()),
            &self.folder,
            (owner, self.format),
            self.steps.clone(),
        )
    }

    /// Finds out whether it is the right share, and what can be done there.
    fn meet(&self, root: &Arc<File>, mark: Option<Mark>) -> Result<Known, Absent> {
        let noted: Option<Mark> =
            read_record(&self.note).map_err(|error| self.note_error(&error))?;
        if let Some(noted) = &noted {
            self.require_noted(noted, mark.as_ref())?;
        }
        let shelf = self.shelf(root, FileOwner::process());
        let lock = shelf.lock().map_err(|error| self.unmet(error))?;
        let mark = self.first_mark(&shelf)?;
        let owner = rights::choose(&shelf, self.owner, self.asked);
        let owner = owner.map_err(|error| self.unmet(error))?;
        let begun = self.shelf(root, owner).begin();
        begun.map_err(|error| self.unmet(failed("begin")(error)))?;
        drop(lock);
        if noted.is_none() {
            write_record(&self.note, &mark).map_err(|error| self.note_error(&error))?;
        }
        Ok(Known { mark, owner, tried: Arc::default() })
    }

    /// Whether it is the share that this host has noted.
    fn require_noted(&self, noted: &Mark, mark: Option<&Mark>) -> Result<(), Absent> {
        let (folder, note) = (self.folder.display(), self.note.display());
        match mark {
            Some(mark) if mark == noted => Ok(()),
            Some(_) => Err(Absent::says(format!(
                "the share on {folder} is another one than the backend's: mount the right one, or remove {note} to use this one from now on"
            ))),
            None => Err(Absent::says(format!(
                "what is mounted on {folder} has no file {MARK}, by which the backend knows its share: mount the right one, or remove {note} to \
                 begin with this one"
            ))),
        }
    }

    /// The share's mark, which is put there if nobody has used it yet. The lock is held: of hosts that come at the same time one is the first.
    fn first_mark(&self, shelf: &Shelf) -> Result<Mark, Absent> {
        if let Some(mark) = self.read_mark(&shelf.folder)? {
            return Ok(mark);
        }
        let silent = |error| Absent::silent("share", &self.folder, error);
        if look(&shelf.path(".records")).map_err(silent)?.is_some() {
            return Err(Absent::says(format!(
                "the share on {} has volumes and no file {MARK} any more: put it back, with what {} says on a host that has it",
                self.folder.display(),
                self.note.display()
            )));
        }
        let mark = Mark { share: self.id };
        let path = shelf.path(MARK);
        let written = self.steps.before(Op::Write(&path)).and_then(|()| write_record(&path, &mark));
        written.map_err(|error| self.unmet(failed("begin")(error)))?;
        Ok(mark)
    }

    fn unmet(&self, error: VolumeError) -> Absent {
        Absent::of(match error {
            VolumeError::Denied(why) => self.denied("begin", &why),
            error => error,
        })
    }

    fn note_error(&self, error: &io::Error) -> Absent {
        let note = self.note.display();
        Absent::says(format!(
            "the note {note} of which share is the backend's cannot be kept ({error})"
        ))
    }

    /// Says whose the share is, and what helps.
    pub(super) fn denied(&self, doing: &str, why: &str) -> VolumeError {
        tracing::warn!(share = %self.folder.display(), why, "the share does not let us");
        let whose = fs::metadata(&self.folder).map_or_else(
            |error| format!("cannot be looked at ({error})"),
            |found| {
                let mode = found.mode() & 0o7777;
                format!("belongs to {}:{} with mode {mode:o}", found.uid(), found.gid())
            },
        );
        VolumeError::Denied(format!(
            "the share on {} does not let this process, which is user {}, {doing}: the folder {whose}. See that it is exported and mounted for writing; where its \
             server squashes root, give the folder to the user that root becomes there (anonuid), or run this as the folder's owner",
            self.folder.display(),
            nix::unistd::geteuid()
        ))
    }
}

/// By what name the root is reached whatever is mounted where.
fn reached(root: &File) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", root.as_raw_fd()))
}
