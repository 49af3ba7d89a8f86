//! What a backend's folder stands on: a filesystem of this host that is always there, or a share that comes and goes and that other hosts
//! use as well. An order is done on a shelf of either.

use super::error::{failed, may_pass};
use super::share::{Absent, Share};
use super::shelf::Shelf;
use crate::pool::{free_bytes, try_hard_link, try_reflink};
use hatchery_model::units::Bytes;
use hatchery_ports::volume_backend::VolumeError;
use nix::sys::statvfs::statvfs;
use std::io;
use std::path::Path;
use std::sync::{Arc, OnceLock};

/// So often what may pass is tried on a share, the first time included.
const TRIES: u32 = 4;

/// Whether a hard link, and whether a reflink, from the images to the volumes can be made; else why not.
pub(super) type Tried = (Result<(), String>, Result<(), String>);

/// A folder that is there.
#[derive(Clone, Debug)]
pub(super) struct Standing {
    pub(super) shelf: Shelf,
    /// What the trials found; a filesystem does not change while it is mounted.
    pub(super) tried: Arc<OnceLock<Tried>>,
}

/// See the head of this file.
#[derive(Clone, Debug)]
pub(super) enum Ground {
    Folder(Standing),
    Share(Arc<Share>),
}

/// How a folder is now.
pub(super) struct Found {
    pub(super) hard_link: Result<(), String>,
    pub(super) reflink: Result<(), String>,
    pub(super) total: Bytes,
    pub(super) free: Bytes,
    /// Why it cannot be used.
    pub(super) down: Option<String>,
}

impl Found {
    /// Of a folder of which nothing is known but this.
    pub(super) fn down(why: String) -> Self {
        let unknown = || Err("it was not tried".to_owned());
        Self {
            hard_link: unknown(),
            reflink: unknown(),
            total: Bytes(0),
            free: Bytes(0),
            down: Some(why),
        }
    }
}

impl Ground {
    /// What capabilities call `storage_protocol`.
    pub(super) const fn protocol(&self) -> &'static str {
        match self {
            Self::Folder(_) => "file",
            Self::Share(_) => "nfs",
        }
    }

    /// How often something that may pass is tried.
    pub(super) const fn tries(&self) -> u32 {
        match self {
            Self::Folder(_) => 1,
            Self::Share(_) => TRIES,
        }
    }

    /// Does work that can be repeated, also on what an earlier try has left: on a share again, with everything opened anew, where an error may
    /// pass. Blocks.
    pub(super) fn work<T>(
        &self,
        doing: &str,
        work: impl Fn(&Shelf) -> Result<T, VolumeError>,
    ) -> Result<T, VolumeError> {
        let share = match self {
            Self::Folder(standing) => return work(&standing.shelf),
            Self::Share(share) => share,
        };
        let mut left = TRIES;
        loop {
            left -= 1;
            let stands = share.stand().map_err(|absent| absent.into_error(doing));
            match stands.and_then(|standing| work(&standing.shelf)) {
                Err(VolumeError::Unavailable { source, .. }) if left > 0 && may_pass(&source) => {
                    tracing::warn!(doing, error = %source, left, "a share's handle is stale or its server away: trying again");
                }
                Err(VolumeError::Denied(why)) => return Err(share.denied(doing, &why)),
                done => return done,
            }
        }
    }

    /// Looks at the folder, and the first time tries what it can. Blocks.
    pub(super) fn look(&self) -> Found {
        let mut left = self.tries();
        loop {
            left -= 1;
            match self.look_once() {
                Ok(found) => return found,
                Err(absent) if left > 0 && absent.may_pass() => {}
                Err(absent) => return Found::down(absent.to_string()),
            }
        }
    }

    fn look_once(&self) -> Result<Found, Absent> {
        let standing = match self {
            Self::Folder(standing) => standing.clone(),
            Self::Share(share) => share.stand()?,
        };
        let shelf = &standing.shelf;
        let room = shelf.step_look().and_then(|()| total_bytes(&shelf.folder));
        let (total, free) = room
            .and_then(|total| Ok((total, free_bytes(&shelf.folder)?)))
            .map_err(|error| Absent::silent("backend's folder", &shelf.named, error))?;
        let (hard_link, reflink) = standing.tried.get_or_init(|| try_both(shelf)).clone();
        Ok(Found { hard_link, reflink, total, free, down: None })
    }
}

fn try_both(shelf: &Shelf) -> Tried {
    // A shared folder is worked on by another name than the one that people know.
    let (at, named) = (shelf.folder.display().to_string(), shelf.named.display().to_string());
    let said = |tried: Result<(), String>| tried.map_err(|why| why.replace(&at, &named));
    let (pool, folder) = (&shelf.pool, &shelf.folder);
    (said(try_hard_link(pool, folder)), said(try_reflink(pool, folder)))
}

/// Size of a folder's filesystem.
fn total_bytes(folder: &Path) -> io::Result<Bytes> {
    let found = statvfs(folder)?;
    Ok(Bytes(found.blocks().saturating_mul(found.fragment_size())))
}

/// What a thread that has died was doing.
pub(super) fn died(doing: &'static str) -> impl Fn(tokio::task::JoinError) -> VolumeError {
    move |error| failed(doing)(io::Error::other(error))
}
