//! The backend's folder: which name means what, what lies on what, and what nobody needs.

use super::error::failed;
use super::in_use::is_in_use;
use super::record::{FileRecord, VolumeRecord};
use crate::disk::give;
use crate::durable::{look, make_folder, read_record, remove, sync_folder, write_record};
use crate::owner::FileOwner;
use crate::pool::Pool;
use crate::qcow2::write_growable;
use hatchery_model::disk::BlockSource;
use hatchery_model::id::VolumeId;
use hatchery_model::image::ImageFormat;
use hatchery_model::units::Bytes;
use hatchery_ports::volume_backend::VolumeError;
use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// A volume may lie on so many files at the most: each is open in a guest that has it.
const MOST_LAYERS: usize = 64;

/// See the head of this file.
#[derive(Clone, Debug)]
pub(super) struct Shelf {
    pub(super) pool: Pool,
    pub(super) folder: PathBuf,
    pub(super) owner: FileOwner,
    /// Format of files that lie on nothing.
    pub(super) format: ImageFormat,
}

impl Shelf {
    pub(super) fn open(
        pool: Pool,
        folder: &Path,
        owner: FileOwner,
        format: ImageFormat,
    ) -> io::Result<Self> {
        let shelf = Self { pool, folder: std::path::absolute(folder)?, owner, format };
        make_folder(&shelf.folder, 0o755)?;
        make_folder(&shelf.records(), 0o755)?;
        Ok(shelf)
    }

    fn records(&self) -> PathBuf {
        self.folder.join(".records")
    }

    pub(super) fn path(&self, file: &str) -> PathBuf {
        self.folder.join(file)
    }

    /// What a file is called until it is whole.
    pub(super) fn incoming(&self, file: &str) -> PathBuf {
        self.folder.join(format!(".new-{file}"))
    }

    fn record_of_file(&self, file: &str) -> PathBuf {
        self.records().join(format!("{file}.file"))
    }

    fn record_of_volume(&self, volume: VolumeId) -> PathBuf {
        self.records().join(format!("{volume}.volume"))
    }

    /// Waits for everyone else who changes the folder, in whichever process.
    pub(super) fn lock(&self) -> Result<File, VolumeError> {
        let opened = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(self.folder.join(".lock"));
        opened
            .and_then(|file| file.lock().map(|()| file))
            .map_err(failed("lock the backend's folder"))
    }

    pub(super) fn volume(&self, volume: VolumeId) -> Result<Option<VolumeRecord>, VolumeError> {
        read_record(&self.record_of_volume(volume)).map_err(failed("read the volume's record"))
    }

    pub(super) fn require(&self, volume: VolumeId) -> Result<VolumeRecord, VolumeError> {
        self.volume(volume)?.ok_or_else(|| {
            VolumeError::NotFound(format!("the backend has no volume {volume}: was it deleted?"))
        })
    }

    /// The commit of every change.
    pub(super) fn keep(&self, record: &VolumeRecord) -> Result<(), VolumeError> {
        write_record(&self.record_of_volume(record.volume), record)
            .map_err(failed("write the volume's record"))
    }

    /// Whether a file is one of ours.
    pub(super) fn knows(&self, file: &str) -> Result<bool, VolumeError> {
        let found: Option<FileRecord> =
            read_record(&self.record_of_file(file)).map_err(failed("read a file's record"))?;
        Ok(found.is_some())
    }

    /// A file is ours no more: it is not swept away.
    pub(super) fn let_go(&self, file: &str) -> io::Result<()> {
        remove(&self.record_of_file(file))?;
        sync_folder(&self.records())
    }

    pub(super) fn forget(&self, volume: VolumeId) -> io::Result<()> {
        remove(&self.record_of_volume(volume))?;
        sync_folder(&self.records())
    }

    pub(super) fn file(&self, file: &str) -> Result<FileRecord, VolumeError> {
        read_record(&self.record_of_file(file)).map_err(failed("read a file's record"))?.ok_or_else(
            || {
                VolumeError::Conflict(format!(
                    "{} has no record: it is not opened. See what happened to {}",
                    self.path(file).display(),
                    self.records().display()
                ))
            },
        )
    }

    /// Written before the file has its name.
    pub(super) fn keep_file(&self, file: &str, record: &FileRecord) -> io::Result<()> {
        write_record(&self.record_of_file(file), record)
    }

    pub(super) fn volumes(&self) -> io::Result<Vec<VolumeRecord>> {
        let mut found = Vec::new();
        for name in self.named("volume")? {
            if let Ok(id) = name.parse::<VolumeId>()
                && let Some(record) = read_record(&self.record_of_volume(id))?
            {
                found.push(record);
            }
        }
        Ok(found)
    }

