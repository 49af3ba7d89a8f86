//! A pool of a connected cluster: its images by name, and its trash.

use super::error::{CephError, Doing};
use super::ffi::IoCtx;
use super::image::OpenImage;
use super::removal_lock::RemovalLock;
use nix::errno::Errno;
use std::sync::Arc;

/// See the head of this file. All calls block; cheap to clone.
#[derive(Clone)]
pub struct RbdPool {
    context: Arc<IoCtx>,
    name: String,
}

/// An image's id and name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct NamedImage {
    /// Its id.
    pub id: String,
    /// Its name; in the trash, the one that it had.
    pub name: String,
}

fn go_on(_: u64, _: u64) -> bool {
    true
}

impl RbdPool {
    pub(super) fn new(context: Arc<IoCtx>, name: &str) -> Self {
        Self { context, name: name.to_owned() }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Makes an image of zeros. Its objects have 2^`order` bytes; its features are those that the configuration says.
    pub fn create(&self, name: &str, size: u64, order: u8) -> Result<(), CephError> {
        self.context.create(name, size, order).doing(|| format!("make {}/{name}", self.name))
    }

    /// Makes a copy-on-write clone of another image's snapshot. Of format 2: the snapshot need not be protected, and may be removed later.
    pub fn clone_of(
        &self,
        (pool, image, snapshot): (&Self, &str, &str),
        name: &str,
        order: u8,
    ) -> Result<(), CephError> {
        let made = self.context.clone_image((&pool.context, image, snapshot), name, order);
        made.doing(|| format!("clone {}/{image}@{snapshot} to {}/{name}", pool.name, self.name))
    }

    /// Opens an image for writing; others see a watcher.
    pub fn open(&self, name: &str) -> Result<OpenImage, CephError> {
        OpenImage::open(self.context.clone(), name)
    }

    /// Opens an image or one of its snapshots for reading. Nobody sees it.
    pub fn open_to_read(&self, name: &str, snapshot: Option<&str>) -> Result<OpenImage, CephError> {
        OpenImage::open_to_read(self.context.clone(), name, snapshot)
    }

    /// Opens an image by its id, in the trash too, for reading.
    pub fn open_by_id(&self, id: &str) -> Result<OpenImage, CephError> {
        OpenImage::open_by_id(self.context.clone(), id)
    }

    /// The same for writing.
    pub fn open_by_id_to_write(&self, id: &str) -> Result<OpenImage, CephError> {
        OpenImage::open_by_id_to_write(self.context.clone(), id)
    }

    /// As [`Self::open_to_read`]; `None` when it is not there.
    pub fn find(&self, name: &str) -> Result<Option<OpenImage>, CephError> {
        match self.open_to_read(name, None) {
            Err(error) if error.is_not_found() => Ok(None),
            found => found.map(Some),
        }
    }

    /// Gives an image another name. `Conflict` when that is taken.
    pub fn rename(&self, from: &str, to: &str) -> Result<(), CephError> {
        self.context.rename(from, to).doing(|| format!("rename {}/{from} to {to}", self.name))
    }

    /// Gives an image another name, also where this was cut off before: Ceph writes the new name, then the directory, and removes the old
    /// name last, and would not begin again by itself.
    pub fn rename_again(&self, from: &str, to: &str) -> Result<(), CephError> {
        if let (Some(old), Some(new)) = (self.find(from)?, self.find(to)?)
            && old.id()? == new.id()?
        {
            let id = old.id()?;
            let listed = self.list()?.into_iter().find(|one| one.id == id);
            let is_done = listed.is_some_and(|one| one.name == to);
            let stale = if is_done { from } else { to };
            drop((old, new));
            let removed = self.context.remove_object(&format!("rbd_id.{stale}"));
            removed.doing(|| format!("forget the name {stale}"))?;
            if is_done {
                return Ok(());
            }
        }
        self.rename(from, to)
    }

    /// Removes an image and its bytes, and of one that was cut off while it was made, what there is. Where this is cut off itself, what is left
    /// cannot always be removed by anybody: see `move_to_trash`. `Conflict` while somebody has it open, or it has snapshots, hidden ones too.
    pub fn remove(&self, name: &str) -> Result<(), CephError> {
        let removed = self.context.remove(name, &mut go_on);
        removed.doing(|| format!("remove {}/{name}", self.name))
    }

    /// Its images, without those in the trash.
    pub fn list(&self) -> Result<Vec<NamedImage>, CephError> {
        let found = self.context.list().doing(|| format!("list the images of {}", self.name))?;
        Ok(found.into_iter().map(|(id, name)| NamedImage { id, name }).collect())
    }

    /// Takes an image's name away; its clones stay whole.
    pub fn move_to_trash(&self, name: &str) -> Result<(), CephError> {
        let moved = match self.context.trash_move(name) {
            // Somebody else was quicker.
            Err(Errno::ESTALE) => Ok(()),
            moved => moved,
        };
        moved.doing(|| format!("move {}/{name} to the trash", self.name))
    }

    /// What is in the trash.
    pub fn trash(&self) -> Result<Vec<NamedImage>, CephError> {
        let found =
            self.context.trash_list().doing(|| format!("list the trash of {}", self.name))?;
        Ok(found.into_iter().map(|(id, name)| NamedImage { id, name }).collect())
    }

    /// Removes an image of the trash for good, where its move there was cut off, too. `Conflict` while it has clones, or somebody else removes it.
    pub fn remove_from_trash(&self, image: &NamedImage) -> Result<(), CephError> {
        let NamedImage { id, name } = image;
        let lock = RemovalLock::take(&self.context, id)?;
        let remove = || {
            self.context.trash_remove(id, &mut |_, _| {
                if let Some(lock) = &lock {
                    lock.goes_on();
                }
                true
            })
        };
        let removed = match remove() {
            Err(Errno::EUCLEAN) => {
                self.move_to_trash(name)?;
                remove()
            }
            removed => removed,
        };
        removed.doing(|| format!("remove {name} ({id}) from the trash of {}", self.name))
    }

    /// Gives an image of the trash a name again.
    pub fn restore_from_trash(&self, id: &str, name: &str) -> Result<(), CephError> {
        let restored = self.context.trash_restore(id, name);
        restored.doing(|| format!("restore {}/{name} from the trash", self.name))
    }

    /// A note that is kept with the pool.
    pub fn note(&self, key: &str) -> Result<Option<String>, CephError> {
        match self.context.note(key).doing(|| format!("read the note {key} of {}", self.name)) {
            Err(error) if error.is_not_found() => Ok(None),
            found => found.map(Some),
        }
    }

    /// Keeps a note with the pool.
    pub fn set_note(&self, key: &str, value: &str) -> Result<(), CephError> {
        let kept = self.context.set_note(key, value);
        kept.doing(|| format!("keep the note {key} of {}", self.name))
    }

    /// Notes whose keys begin so.
    pub fn notes(&self, prefix: &str) -> Result<Vec<(String, String)>, CephError> {
        let mut found = Vec::new();
        let mut start = prefix.to_owned();
        loop {
            let some = self.context.notes_behind(&start);
            let some = some.doing(|| format!("list the notes of {}", self.name))?;
            let Some((last, _)) = some.last() else { return Ok(found) };
            let is_over = !last.starts_with(prefix);
            start.clone_from(last);
            found.extend(some.into_iter().filter(|(key, _)| key.starts_with(prefix)));
            if is_over {
                return Ok(found);
            }
        }
    }

    /// Removes a note. `Ok` when there is none.
    pub fn remove_note(&self, key: &str) -> Result<(), CephError> {
        match self.context.remove_note(key).doing(|| format!("remove the note {key}")) {
            Err(error) if error.is_not_found() => Ok(()),
            done => done,
        }
    }
}
