//! The journal: one file in each guest's folder, written before what it says is acted on.

use crate::folder;
use hatchery_model::compute::{GuestPhase, GuestSpec};
use hatchery_model::id::ServerId;
use hatchery_model::message::Event;
use serde::{Deserialize, Serialize};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The journal's file in a guest's folder.
pub const FILE: &str = "guest.json";

/// What the agent must not forget of a guest.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Entry {
    /// What was ordered. Its generation is that of the last order.
    pub spec: Arc<GuestSpec>,
    /// How far it has come.
    pub phase: GuestPhase,
    /// The request behind the last order.
    pub request: hatchery_model::id::RequestId,
    /// What it has been told to do and has not done yet.
    #[serde(default)]
    pub order: Option<PowerOrder>,
    /// What the control plane is to be told, again after every restart: hearing it twice changes nothing.
    pub news: Option<Event>,
}

/// An order about a guest that was made earlier.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum PowerOrder {
    /// Do not run.
    Stop {
        /// So long it may take to power off when asked to.
        grace_seconds: u32,
    },
    /// Run.
    Start,
    /// Stop if you run, and run.
    Reboot {
        /// As in `Stop`.
        grace_seconds: u32,
    },
}

impl PowerOrder {
    /// The phase of a guest that has it to do.
    pub const fn phase(self) -> GuestPhase {
        match self {
            Self::Stop { .. } => GuestPhase::Stopping,
            Self::Start | Self::Reboot { .. } => GuestPhase::Starting,
        }
    }
}

/// The journal of a host.
#[derive(Clone, Debug)]
pub struct Journal {
    instances_dir: PathBuf,
}

/// What a scan of the instances' folder finds.
pub enum Found {
    /// A guest.
    Guest(Box<Entry>),
    /// A folder with a guest's name and no readable entry: its making was cut off before it was written down.
    Litter(ServerId),
}

impl Journal {
    /// The journal below this folder.
    pub fn new(instances_dir: PathBuf) -> Self {
        Self { instances_dir }
    }

    /// A guest's folder.
    pub fn folder(&self, server: ServerId) -> PathBuf {
        self.instances_dir.join(server.to_string())
    }

    /// Writes an entry down; when this returns, it survives a power cut.
    pub async fn write(&self, entry: &Entry) -> io::Result<()> {
        let folder_path = self.folder(entry.spec.server);
        let bytes = serde_json::to_vec(entry).map_err(io::Error::other)?;
        folder::off_thread(move || {
            folder::make(&folder_path)?;
            folder::write_durably(&folder_path.join(FILE), &bytes)
        })
        .await
    }

    /// Forgets a guest, with its folder and whatever is still in it. `Ok` when there is none.
    pub async fn remove(&self, server: ServerId) -> io::Result<()> {
        let path = self.folder(server);
        folder::off_thread(move || {
            folder::empty_but(&path, FILE)?;
            folder::remove(&path)
        })
        .await
    }

    /// All that is there.
    pub async fn scan(&self) -> io::Result<Vec<Found>> {
        let dir = self.instances_dir.clone();
        folder::off_thread(move || scan(&dir)).await
    }
}

fn scan(dir: &Path) -> io::Result<Vec<Found>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let Some(server) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        match std::fs::read(entry.path().join(FILE)) {
            Ok(bytes) => match serde_json::from_slice::<Entry>(&bytes) {
                Ok(entry) => found.push(Found::Guest(Box::new(entry))),
                // Written whole or not at all, so this is another version's or a broken disk's: never thrown away by itself.
                Err(error) => {
                    tracing::error!(guest.id = %server, %error, "a guest's journal cannot be read; its folder is left alone");
                }
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                found.push(Found::Litter(server))
            }
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}
