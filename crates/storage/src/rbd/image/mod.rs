//! An open image of a pool, or a snapshot of one.

mod ffi;
mod flatten;

use super::error::{CephError, Doing};
use super::ffi::IoCtx;
use ffi::{How, ImageHandle, Linked};
use std::sync::Arc;

/// An image that another one is linked with.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct LinkedImage {
    /// Its pool.
    pub pool: String,
    /// Its id, which it keeps in the trash.
    pub id: String,
    /// Its name; in the trash, the one that it had.
    pub name: String,
    /// Whether it is in the trash.
    pub is_in_trash: bool,
}

/// A snapshot that is there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RbdSnapshot {
    /// Its name.
    pub name: String,
    /// Size of the image then.
    pub size: u64,
}

/// Somebody who has an image open for writing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RbdWatcher {
    /// Its address, as `ceph osd blocklist add` takes it.
    pub address: String,
    /// The client's number.
    pub client: i64,
}

/// A run of an image that holds data, or that differs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RbdExtent {
    /// Where it begins.
    pub offset: u64,
    /// How long it is.
    pub length: u64,
    /// Whether it holds data; else it has become zeros.
    pub has_data: bool,
}

/// An open image. All calls block; dropping closes it.
pub struct OpenImage {
    handle: ImageHandle,
    name: String,
}

const HIDDEN_SNAPSHOT: i32 = 2;

impl From<Linked> for LinkedImage {
    fn from(linked: Linked) -> Self {
        Self { pool: linked.pool, id: linked.id, name: linked.name, is_in_trash: linked.trash }
    }
}

impl OpenImage {
    /// Opens for writing: others see a watcher.
    pub(super) fn open(pool: Arc<IoCtx>, name: &str) -> Result<Self, CephError> {
        Self::open_as(pool, name, None, How::Writing)
    }

    pub(super) fn open_to_read(
        pool: Arc<IoCtx>,
        name: &str,
        snapshot: Option<&str>,
    ) -> Result<Self, CephError> {
        Self::open_as(pool, name, snapshot, How::Reading)
    }

    pub(super) fn open_by_id(pool: Arc<IoCtx>, id: &str) -> Result<Self, CephError> {
        Self::open_as(pool, id, None, How::ReadingById)
    }

    pub(super) fn open_by_id_to_write(pool: Arc<IoCtx>, id: &str) -> Result<Self, CephError> {
        Self::open_as(pool, id, None, How::WritingById)
    }

    fn open_as(
        pool: Arc<IoCtx>,
        name: &str,
        snapshot: Option<&str>,
        how: How,
    ) -> Result<Self, CephError> {
        let handle = ImageHandle::open(pool, name, snapshot, how).doing(|| match snapshot {
            Some(snapshot) => format!("open {name}@{snapshot}"),
            None => format!("open {name}"),
        })?;
        Ok(Self { handle, name: name.to_owned() })
    }

    /// Closes it, and tells what could not be written.
    pub fn close(self) -> Result<(), CephError> {
        let name = self.name;
        self.handle.close().doing(|| format!("write all of {name}"))
    }

    /// Its id, which it keeps when it is renamed or moved to the trash.
    pub fn id(&self) -> Result<String, CephError> {
        self.handle.id().doing(|| format!("tell the id of {}", self.name))
    }

    /// Its size in bytes.
    pub fn size(&self) -> Result<u64, CephError> {
        self.handle.size().doing(|| format!("tell the size of {}", self.name))
    }

    /// Has it at least this large.
    pub fn grow(&self, size: u64) -> Result<(), CephError> {
        if self.size()? >= size {
            return Ok(());
        }
        self.resize(size, false)
    }

    /// Has it exactly this large; what lies behind is lost.
    pub fn set_size(&self, size: u64) -> Result<(), CephError> {
        self.resize(size, true)
    }

    fn resize(&self, size: u64, may_shrink: bool) -> Result<(), CephError> {
        let resized = self.handle.resize(size, may_shrink, &mut |_, _| true);
        resized.doing(|| format!("give {} {size} bytes", self.name))
    }

    /// What it was cloned from, and the name of the snapshot. `None`: it stands by itself.
    pub fn parent(&self) -> Result<Option<(LinkedImage, String)>, CephError> {
        match self.handle.parent() {
            Err(nix::errno::Errno::ENOENT) => Ok(None),
            found => {
                let found = found.doing(|| format!("tell the parent of {}", self.name))?;
                let snapshot = found.snapshot.clone();
                Ok(Some((found.into(), snapshot)))
            }
        }
    }

    /// Clones of any of its snapshots.
    pub fn children(&self) -> Result<Vec<LinkedImage>, CephError> {
        let found = self.handle.children().doing(|| format!("list the clones of {}", self.name))?;
        Ok(found.into_iter().map(LinkedImage::from).collect())
    }

    /// Makes a snapshot. `Conflict` when it is there.
    pub fn snapshot(&self, name: &str) -> Result<(), CephError> {
        self.handle.snapshot(name).doing(|| format!("make the snapshot {}@{name}", self.name))
    }

    /// Removes a snapshot; clones of it keep what they need. `Conflict` while it is protected.
    pub fn remove_snapshot(&self, name: &str) -> Result<(), CephError> {
        let removed = self.handle.remove_snapshot(name);
        removed.doing(|| format!("remove the snapshot {}@{name}", self.name))
    }

    /// Gives a snapshot another name. `Conflict` when that is taken.
    pub fn rename_snapshot(&self, from: &str, to: &str) -> Result<(), CephError> {
        let renamed = self.handle.rename_snapshot(from, to);
        renamed.doing(|| format!("rename the snapshot {}@{from} to {to}", self.name))
    }

