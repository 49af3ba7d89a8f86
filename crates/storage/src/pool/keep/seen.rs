//! What lies in a folder, looked at once a pass.

use hatchery_model::units::Bytes;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// An inode in one state: other bytes would have another size or time, but for damage below the filesystem, which only reading shows.
/// A different time alone proves nothing either: Nova sets it on every use.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Stamp {
    pub(crate) dev: u64,
    pub(crate) ino: u64,
    pub(crate) size: u64,
    pub(crate) mtime_ns: i64,
}

impl Stamp {
    pub(crate) fn of(found: &Metadata) -> Self {
        let mtime_ns =
            found.mtime().saturating_mul(1_000_000_000).saturating_add(found.mtime_nsec());
        Self { dev: found.dev(), ino: found.ino(), size: found.size(), mtime_ns }
    }

    pub(crate) fn same_file(&self, other: &Self) -> bool {
        (self.dev, self.ino) == (other.dev, other.ino)
    }
}

/// A file that was found under a name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Seen {
    pub(crate) stamp: Stamp,
    pub(crate) links: u64,
    pub(crate) allocated: Bytes,
    /// A regular file: nothing else can be a base.
    pub(crate) regular: bool,
}

impl Seen {
    pub(crate) fn of(found: &Metadata) -> Self {
        Self {
            stamp: Stamp::of(found),
            links: found.nlink(),
            allocated: Bytes(found.blocks().saturating_mul(512)),
            regular: found.is_file(),
        }
    }

    /// What is under a name now; `None` when there is nothing.
    pub(crate) fn at(path: &Path) -> io::Result<Option<Self>> {
        Ok(crate::durable::look(path)?.as_ref().map(Self::of))
    }
}

/// Which folder a path leads to: tells a folder from the empty mount point that it leaves behind.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct FolderId {
    dev: u64,
    ino: u64,
}

impl FolderId {
    pub(crate) fn at(path: &Path) -> io::Result<Self> {
        let found = fs::metadata(path)?;
        if !found.is_dir() {
            return Err(io::Error::new(io::ErrorKind::NotADirectory, "it is not a folder"));
        }
        Ok(Self { dev: found.dev(), ino: found.ino() })
    }

    pub(crate) const fn dev(self) -> u64 {
        self.dev
    }
}

/// One folder's files, by the part of their names that `key` takes; other names are passed over.
#[derive(Debug)]
pub(crate) struct Folder<K> {
    pub(crate) path: PathBuf,
    pub(crate) id: FolderId,
    pub(crate) files: BTreeMap<K, Seen>,
}

impl<K: Ord> Folder<K> {
    /// One name of a folder, as if the folder had no other.
    pub(crate) fn one(path: &Path, name: String, key: K) -> io::Result<Self> {
        let id = FolderId::at(path)?;
        let seen = Seen::at(&path.join(name))?;
        Ok(Self {
            path: path.to_owned(),
            id,
            files: seen.map(|seen| (key, seen)).into_iter().collect(),
        })
    }

    pub(crate) fn scan(path: &Path, key: impl Fn(&str) -> Option<K>) -> io::Result<Self> {
        let id = FolderId::at(path)?;
        let mut files = BTreeMap::new();
        for entry in fs::read_dir(path)? {
            let entry = entry?;
            let Some(key) = entry.file_name().to_str().and_then(&key) else {
                continue;
            };
            match entry.metadata() {
                Ok(found) => {
                    files.insert(key, Seen::of(&found));
                }
                // Gone since the folder was read.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Self { path: path.to_owned(), id, files })
    }
}
