//! The folders of a pool as one pass sees them, and the doubts that stop it before anything is changed.

use super::ledger::Ledger;
use super::seen::{Folder, FolderId, Seen};
use super::settings::PoolSettings;
use hatchery_model::base::BaseName;
use hatchery_model::id::ImageId;
use hatchery_model::image::{CatalogImage, CatalogState};
use hatchery_ports::base_pool::PoolError;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// The folders of a pool, scanned.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) images: Folder<ImageId>,
    /// The raw forms that the store has made at ingest.
    pub(crate) raw: BTreeMap<ImageId, Seen>,
    pub(crate) cache: Folder<BaseName>,
    pub(crate) bases: Vec<Folder<BaseName>>,
    /// The same folders as `Entry::strange` has them.
    pub(crate) base_names: Vec<String>,
}

impl World {
    pub(crate) fn scan(settings: &PoolSettings) -> Result<Self, PoolError> {
        let images =
            Folder::scan(&settings.images, image_name).map_err(missing(&settings.images))?;
        let raw = settings.images.join(".raw");
        let raw = match Folder::scan(&raw, image_name) {
            Ok(folder) => folder.files,
            Err(error) if error.kind() == io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(missing(&raw)(error)),
        };
        let cache =
            Folder::scan(&settings.cache, BaseName::parse).map_err(missing(&settings.cache))?;
        let bases = settings
            .bases
            .iter()
            .map(|path| Folder::scan(path, BaseName::parse).map_err(missing(path)));
        let bases = bases.collect::<Result<Vec<_>, _>>()?;
        Ok(Self::joined(images, raw, cache, bases))
    }

    /// What lies under the names of one image, and nothing else.
    pub(crate) fn of_one(settings: &PoolSettings, image: &CatalogImage) -> Result<Self, PoolError> {
        let base = BaseName::of(image.id);
        let images = Folder::one(&settings.images, image.id.to_string(), image.id)
            .map_err(missing(&settings.images))?;
        let raw = settings.images.join(".raw");
        let raw = match Folder::one(&raw, image.id.to_string(), image.id) {
            Ok(folder) => folder.files,
            Err(error) if error.kind() == io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(missing(&raw)(error)),
        };
        let one = |path: &PathBuf| {
            Folder::one(path, base.to_string(), base.clone()).map_err(missing(path))
        };
        let cache = one(&settings.cache)?;
        let bases = settings.bases.iter().map(one).collect::<Result<Vec<_>, _>>()?;
        Ok(Self::joined(images, raw, cache, bases))
    }

    /// A `_base` folder that leads to the cache is the cache.
    fn joined(
        images: Folder<ImageId>,
        raw: BTreeMap<ImageId, Seen>,
        cache: Folder<BaseName>,
        all: Vec<Folder<BaseName>>,
    ) -> Self {
        let mut bases: Vec<Folder<BaseName>> = Vec::new();
        for folder in all {
            let mut known = std::iter::once(cache.id).chain(bases.iter().map(|base| base.id));
            if !known.any(|id| id == folder.id) {
                bases.push(folder);
            }
        }
        let base_names = bases.iter().map(|folder| folder.path.display().to_string()).collect();
        Self { images, raw, cache, bases, base_names }
    }

    /// The file that an image's base is made of, and where it is.
    pub(crate) fn source(&self, image: &CatalogImage) -> (PathBuf, Option<Seen>) {
        let name = image.id.to_string();
        match image.raw {
            Some(_) => (self.images.path.join(".raw").join(name), self.raw.get(&image.id).copied()),
            None => (self.images.path.join(name), self.images.files.get(&image.id).copied()),
        }
    }

    /// Refuses to go on where folders are not what they were: a store that is not mounted looks like one whose images are all gone.
    pub(crate) fn doubt(&self, images: &[CatalogImage], ledger: &Ledger) -> Result<(), PoolError> {
        let active: Vec<_> =
            images.iter().filter(|image| image.state == CatalogState::Active).collect();
        let found = active.iter().filter(|image| self.source(image).1.is_some()).count();
        let store = self.images.path.display();
        if found == 0 && !active.is_empty() {
            return Err(PoolError::Suspect(format!(
                "the store {store} has none of the {} active images' files: nothing is changed. Is it mounted, and is it the store of this \
                 image service?",
                active.len()
            )));
        }
        let moved = |path: &Path, id: FolderId| {
            ledger.folders.get(&path.display().to_string()).is_some_and(|known| *known != id)
        };
        let empty = |what: &Path| {
            Err(PoolError::Suspect(format!(
                "{} is another folder than it was, and is empty: nothing is changed. Is its filesystem mounted?",
                what.display()
            )))
        };
        if self.images.files.is_empty() && moved(&self.images.path, self.images.id) {
            return empty(&self.images.path);
        }
        let known = ledger.entries.values().filter(|entry| entry.good.is_some()).count();
        if self.cache.files.is_empty() && known > 0 && moved(&self.cache.path, self.cache.id) {
            return empty(&self.cache.path);
        }
        for base in &self.bases {
            if base.files.is_empty() && moved(&base.path, base.id) {
                return empty(&base.path);
            }
        }
        Ok(())
    }

    /// Whether each folder has no files of its kind.
    pub(crate) fn emptiness(&self) -> BTreeMap<String, bool> {
        let bases = self.bases.iter().map(|base| (base.path.as_path(), base.files.is_empty()));
        [
            (self.images.path.as_path(), self.images.files.is_empty()),
            (self.cache.path.as_path(), self.cache.files.is_empty()),
        ]
        .into_iter()
        .chain(bases)
        .map(|(path, empty)| (path.display().to_string(), empty))
        .collect()
    }

    /// The folders, to be remembered.
    pub(crate) fn folders(&self) -> BTreeMap<String, FolderId> {
        let bases = self.bases.iter().map(|base| (base.path.as_path(), base.id));
        [(self.images.path.as_path(), self.images.id), (self.cache.path.as_path(), self.cache.id)]
            .into_iter()
            .chain(bases)
            .map(|(path, id)| (path.display().to_string(), id))
            .collect()
    }
}

/// Only the spelling that image stores write: other files are not ours to judge.
fn image_name(text: &str) -> Option<ImageId> {
    text.parse::<ImageId>().ok().filter(|id| id.to_string() == text)
}

fn missing(path: &Path) -> impl Fn(io::Error) -> PoolError {
    move |error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => PoolError::Suspect(format!(
            "there is no folder {}: nothing is changed. Make it, or mount what it is on",
            path.display()
        )),
        io::ErrorKind::PermissionDenied => PoolError::Denied(format!(
            "{} cannot be read: run this as a user who may, or as root",
            path.display()
        )),
        io::ErrorKind::StaleNetworkFileHandle => PoolError::Suspect(format!(
            "the server of {} does not know it any more (stale file handle): nothing is changed. Mount it again",
            path.display()
        )),
        _ => PoolError::Unavailable {
            doing: format!("read the folder {}", path.display()),
            source: error,
        },
    }
}
