//! What an operator can set of a pool.

use crate::owner::FileOwner;
use hatchery_model::units::Bytes;
use std::path::PathBuf;
use std::time::Duration;

/// A pool's folders and rules. Those that Nova has in `[image_cache]` have its names and meaning.
#[derive(Clone, Debug)]
pub struct PoolSettings {
    /// The image store: `<image id>` files, Glance's `filesystem_store_datadir` or our own.
    pub images: PathBuf,
    /// The folder of links, named as Nova names bases.
    pub cache: PathBuf,
    /// The hosts' `_base` folders. One that leads to `cache` (a symbolic link, a bind mount) is the cache.
    pub bases: Vec<PathBuf>,
    /// Who owns bases, and so the images that they are links of.
    pub owner: FileOwner,
    /// Their mode: 0644 unless set.
    pub mode: u32,
    /// What to do where no link can be made, since the image is on another filesystem.
    pub other_filesystem: OtherFilesystem,
    /// Bases are raw: an image in another format is converted once.
    pub force_raw: bool,
    /// Whether the store vouches for its bytes: it sealed them with the digest that the catalogue has. Else the first reading decides.
    pub trusted_store: bool,
    /// `remove_unused_base_images`
    pub remove_unused: bool,
    /// `remove_unused_original_minimum_age_seconds`: for so long a base has to be seen unused before it leaves a `_base` folder.
    pub minimum_age: Duration,
    /// Most bytes that the pool alone may hold (copies, raw forms, links of deleted images). `None`: unbounded.
    pub max_bytes: Option<Bytes>,
    /// Most names in the cache. `None`: unbounded.
    pub max_count: Option<u64>,
    /// The one file that remembers.
    pub state: PathBuf,
    /// Whether servers whose base is put back are remembered until somebody has helped them.
    pub remember_servers: bool,
    /// Nothing is ever written: no folder is made, no lock file, no memory. Whoever calls asks for dry runs only.
    pub read_only: bool,
}

impl PoolSettings {
    /// Mode of a base where nothing else is set.
    pub const DEFAULT_MODE: u32 = 0o644;

    /// The usual rules over these folders: links only, owner as given, Nova's minimum age of a day.
    pub fn new(images: PathBuf, cache: PathBuf, owner: FileOwner) -> Self {
        let state = cache.join(".hatchery-pool.json");
        Self {
            images,
            cache,
            bases: Vec::new(),
            owner,
            mode: Self::DEFAULT_MODE,
            other_filesystem: OtherFilesystem::Refuse,
            force_raw: false,
            trusted_store: false,
            remove_unused: true,
            minimum_age: Duration::from_secs(86_400),
            max_bytes: None,
            max_count: None,
            state,
            remember_servers: false,
            read_only: false,
        }
    }
}

/// What to do with an image that is on another filesystem than the cache, or a cache on another than a `_base`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OtherFilesystem {
    /// Leave it alone, and say so.
    Refuse,
    /// Share its blocks, where the filesystem can.
    Reflink,
    /// Copy its bytes, once.
    Copy,
}
