//! What a pool remembers, in one file that is whole or the one before: what each base is, and since when nobody has been seen to need it.
//!
//! All about bases can be found again by looking: a ledger that is lost or torn costs readings and waiting, never a base. Only servers that
//! wait to be reset are known nowhere else; with both copies of the ledger torn they are left to their owners.

use super::seen::{FolderId, Stamp};
use super::steps::{Op, Steps};
use crate::durable::{remove, sync_folder};
use crate::pool::hex;
use hatchery_model::base::{BaseName, ResetStep};
use hatchery_model::id::{ImageId, ServerId};
use hatchery_model::image::{ContentDigest, ImageFormat};
use hatchery_model::timestamp::Timestamp;
use hatchery_model::units::Bytes;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// How a name in the cache came about.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum How {
    /// A further name of the image's file.
    Link,
    /// An inode of its own that shares the image's blocks.
    Reflink,
    /// An inode of its own with the image's bytes.
    Copy,
    /// The raw form of the image.
    Raw,
}

/// A file in a base's place that the pool did not put there, as it was found.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Strange {
    pub(crate) stamp: Stamp,
    /// What its first bytes say.
    pub(crate) looks: ImageFormat,
    /// Whether its bytes have the recorded digest; `None` where there is none to compare with.
    pub(crate) same: Option<bool>,
}

/// One base.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// `None`: it lay in the cache, and nobody knew its image.
    pub(crate) image: Option<ImageId>,
    pub(crate) how: How,
    /// The format that overlays name.
    pub(crate) format: ImageFormat,
    pub(crate) size: Bytes,
    pub(crate) virtual_size: Bytes,
    /// Of the base's bytes: the image's own, or its raw form's.
    pub(crate) digest: Option<ContentDigest>,
    pub(crate) inspector_version: u32,
    pub(crate) since: Timestamp,
    /// The inode as it was when its bytes were last known to have the digest.
    #[serde(default)]
    pub(crate) good: Option<Stamp>,
    /// The inode as it was when its bytes were last found not to have it.
    #[serde(default)]
    pub(crate) damaged: Option<Stamp>,
    #[serde(default)]
    pub(crate) verified_at: Option<Timestamp>,
    /// By boot of a host, the seconds since that boot at which the base was first seen unused. No clock that can be set is in it.
    #[serde(default)]
    pub(crate) unused: BTreeMap<String, u64>,
    /// The number of the mark that found it unneeded; 0: none.
    #[serde(default)]
    pub(crate) marked: u64,
    /// Files that were found in its place, by folder.
    #[serde(default)]
    pub(crate) strange: BTreeMap<String, Strange>,
    /// Servers that wait for it, or waited, and were not helped yet: written before it is put back. The one thing here that no looking finds
    /// again.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) servers: BTreeMap<ServerId, ResetStep>,
}

/// The whole memory of a pool.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Ledger {
    /// Folders as they were when files of theirs were last seen, by path.
    #[serde(default)]
    pub(crate) folders: BTreeMap<String, FolderId>,
    /// Marks made so far.
    #[serde(default)]
    pub(crate) marks: u64,
    #[serde(default)]
    pub(crate) entries: BTreeMap<BaseName, Entry>,
}

/// What a ledger's file holds: the digest makes a torn one known.
#[derive(Serialize, Deserialize)]
struct Page<T> {
    format: u32,
    sha256: String,
    ledger: T,
}

const FORMAT: u32 = 1;

impl Ledger {
    /// Reads a ledger. One that is not there is empty; one that cannot be understood is set aside, and the one before is taken.
    pub(crate) fn read(path: &Path) -> io::Result<Self> {
        for candidate in [path.to_owned(), before(path)] {
            let text = match fs::read(&candidate) {
                Ok(text) => text,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            match parse(&text) {
                Some(ledger) => return Ok(ledger),
                None => tracing::warn!(
                    path = %candidate.display(),
                    "the pool's memory is torn: what it said is found again by looking, and nothing is removed until then"
                ),
            }
        }
        Ok(Self::default())
    }

    /// Makes this what is remembered: durable before it returns, and either all of it or all of what was there before.
    pub(crate) fn write(&self, path: &Path, steps: &Steps) -> io::Result<()> {
        let ledger = serde_json::to_value(self)?;
        let page = Page { format: FORMAT, sha256: digest(&ledger)?, ledger };
        let temporary = path.with_extension("new");
        steps.before(Op::Write(&temporary))?;
        remove(&temporary)?;
        let mut file =
            OpenOptions::new().write(true).create_new(true).mode(0o644).open(&temporary)?;
        let written = file.write_all(&serde_json::to_vec(&page)?).and_then(|()| file.sync_data());
        if let Err(error) = written {
            remove(&temporary)?;
            return Err(error);
        }
        let before = before(path);
        remove(&before)?;
        match fs::hard_link(path, &before) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        steps.before(Op::Rename(&temporary, path))?;
        fs::rename(&temporary, path)?;
        sync_folder(path.parent().unwrap_or(Path::new("/")))
    }
}

fn before(path: &Path) -> std::path::PathBuf {
    path.with_extension("before")
}

fn parse(text: &[u8]) -> Option<Ledger> {
    let page: Page<serde_json::Value> = serde_json::from_slice(text).ok()?;
    if page.format != FORMAT || digest(&page.ledger).ok()? != page.sha256 {
        return None;
    }
    serde_json::from_value(page.ledger).ok()
}

fn digest(ledger: &serde_json::Value) -> io::Result<String> {
    Ok(hex(&Sha256::digest(serde_json::to_vec(ledger)?)))
}
