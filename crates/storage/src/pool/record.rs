//! What is known of a base, in a small file beside it.

use crate::durable::{UNFINISHED, remove, sync_folder};
use hatchery_model::id::ImageId;
use hatchery_model::image::ImageFormat;
use hatchery_model::units::Bytes;
use serde::{Deserialize, Serialize};
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The record of a base, as JSON beside it. It is written before the base has its name: a record without a base
/// is a base that was never finished.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct BaseRecord {
    /// The image.
    pub image: ImageId,
    /// SHA-512 of the bytes, lower-case hex.
    pub sha512: String,
    /// The format that overlays name.
    pub format: ImageFormat,
    /// Size of the disk in it, in bytes.
    pub virtual_size: Bytes,
    /// Length of the file, in bytes.
    pub size: Bytes,
    /// Which rules judged the bytes, where known.
    pub inspector_version: Option<u32>,
}

impl BaseRecord {
    /// Reads a record; `None` when there is none. What cannot be understood counts as none: it is written anew
    /// by whoever makes the base.
    pub(crate) fn read(path: &Path) -> io::Result<Option<Self>> {
        match fs::read(path) {
            Ok(text) => Ok(serde_json::from_slice(&text).ok()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes the record durably, in one step.
    pub(crate) fn write(&self, path: &Path) -> io::Result<()> {
        let temporary = temporary_record(path);
        remove(&temporary)?;
        let mut file =
            OpenOptions::new().write(true).create_new(true).mode(0o644).open(&temporary)?;
        file.write_all(&serde_json::to_vec(self)?)?;
        file.sync_data()?;
        fs::rename(&temporary, path)?;
        sync_folder(path.parent().unwrap_or(Path::new("/")))
    }
}

/// What a record is called until it is whole.
pub(crate) fn temporary_record(path: &Path) -> PathBuf {
    path.with_extension(UNFINISHED)
}
