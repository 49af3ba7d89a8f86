//! The backend's folder: which name means what, what lies on what, and what nobody needs.

use super::error::failed;
use super::in_use::is_in_use;
use super::record::{FileRecord, VolumeRecord};
use crate::disk::give;
use crate::durable::{
    UNFINISHED, look, make_folder, read_record, remove, sync_folder, write_record,
};
use crate::owner::FileOwner;
use crate::pool::{Op, Pool, Steps};
use crate::qcow2::write_growable;
use crate::volume::chain::Chain;
use hatchery_model::disk::BlockSource;
use hatchery_model::id::VolumeId;
use hatchery_model::image::ImageFormat;
use hatchery_model::units::Bytes;
use hatchery_ports::volume_backend::VolumeError;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;
use serde::Serialize;
use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A volume may lie on so many files at the most: each is open in a guest that has it.
const MOST_LAYERS: usize = 64;

/// The byte of the lock's file that stands for the folder. Those behind it stand for volumes.
const FOLDER: u64 = 0;
/// So many bytes stand for volumes. Two that share one wait for each other, and no more.
const VOLUMES: u64 = 1 << 62;

/// See the head of this file.
#[derive(Clone, Debug)]
pub(super) struct Shelf {
    pub(super) pool: Pool,
    /// Where the files are reached.
    pub(super) folder: PathBuf,
    /// What everybody calls that folder.
    pub(super) named: PathBuf,
    pub(super) owner: FileOwner,
    /// Format of files that lie on nothing.
    pub(super) format: ImageFormat,
    pub(super) steps: Steps,
    /// Of a folder that other hosts use, too: its root, which stays what it is as long as it is open.
    share: Option<Arc<File>>,
}

impl Shelf {
    pub(super) fn open(
        pool: Pool,
        folder: &Path,
        owner: FileOwner,
        format: ImageFormat,
    ) -> io::Result<Self> {
        let folder = std::path::absolute(folder)?;
        let (named, steps) = (folder.clone(), Steps::default());
        let shelf = Self { pool, folder, named, owner, format, steps, share: None };
        make_folder(&shelf.folder, 0o755)?;
        make_folder(&shelf.records(), 0o755)?;
        Ok(shelf)
    }

    /// A folder that is mounted, with the name by which it is reached. Nothing is made.
    pub(super) fn of_share(
        pool: Pool,
        (folder, root): (PathBuf, Arc<File>),
        named: &Path,
        (owner, format): (FileOwner, ImageFormat),
        steps: Steps,
    ) -> Self {
        Self { pool, folder, named: named.to_owned(), owner, format, steps, share: Some(root) }
    }

    /// Makes what is missing in the folder, and removes what was left half made. The lock is held.
    pub(super) fn begin(&self) -> io::Result<()> {
        make_folder(&self.records(), 0o755)?;
        self.sweep()
    }

    /// What a failing disk could answer a look with.
    pub(super) fn step_look(&self) -> io::Result<()> {
        self.steps.before(Op::Look(&self.folder))
    }

    fn records(&self) -> PathBuf {
        self.folder.join(".records")
    }

    pub(super) fn path(&self, file: &str) -> PathBuf {
        self.folder.join(file)
    }

    /// The path by which others know a file.
    fn known_as(&self, file: &str) -> PathBuf {
        self.named.join(file)
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

    /// Waits for everyone else who changes the folder, in whichever process on whichever host.
    pub(super) fn lock(&self) -> Result<File, VolumeError> {
        self.hold(FOLDER).map_err(failed("lock the backend's folder"))
    }

    /// Waits for whoever works on the volume on another host, and keeps others away until the file is closed. `None` where there are no other
    /// hosts: in one agent the volumes' turns see to that. Taken before the folder's lock.
    pub(super) fn turn(&self, volume: VolumeId) -> Result<Option<File>, VolumeError> {
        if self.share.is_none() {
            return Ok(None);
        }
        let (high, low) = volume.0.as_u64_pair();
        self.hold(1 + (high ^ low) % VOLUMES).map(Some).map_err(failed("lock the volume"))
    }

    /// Locks a byte of the folder's lock file. The system lets go of it when the file is closed, also when the process is killed, and a client of
    /// NFS asks its server. Locks of an open file, since those of a process would let its threads pass.
    fn hold(&self, byte: u64) -> io::Result<File> {
        let path = self.folder.join(".lock");
        self.steps.before(Op::Lock(&path))?;
        let mut options = OpenOptions::new();
        let file = options.write(true).create(true).truncate(false).mode(0o600).open(path)?;
        let lock = libc::flock {
            l_type: libc::F_WRLCK as i16,
            l_whence: libc::SEEK_SET as i16,
            l_start: i64::try_from(byte).unwrap_or(i64::MAX - 1),
            l_len: 1,
            l_pid: 0,
        };
        loop {
            match fcntl(&file, FcntlArg::F_OFD_SETLKW(&lock)) {
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno.into()),
                Ok(_) => break,
            }
        }
        if self.share.is_some() {
            self.forget_what_was_seen()?;
        }
        Ok(file)
    }

    /// What others did before the lock was ours is seen from now on: a client of NFS believes what it knows of a folder's names for up to a
    /// minute, and asks again when the folder is opened.
    fn forget_what_was_seen(&self) -> io::Result<()> {
        File::open(&self.folder)?;
        match File::open(self.records()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            opened => opened.map(|_| ()),
        }
    }

