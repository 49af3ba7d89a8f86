//! What must not be forgotten of orders about volumes: one file a subject, which holds its last order and the answer.

use crate::folder;
use hatchery_model::id::RequestId;
use hatchery_model::timestamp::Timestamp;
use hatchery_model::volume::{VolumeNews, VolumeOrder, VolumeSubject, VolumeWork};
use serde::{Deserialize, Serialize};
use std::io;
use std::path::{Path, PathBuf};

/// The last order about a subject.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Note {
    pub(super) order: VolumeOrder,
    /// The request behind it.
    pub(super) request: RequestId,
    /// When it was taken over.
    pub(super) taken_at: Timestamp,
    /// What became of it. `None`: it is still to be done.
    pub(super) answer: Option<VolumeNews>,
    /// Whether the control plane has taken the answer over.
    pub(super) is_told: bool,
}

impl Note {
    /// Whether nothing more is expected of the subject: it is gone, or never had more than one order at a time.
    pub(super) fn ends_its_subject(&self) -> bool {
        let removes = match self.order.work {
            VolumeWork::Remove(_)
            | VolumeWork::Unmanage(_)
            | VolumeWork::RemoveSnapshot(..)
            | VolumeWork::UnmanageSnapshot(..)
            | VolumeWork::RemoveBackup(..)
            | VolumeWork::DiskToImage(..) => true,
            VolumeWork::Create(_)
            | VolumeWork::Extend(..)
            | VolumeWork::CreateSnapshot(..)
            | VolumeWork::Revert(..)
            | VolumeWork::UploadToImage(..)
            | VolumeWork::Backup(..)
            | VolumeWork::CopyFrom(..)
            | VolumeWork::Manage(..)
            | VolumeWork::ManageSnapshot(..)
            | VolumeWork::Restore(..) => false,
        };
        removes && self.is_told
    }
}

/// The folder of notes.
#[derive(Clone, Debug)]
pub(super) struct Notes(PathBuf);

impl Notes {
    /// Makes the folder.
    pub(super) fn open(folder: PathBuf) -> io::Result<Self> {
        std::fs::create_dir_all(&folder)?;
        Ok(Self(folder))
    }

    fn path(&self, subject: VolumeSubject) -> PathBuf {
        let name = match subject {
            VolumeSubject::Volume(id) => format!("volume-{id}.json"),
            VolumeSubject::Snapshot(id) => format!("snapshot-{id}.json"),
            VolumeSubject::Backup(id) => format!("backup-{id}.json"),
            VolumeSubject::Disk(id) => format!("disk-{id}.json"),
        };
        self.0.join(name)
    }

    /// Writes a note down; when this returns, it survives a power cut.
    pub(super) async fn write(&self, note: &Note) -> io::Result<()> {
        let path = self.path(note.order.subject);
        let bytes = serde_json::to_vec(note).map_err(io::Error::other)?;
        folder::off_thread(move || folder::write_durably(&path, &bytes)).await
    }

    /// Forgets a subject. `Ok` when there is no note of it.
    pub(super) async fn remove(&self, subject: VolumeSubject) -> io::Result<()> {
        let path = self.path(subject);
        folder::off_thread(move || match std::fs::remove_file(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        })
        .await
    }

    /// All that are there, in the order in which they were taken over.
    pub(super) async fn scan(&self) -> io::Result<Vec<Note>> {
        let folder = self.0.clone();
        folder::off_thread(move || scan(&folder)).await
    }
}

fn scan(folder: &Path) -> io::Result<Vec<Note>> {
    let mut found: Vec<Note> = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_none_or(|found| found != "json") {
            continue;
        }
        match serde_json::from_slice(&std::fs::read(&path)?) {
            Ok(note) => found.push(note),
            // Written whole or not at all, so this is another version's or a broken disk's: never thrown away by itself.
            Err(error) => {
                tracing::error!(path = %path.display(), %error, "an order about a volume cannot be read; it is left alone");
            }
        }
    }
    found.sort_by_key(|note| note.taken_at);
    Ok(found)
}
