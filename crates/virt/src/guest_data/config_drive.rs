//! The config drive: a disc labelled `config-2` with the documents of the metadata service, for guests that start
//! without a network.

use super::documents::{self, LATEST, VERSIONS};
use super::{ec2, iso9660};
use async_trait::async_trait;
use hatchery_model::compute::GuestSpec;
use hatchery_ports::clock::Clock;
use hatchery_ports::hypervisor::HypervisorError;
use hatchery_ports::metadata::ConfigDrive;
use serde_json::Value;
use std::ffi::OsString;
use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const LABEL: &str = "config-2";

/// Who may read the drives that are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DriveOwner {
    /// Permission bits. User data may hold secrets: others should not read it.
    pub mode: u32,
    /// User and group; `None` keeps the writer's.
    pub ids: Option<(u32, u32)>,
}

impl Default for DriveOwner {
    fn default() -> Self {
        Self { mode: 0o640, ids: None }
    }
}

/// Config drives as ISO 9660 images.
pub struct IsoConfigDrive {
    clock: Arc<dyn Clock>,
    owner: DriveOwner,
}

impl IsoConfigDrive {
    /// A writer of drives that dates them by `clock`.
    pub fn new(clock: Arc<dyn Clock>, owner: DriveOwner) -> Self {
        Self { clock, owner }
    }
}

#[async_trait]
impl ConfigDrive for IsoConfigDrive {
    async fn write(&self, guest: &GuestSpec, path: &Path) -> Result<(), HypervisorError> {
        let doing = format!("write the config drive {}", path.display());
        let cannot = |source| HypervisorError::Unavailable { doing, source };
        let image = match iso9660::image(LABEL, &files(guest), self.clock.now()) {
            Ok(image) => image,
            Err(error) => return Err(cannot(error)),
        };
        let (path, owner) = (path.to_owned(), self.owner);
        let written = tokio::task::spawn_blocking(move || write(&path, &image, owner)).await;
        written.map_err(io::Error::other).flatten().map_err(cannot)
    }
}

/// The files of a guest's drive, by path.
fn files(guest: &GuestSpec) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for version in VERSIONS.into_iter().chain([LATEST]) {
        for (name, bytes) in documents::all(guest, version).unwrap_or_default() {
            // The password is what the guest would post to the service; here nobody could.
            if name != "password" {
                files.push((format!("openstack/{version}/{name}"), bytes));
            }
        }
    }
    let user_data = documents::user_data(guest);
    for version in ec2::VERSIONS.into_iter().chain([LATEST]) {
        let mut tree = ec2::tree(guest, version).unwrap_or_default();
        if let Some(mut meta_data) = tree.remove("meta-data") {
            strip_listing_names(&mut meta_data);
            let name = format!("ec2/{version}/meta-data.json");
            files.push((name, meta_data.to_string().into_bytes()));
        }
        if let Some(data) = &user_data {
            files.push((format!("ec2/{version}/user-data"), data.clone()));
        }
    }
    files
}

fn strip_listing_names(value: &mut Value) {
    if let Value::Object(folder) = value {
        folder.remove(ec2::LISTED_AS);
        folder.values_mut().for_each(strip_listing_names);
    }
}

/// Writes the drive beside its name and renames it, so that no reader ever sees half of it.
fn write(path: &Path, image: &[u8], owner: DriveOwner) -> io::Result<()> {
    let temporary = beside(path);
    let written = (|| {
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&temporary)?;
        if let Some((user, group)) = owner.ids {
            fchown(&file, Some(user), Some(group))?;
        }
        // After the change of owner, which may take bits away.
        file.set_permissions(Permissions::from_mode(owner.mode))?;
        file.write_all(image)?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    })();
    if written.is_err() {
        // What went wrong first is what counts.
        let _ = fs::remove_file(&temporary);
    }
    written
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().map_or_else(OsString::new, OsString::from);
    name.push(".new");
    path.with_file_name(name)
}