    /// Protects a snapshot, for clones of format 1. `Ok` when it is.
    pub fn protect(&self, name: &str) -> Result<(), CephError> {
        match self.handle.protect(name) {
            Err(nix::errno::Errno::EBUSY) => Ok(()),
            done => done.doing(|| format!("protect the snapshot {}@{name}", self.name)),
        }
    }

    /// Ends a snapshot's protection. `Ok` when it has none. `Conflict` while it has clones of format 1.
    pub fn unprotect(&self, name: &str) -> Result<(), CephError> {
        match self.handle.unprotect(name) {
            Err(nix::errno::Errno::EINVAL) => Ok(()),
            done => done.doing(|| format!("unprotect the snapshot {}@{name}", self.name)),
        }
    }

    /// Whether a snapshot is protected.
    pub fn is_protected(&self, name: &str) -> Result<bool, CephError> {
        let asked = self.handle.is_protected(name);
        asked.doing(|| format!("tell whether {}@{name} is protected", self.name))
    }

    /// Its snapshots.
    pub fn snapshots(&self) -> Result<Vec<RbdSnapshot>, CephError> {
        let found = self.handle.snapshots();
        let found = found.doing(|| format!("list the snapshots of {}", self.name))?;
        let seen = found.into_iter().filter(|one| one.namespace != HIDDEN_SNAPSHOT);
        Ok(seen.map(|one| RbdSnapshot { name: one.name, size: one.size }).collect())
    }

    /// How many of its snapshots were removed and are kept for clones.
    pub fn hidden_snapshots(&self) -> Result<usize, CephError> {
        let found = self.handle.snapshots();
        let found = found.doing(|| format!("list the snapshots of {}", self.name))?;
        Ok(found.iter().filter(|one| one.namespace == HIDDEN_SNAPSHOT).count())
    }

    /// Has it hold and measure what it did at the snapshot.
    pub fn roll_back(&self, name: &str) -> Result<(), CephError> {
        let done = self.handle.rollback(name, &mut |_, _| true);
        done.doing(|| format!("roll {} back to {name}", self.name))
    }

    /// Runs of a range that hold data, those of its parents too unless `own_only`; or what differs from a snapshot, in order. They may be
    /// longer than what was written.
    pub fn extents(
        &self,
        since: Option<&str>,
        (offset, length): (u64, u64),
        own_only: bool,
    ) -> Result<Vec<RbdExtent>, CephError> {
        let mut found: Vec<RbdExtent> = Vec::new();
        let mut walk = |offset: u64, length: u64, has_data: bool| {
            match found.last_mut() {
                Some(last) if last.offset + last.length == offset && last.has_data == has_data => {
                    last.length += length;
                }
                Some(_) | None => found.push(RbdExtent { offset, length, has_data }),
            }
            true
        };
        let walked = self.handle.diff(since, (offset, length), !own_only, &mut walk);
        walked.doing(|| format!("tell where {} has data", self.name))?;
        found.sort_by_key(|one| one.offset);
        Ok(found)
    }

    /// Fills `to` with what is at `offset`; zeros behind the end.
    pub fn read(&self, mut offset: u64, to: &mut [u8]) -> Result<(), CephError> {
        let inside = self.size()?.saturating_sub(offset);
        let inside = usize::try_from(inside).unwrap_or(usize::MAX).min(to.len());
        let (mut to, behind) = to.split_at_mut(inside);
        behind.fill(0);
        while !to.is_empty() {
            let read = self.handle.read(offset, to).doing(|| format!("read {}", self.name))?;
            if read == 0 {
                // Shrunk meanwhile.
                to.fill(0);
                return Ok(());
            }
            offset += read as u64;
            let read = read.min(to.len());
            to = &mut to[read..];
        }
        Ok(())
    }

    /// Writes within its size. Durable after `flush`.
    pub fn write(&self, mut offset: u64, mut bytes: &[u8]) -> Result<(), CephError> {
        while !bytes.is_empty() {
            let written = self.handle.write(offset, bytes);
            let written = written.doing(|| format!("write {}", self.name))?;
            offset += written as u64;
            bytes = &bytes[written.min(bytes.len())..];
        }
        Ok(())
    }

    /// Has a range read as zeros.
    pub fn discard(&self, offset: u64, length: u64) -> Result<(), CephError> {
        self.handle.discard(offset, length).doing(|| format!("discard bytes of {}", self.name))
    }

    /// Makes durable what was written.
    pub fn flush(&self) -> Result<(), CephError> {
        self.handle.flush().doing(|| format!("write all of {}", self.name))
    }

    /// All that have it open for writing; this handle too, if it is.
    pub fn watchers(&self) -> Result<Vec<RbdWatcher>, CephError> {
        let found = self.handle.watchers();
        let found = found.doing(|| format!("tell who has {} open", self.name))?;
        Ok(found.into_iter().map(|(address, client)| RbdWatcher { address, client }).collect())
    }

    /// A note that is kept with the image (`rbd image-meta`).
    pub fn note(&self, key: &str) -> Result<Option<String>, CephError> {
        match self.handle.note(key).doing(|| format!("read the note {key} of {}", self.name)) {
            Err(error) if error.is_not_found() => Ok(None),
            found => found.map(Some),
        }
    }

    /// Keeps a note with the image.
    pub fn set_note(&self, key: &str, value: &str) -> Result<(), CephError> {
        self.handle.set_note(key, value).doing(|| format!("keep the note {key} of {}", self.name))
    }

    /// Removes a note. `Ok` when there is none.
    pub fn remove_note(&self, key: &str) -> Result<(), CephError> {
        match self.handle.remove_note(key).doing(|| format!("remove the note {key}")) {
            Err(error) if error.is_not_found() => Ok(()),
            done => done,
        }
    }
}