    fn named(&self, extension: &str) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(self.records())? {
            let path = entry?.path();
            if path.extension().is_some_and(|found| found == extension)
                && let Some(name) = path.file_stem().and_then(|stem| stem.to_str())
            {
                names.push(name.to_owned());
            }
        }
        Ok(names)
    }

    /// Where a file's bytes are, with all that it lies on.
    pub(super) fn source(&self, file: &str) -> Result<BlockSource, VolumeError> {
        self.source_at(file, false, MOST_LAYERS * 2)
    }

    fn source_at(
        &self,
        file: &str,
        read_only: bool,
        left: usize,
    ) -> Result<BlockSource, VolumeError> {
        let record = self.file(file)?;
        if left == 0 {
            return Err(VolumeError::Conflict(format!("{file} lies on too many files")));
        }
        let path = self.path(file);
        if look(&path).map_err(failed("look at a volume's file"))?.is_none() {
            return Err(VolumeError::NotFound(format!(
                "{} is not there any more, and a volume needs it: put it back from a backup",
                path.display()
            )));
        }
        let backing = match &record.backing {
            Some(below) => Some(Box::new(self.source_at(below, true, left - 1)?)),
            None => None,
        };
        Ok(BlockSource::File { path, format: record.format, read_only, backing })
    }

    /// A new file of qcow2 on another one.
    pub(super) fn lay(&self, file: &str, on: &str, size: Bytes) -> Result<(), VolumeError> {
        let doing = "lay a new file on what there is";
        let mut depth = 1;
        let mut below = self.file(on)?;
        let format = below.format;
        while let Some(next) = below.backing {
            depth += 1;
            if depth >= MOST_LAYERS {
                return Err(VolumeError::Exhausted(format!(
                    "the volume lies on {depth} files already, one for each snapshot and clone it comes from: make an image of it \
                     and a new volume of that"
                )));
            }
            below = self.file(&next)?;
        }
        let record =
            FileRecord { format: ImageFormat::Qcow2, backing: Some(on.to_owned()), image: None };
        self.keep_file(file, &record).map_err(failed(doing))?;
        write_growable(&self.path(file), size, Some((&self.path(on), format)), self.owner)
            .map_err(failed(doing))
    }

    /// A new file of qcow2 that lies on nothing and holds nothing yet.
    pub(super) fn lay_for_copy(&self, file: &str, size: Bytes) -> Result<(), VolumeError> {
        let record = FileRecord { format: ImageFormat::Qcow2, backing: None, image: None };
        self.keep_file(file, &record)
            .and_then(|()| write_growable(&self.path(file), size, None, self.owner))
            .map_err(failed("make a file for a copy"))
    }

    /// A new file that holds zeroes.
    pub(super) fn lay_empty(&self, file: &str, size: Bytes) -> Result<(), VolumeError> {
        let doing = "make an empty file";
        let record = FileRecord { format: self.format, backing: None, image: None };
        self.keep_file(file, &record).map_err(failed(doing))?;
        match self.format {
            ImageFormat::Qcow2 => write_growable(&self.path(file), size, None, self.owner),
            ImageFormat::Raw => self.put(file, |incoming| {
                let made = crate::disk::create(incoming)?;
                made.set_len(size.0)?;
                give(&made, self.owner)?;
                made.sync_all()
            }),
        }
        .map_err(failed(doing))
    }

    /// Makes a file under a temporary name, and gives it its name. A failure leaves nothing.
    pub(super) fn put(
        &self,
        file: &str,
        fill: impl FnOnce(&Path) -> io::Result<()>,
    ) -> io::Result<()> {
        let incoming = self.incoming(file);
        remove(&incoming)?;
        let made = fill(&incoming)
            .and_then(|()| fs::rename(&incoming, self.path(file)))
            .and_then(|()| sync_folder(&self.folder));
        if made.is_err() {
            remove(&incoming)?;
        }
        made
    }

    /// `Conflict` while a guest has the volume's file open.
    pub(super) fn require_idle(
        &self,
        record: &VolumeRecord,
        what: &str,
    ) -> Result<(), VolumeError> {
        let used =
            is_in_use(&self.path(&record.file)).map_err(failed("ask who uses the volume"))?;
        if used {
            return Err(VolumeError::Conflict(format!(
                "a running guest has volume {} open: detach it or stop the guest, then {what}",
                record.volume
            )));
        }
        Ok(())
    }

    /// Removes every file that no volume and no snapshot leads to. The lock is held.
    pub(super) fn sweep(&self) -> io::Result<()> {
        let mut needed = BTreeSet::new();
        for volume in self.volumes()? {
            let snapshots = volume.snapshots.into_iter().chain(volume.copying);
            let files = snapshots.map(|one| one.file);
            for file in files.chain([volume.file]) {
                let mut next = Some(file);
                while let Some(file) = next {
                    if !needed.insert(file.clone()) {
                        break;
                    }
                    let record: Option<FileRecord> = read_record(&self.record_of_file(&file))?;
                    next = record.and_then(|record| record.backing);
                }
            }
        }
        for file in self.named("file")? {
            if needed.contains(&file) {
                continue;
            }
            // The record goes last: by it a sweep that was cut off is done again.
            for path in
                [self.incoming(&file), self.path(&file).with_extension("new"), self.path(&file)]
            {
                remove(&path)?;
            }
            sync_folder(&self.folder)?;
            remove(&self.record_of_file(&file))?;
        }
        sync_folder(&self.records())
    }
}
