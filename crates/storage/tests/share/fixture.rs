//! An export, a folder that it is mounted on, and images.

use bytes::Bytes as Chunk;
use hatchery_model::id::{ImageId, SnapshotId, VolumeId};
use hatchery_model::image::{DiskFormat, ImageFormat};
use hatchery_model::provision::{Plan, PlanStep, Rung};
use hatchery_model::units::Bytes;
use hatchery_model::volume::{NewVolume, VolumeContent};
use hatchery_ports::image_store::ImageStore;
use hatchery_ports::volume_backend::{Opened, VolumeBackend, VolumeError};
use hatchery_storage::{FileImageStore, FileOwner, FileVolumeBackend, ShareVolumeSettings};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use uuid::Uuid;

pub const MIB: u64 = 1 << 20;

/// See the head of this file.
pub struct Share {
    at: PathBuf,
    export: PathBuf,
    _folders: Vec<TempDir>,
}

/// A folder of a mounted share on which the tests are to be run, instead of one of this machine.
const EXPORTS: &str = "HATCHERY_TEST_EXPORTS";

impl Share {
    /// Mounted. `None`, loudly, when this process may not mount.
    pub fn mounted() -> Option<Self> {
        let folder = tempfile::tempdir_in(memory()).unwrap();
        let exports = std::env::var_os(EXPORTS).map_or_else(memory, PathBuf::from);
        let export = tempfile::tempdir_in(exports).unwrap();
        let at = folder.path().to_owned();
        let share = Self { at, export: export.path().to_owned(), _folders: vec![folder, export] };
        let open = std::fs::Permissions::from_mode(0o755);
        for path in [&share.at, &share.export] {
            std::fs::set_permissions(path, open.clone()).unwrap();
        }
        std::fs::create_dir(share.mount_point()).unwrap();
        if let Err(error) = share.mount(&share.export()) {
            eprintln!("SKIPPED: nothing can be mounted here ({error})");
            return None;
        }
        Some(share)
    }

    /// One that somebody else has made and takes away.
    pub fn at(folder: &Path) -> Self {
        Self { at: folder.to_owned(), export: PathBuf::new(), _folders: Vec::new() }
    }

    pub fn folder(&self) -> &Path {
        &self.at
    }

    /// The server's side.
    pub fn export(&self) -> PathBuf {
        self.export.clone()
    }

    pub fn mount_point(&self) -> PathBuf {
        self.at.join("mounted")
    }

    pub fn mount(&self, export: &Path) -> nix::Result<()> {
        mount(Some(export), &self.mount_point(), None::<&str>, MsFlags::MS_BIND, None::<&str>)
    }

    pub fn unmount(&self) {
        umount2(&self.mount_point(), MntFlags::empty()).unwrap();
    }

    /// What a host is set to.
    pub fn settings(&self, host: &str) -> ShareVolumeSettings {
        ShareVolumeSettings {
            backend: "share".to_owned(),
            pool: "share".to_owned(),
            images: self.at.join("pool"),
            mount_point: self.mount_point(),
            note: self.at.join(format!("{host}.json")),
            owner: FileOwner::process(),
            secure_operations: None,
            secure_permissions: None,
            format: ImageFormat::Raw,
            id: Uuid::from_u128(7),
        }
    }

    /// A host's agent.
    pub fn host(&self, host: &str) -> FileVolumeBackend {
        FileVolumeBackend::on_share(self.settings(host)).unwrap()
    }

    /// A raw image of 4 MiB, and how a volume is copied from it.
    pub async fn image(&self) -> VolumeContent {
        let store = FileImageStore::new(&self.at.join("pool"), FileOwner::process()).unwrap();
        let image = ImageId(Uuid::from_u128(0x11));
        let mut writer = store.begin(image, "a", DiskFormat::Raw, Bytes(8 * MIB)).await.unwrap();
        for byte in [3, 5, 0, 9] {
            writer.write(Chunk::from(vec![byte; 1 << 20])).await.unwrap();
        }
        let content = writer.finish().await.unwrap();
        store.publish(image, "a").await.unwrap();
        copied(image, content.sha512)
    }

    /// The names in the export, and in its folder of records.
    pub fn names(&self) -> Vec<String> {
        let list = |folder: PathBuf| {
            let entries = std::fs::read_dir(folder).into_iter().flatten();
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap())
        };
        let mut names: Vec<String> = list(self.export()).collect();
        names.extend(list(self.export().join(".records")));
        names.sort();
        names
    }

    /// That nothing of a volume is there.
    pub fn is_empty(&self) {
        assert_eq!(self.names(), [".hatchery-share", ".lock", ".records"]);
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        if !self._folders.is_empty() {
            // Whatever a test has mounted over one another.
            while umount2(&self.mount_point(), MntFlags::MNT_DETACH).is_ok() {}
        }
    }
}

pub fn copied(image: ImageId, image_sha512: String) -> VolumeContent {
    let plan = Plan {
        rung: Rung::DownloadAndConvert,
        steps: vec![PlanStep::CopyImage],
        copies: Bytes(4 * MIB),
        refused: Vec::new(),
    };
    VolumeContent::Image { image, image_sha512, raw: None, plan }
}

pub fn volume(number: u128) -> VolumeId {
    VolumeId(Uuid::from_u128(0x3000 + number))
}

pub fn snapshot(number: u128) -> SnapshotId {
    SnapshotId(Uuid::from_u128(0x4000 + number))
}

pub fn new(number: u128, content: VolumeContent) -> NewVolume {
    NewVolume { volume: volume(number), size: Bytes(8 * MIB), content, holds_image: false }
}

/// The byte that a MiB of a volume begins with.
pub async fn byte(volumes: &FileVolumeBackend, what: Opened, mib: u64) -> Result<u8, VolumeError> {
    let mut open = volumes.open(what).await?;
    let found = open.read(mib * MIB, 512).await?[0];
    open.close().await?;
    Ok(found)
}

/// The first bytes of the first five MiB: of the image 3, 5, 0, 9, 0.
pub async fn bytes(volumes: &FileVolumeBackend, what: Opened) -> Result<Vec<u8>, VolumeError> {
    let mut found = Vec::new();
    for mib in 0..5 {
        found.push(byte(volumes, what, mib).await?);
    }
    Ok(found)
}

/// Writes a MiB.
pub async fn write(
    volumes: &FileVolumeBackend,
    number: u128,
    mib: u64,
    byte: u8,
) -> Result<(), VolumeError> {
    let mut open = volumes.open(Opened::ForWriting(volume(number))).await?;
    open.write(mib * MIB, Chunk::from(vec![byte; 1 << 20])).await?;
    open.close().await
}

/// Where thousands of files made durable one by one take no time; what is lost with the power is not asked here.
fn memory() -> PathBuf {
    let memory = PathBuf::from("/dev/shm");
    if memory.is_dir() { memory } else { std::env::temp_dir() }
}
