//! What is known of files and volumes, in small files of ours. A header says nothing that is not in a record as well.

use crate::durable::{remove, sync_folder};
use hatchery_model::id::{ImageId, SnapshotId, VolumeId};
use hatchery_model::image::ImageFormat;
use hatchery_model::provision::Rung;
use hatchery_model::units::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// A file with bytes, in a record beside it. Never changes once the file has its name.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct FileRecord {
    /// Its format.
    pub(super) format: ImageFormat,
    /// The name of the file that it lies on.
    pub(super) backing: Option<String>,
    /// The image that it is.
    pub(super) image: Option<ImageId>,
}

/// A volume.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct VolumeRecord {
    pub(super) volume: VolumeId,
    pub(super) size: Bytes,
    /// The file that is written to.
    pub(super) file: String,
    /// Number of its next file.
    pub(super) next: u32,
    /// The oldest first.
    pub(super) snapshots: Vec<SnapshotRecord>,
    /// The way that was taken, for one from an image.
    pub(super) rung: Option<Rung>,
    /// Bytes that making it copied.
    pub(super) bytes_copied: Bytes,
}

/// A snapshot: a file that is not written to any more.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct SnapshotRecord {
    pub(super) snapshot: SnapshotId,
    pub(super) file: String,
    pub(super) size: Bytes,
}

/// `None` when there is none. One that cannot be understood is an error: it was written whole or not at all, so it is another version's.
pub(super) fn read<T: DeserializeOwned>(path: &Path) -> io::Result<Option<T>> {
    match fs::read(path) {
        Ok(text) => serde_json::from_slice(&text).map(Some).map_err(|error| {
            let text = format!("{} cannot be understood: {error}", path.display());
            io::Error::new(io::ErrorKind::InvalidData, text)
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Writes a record durably, in one step.
pub(super) fn write<T: Serialize>(path: &Path, record: &T) -> io::Result<()> {
    let temporary = path.with_extension("json-new");
    remove(&temporary)?;
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o644)
        .open(&temporary)
        .and_then(|mut file| {
            file.write_all(&serde_json::to_vec(record)?)?;
            file.sync_data()
        })
        .and_then(|()| fs::rename(&temporary, path));
    if let Err(error) = written {
        remove(&temporary)?;
        return Err(error);
    }
    sync_folder(path.parent().unwrap_or(Path::new("/")))
}
