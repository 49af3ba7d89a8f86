//! The store's folder: where what is, and what nobody needs.

use super::error::failed;
use super::head::{Head, VERSION};
use super::table::TableReader;
use crate::durable::{make_folder, read_record, sync_folder};
use hatchery_model::id::BackupId;
use hatchery_ports::backup_store::BackupError;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// See the head of this file.
#[derive(Clone, Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let folder = Self(std::path::absolute(path)?);
        make_folder(&folder.0, 0o700)?;
        Ok(folder)
    }

    fn of(&self, backup: BackupId) -> PathBuf {
        self.0.join(backup.to_string())
    }

    pub(super) fn data(&self, backup: BackupId) -> PathBuf {
        self.of(backup).join("data")
    }

    /// What a backup is called until it is whole.
    pub(super) fn incoming(&self, backup: BackupId) -> PathBuf {
        self.0.join(format!(".new-{backup}"))
    }

    fn going(&self, backup: BackupId) -> PathBuf {
        self.0.join(format!(".gone-{backup}"))
    }

    /// Waits for everyone else who gives or takes names, in whichever process.
    fn lock(&self) -> Result<File, BackupError> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(0o600);
        let locked = options.open(self.0.join(".lock")).and_then(|file| {
            file.lock()?;
            Ok(file)
        });
        locked.map_err(failed("lock its folder"))
    }

    /// `None` when there is no such backup.
    pub(super) fn head(&self, backup: BackupId) -> Result<Option<Head>, BackupError> {
        let path = self.of(backup).join("backup.json");
        let head: Option<Head> = read_record(&path).map_err(failed("read what a backup is"))?;
        match head {
            Some(head) if head.version != VERSION || head.backup != backup => {
                Err(BackupError::Invalid(format!(
                    "{} is not of this version, or not of this backup",
                    path.display()
                )))
            }
            found => Ok(found),
        }
    }

    /// The same, and all that it needs is there.
    pub(super) fn whole(&self, backup: BackupId) -> Result<Option<Head>, BackupError> {
        let Some(head) = self.head(backup)? else {
            return Ok(None);
        };
        for source in &head.sources {
            let there = match fs::metadata(self.data(source.backup)) {
                Ok(found) => found.len() >= source.needed,
                Err(error) if error.kind() == io::ErrorKind::NotFound => false,
                Err(error) => return Err(failed("look at what a backup needs")(error)),
            };
            if !there && source.backup == backup {
                return Err(damaged(backup, "its data is cut off"));
            }
            if !there {
                return Err(BackupError::NotFound(format!(
                    "backup {backup} goes on from backup {}, whose data is not in the store any more",
                    source.backup
                )));
            }
        }
        Ok(Some(head))
    }

    pub(super) fn table(&self, head: &Head) -> Result<TableReader, BackupError> {
        let path = self.of(head.backup).join("blocks");
        let table = TableReader::open(&path, head.blocks, &head.table_sha256);
        let table = table.map_err(failed("read the blocks of a backup"))?;
        table.ok_or_else(|| damaged(head.backup, "the list of its blocks is not what was written"))
    }

    /// Gives a backup its name. What it goes on from cannot go meanwhile.
    pub(super) fn publish(&self, head: &Head) -> Result<(), BackupError> {
        let _lock = self.lock()?;
        for source in head.sources.iter().filter(|source| source.backup != head.backup) {
            if self.head(source.backup)?.is_none() {
                return Err(parent_is_gone(source.backup));
            }
        }
        fs::rename(self.incoming(head.backup), self.of(head.backup))
            .and_then(|()| sync_folder(&self.0))
            .map_err(failed("give a backup its name"))
    }

    /// See `BackupStore::remove`.
    pub(super) fn remove(&self, backup: BackupId) -> Result<(), BackupError> {
        let doing = "remove a backup";
        remove_all(&self.incoming(backup)).map_err(failed(doing))?;
        {
            let _lock = self.lock()?;
            for other in self.list()? {
                let needs = |head: &Head| head.sources.iter().any(|one| one.backup == backup);
                if other != backup && self.head(other)?.is_some_and(|head| needs(&head)) {
                    return Err(BackupError::Conflict(format!(
                        "backup {other} goes on from backup {backup}: delete that one first"
                    )));
                }
            }
            remove_all(&self.going(backup)).map_err(failed(doing))?;
            match fs::rename(self.of(backup), self.going(backup)) {
                Ok(()) => sync_folder(&self.0).map_err(failed(doing))?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(failed(doing)(error)),
            }
        }
        remove_all(&self.going(backup)).map_err(failed(doing))
    }

    pub(super) fn list(&self) -> Result<Vec<BackupId>, BackupError> {
        let doing = "list its backups";
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.0).map_err(failed(doing))? {
            let name = entry.map_err(failed(doing))?.file_name();
            found.extend(name.to_str().and_then(|name| name.parse::<BackupId>().ok()));
        }
        found.sort();
        Ok(found)
    }
}

/// `Ok` when there is none.
pub(super) fn remove_all(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

pub(super) fn damaged(backup: BackupId, what: &str) -> BackupError {
    BackupError::Invalid(format!(
        "backup {backup} is damaged ({what}): nothing is restored from it"
    ))
}

pub(super) fn parent_is_gone(parent: BackupId) -> BackupError {
    BackupError::NotFound(format!(
        "backup {parent}, which this one is to go on from, is not in the store: make a full backup"
    ))
}