    pub(super) fn volume(&self, volume: VolumeId) -> Result<Option<VolumeRecord>, VolumeError> {
        let path = self.record_of_volume(volume);
        let read = self.steps.before(Op::Read(&path)).and_then(|()| read_record(&path));
        read.map_err(failed("read the volume's record"))
    }

    /// Writes a record in its place. What fails may have happened.
    fn write<T: Serialize>(&self, path: &Path, record: &T) -> io::Result<()> {
        self.steps.before(Op::Write(path))?;
        write_record(path, record)?;
        self.steps.before(Op::Sync(path))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.steps.before(Op::Remove(path))?;
        remove(path).map(|_| ())
    }

    /// Gives a file of the folder its name, durably.
    pub(super) fn rename(&self, incoming: &Path, file: &str) -> io::Result<()> {
        let path = self.path(file);
        self.steps.before(Op::Rename(incoming, &path))?;
        fs::rename(incoming, &path)?;
        self.steps.before(Op::Sync(&path))?;
        sync_folder(&self.folder)
    }

    pub(super) fn require(&self, volume: VolumeId) -> Result<VolumeRecord, VolumeError> {
        self.volume(volume)?.ok_or_else(|| {
            VolumeError::NotFound(format!("the backend has no volume {volume}: was it deleted?"))
        })
    }

    /// The commit of every change.
    pub(super) fn keep(&self, record: &VolumeRecord) -> Result<(), VolumeError> {
        self.write(&self.record_of_volume(record.volume), record)
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
        self.remove(&self.record_of_volume(volume))?;
        sync_folder(&self.records())
    }

    pub(super) fn file(&self, file: &str) -> Result<FileRecord, VolumeError> {
        let path = self.record_of_file(file);
        let read = self.steps.before(Op::Read(&path)).and_then(|()| read_record(&path));
        read.map_err(failed("read a file's record"))?.ok_or_else(|| {
            VolumeError::Conflict(format!(
                "{} has no record: it is not opened. See what happened to {}",
                self.known_as(file).display(),
                self.known_as(".records").display()
            ))
        })
    }

    /// Written before the file has its name.
    pub(super) fn keep_file(&self, file: &str, record: &FileRecord) -> io::Result<()> {
        self.write(&self.record_of_file(file), record)
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

    /// Where everybody finds a file's bytes, with all that it lies on.
    pub(super) fn source(&self, file: &str) -> Result<BlockSource, VolumeError> {
        self.source_at(file, &self.named, (false, MOST_LAYERS * 2))
    }

    /// Opens a file for reading, with all that it lies on.
    pub(super) fn chain(&self, file: &str) -> Result<Chain, VolumeError> {
        let source = self.source_at(file, &self.folder, (true, MOST_LAYERS * 2))?;
        let opened = self.steps.before(Op::Read(&self.path(file)));
        opened.and_then(|()| Chain::open(&source)).map_err(failed("open the volume"))
    }

    fn source_at(
        &self,
        file: &str,
        folder: &Path,
        (read_only, left): (bool, usize),
    ) -> Result<BlockSource, VolumeError> {
        let record = self.file(file)?;
        if left == 0 {
            return Err(VolumeError::Conflict(format!("{file} lies on too many files")));
        }
        let path = self.path(file);
        let looked = self.steps.before(Op::Look(&path)).and_then(|()| look(&path));
        let path = folder.join(file);
        if looked.map_err(failed("look at a volume's file"))?.is_none() {
            return Err(VolumeError::NotFound(format!(
                "{} is not there any more, and a volume needs it: put it back from a backup",
                self.known_as(file).display()
            )));
        }
        let backing = match &record.backing {
            Some(below) => Some(Box::new(self.source_at(below, folder, (true, left - 1))?)),
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
        self.write_growable(file, size, Some((&self.known_as(on), format))).map_err(failed(doing))
    }

    fn write_growable(
        &self,
        file: &str,
        size: Bytes,
        on: Option<(&Path, ImageFormat)>,
    ) -> io::Result<()> {
        let path = self.path(file);
        self.steps.before(Op::Write(&path))?;
        write_growable(&path, size, on, self.owner)?;
        self.steps.before(Op::Sync(&path))
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
            ImageFormat::Qcow2 => self.write_growable(file, size, None),
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
        self.remove(&incoming)?;
        let filled = self.steps.before(Op::Write(&incoming)).and_then(|()| fill(&incoming));
        let made = filled.and_then(|()| self.rename(&incoming, file));
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
        let path = self.path(&record.file);
        let used = self.steps.before(Op::Look(&path)).and_then(|()| is_in_use(&path));
        let used = used.map_err(failed("ask who uses the volume"))?;
        if used {
            return Err(VolumeError::Conflict(format!(
                "a running guest has volume {} open: detach it or stop the guest, then {what}",
                record.volume
            )));
        }
        Ok(())
    }

    /// Removes every file that no volume and no snapshot leads to, and what a killed process has left of a record. The lock is held.
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
                self.remove(&path)?;
            }
            sync_folder(&self.folder)?;
            self.remove(&self.record_of_file(&file))?;
        }
        // Records are written under the lock: nobody is at these any more.
        for unfinished in self.named(UNFINISHED)? {
            self.remove(&self.records().join(format!("{unfinished}.{UNFINISHED}")))?;
        }
        sync_folder(&self.records())
    }
}
