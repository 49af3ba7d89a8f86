//! Volumes of files under a real QEMU: what the backend may do while a guest has them open, and what it may not.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may")]

use hatchery_model::compute::{DiskAttachment, GuestDefinition};
use hatchery_model::disk::BlockSource;
use hatchery_model::id::{AttachmentId, ServerId, SnapshotId, VolumeId};
use hatchery_model::image::ImageFormat;
use hatchery_model::units::Bytes;
use hatchery_model::volume::{GuestVolume, NewVolume, VolumeContent};
use hatchery_ports::hypervisor::{Guest, Hypervisor};
use hatchery_ports::volume_backend::{VolumeBackend, VolumeError};
use hatchery_storage::{FileImageStore, FileOwner, FileVolumeBackend, FileVolumeSettings};
use hatchery_testkit::ManualClock;
use hatchery_virt::qemu::{AcceleratorChoice, QemuHypervisor, QemuSettings};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use uuid::Uuid;

const SIZE: Bytes = Bytes::from_mib(8);
static COUNT: AtomicU64 = AtomicU64::new(0x8000_0000_0000_0000);
const LARGER: Bytes = Bytes::from_mib(24);

/// A program of a boot sector that does nothing but let go of what it is asked to let go of: it reads which slots of the bus are to be emptied
/// (port 0xae04), and empties them (port 0xae08).
const LETTING_GO: &[u8] = &[
    0x66, 0x31, 0xc0, 0xba, 0x10, 0xae, 0x66, 0xef, 0xba, 0x04, 0xae, 0x66, 0xed, 0xba, 0x08, 0xae,
    0x66, 0xef, 0xfb, 0xf4, 0xeb, 0xea,
];

struct Yard {
    home: TempDir,
    backend: FileVolumeBackend,
    hypervisor: QemuHypervisor,
    server: ServerId,
    /// What a failing test has left running is ended.
    processes: Mutex<Vec<u32>>,
}

impl Drop for Yard {
    fn drop(&mut self) {
        for process in self.processes.get_mut().unwrap() {
            let line = std::fs::read_to_string(format!("/proc/{process}/cmdline"));
            if line.is_ok_and(|line| line.contains(&self.server.to_string())) {
                let _ = Command::new("kill").args(["-9", &process.to_string()]).status();
            }
        }
    }
}

impl Yard {
    fn new(format: ImageFormat) -> Self {
        let home = TempDir::new().unwrap();
        let (pool, owner) = (home.path().join("pool"), FileOwner::process());
        FileImageStore::new(&pool, owner).unwrap();
        let backend = FileVolumeBackend::new(FileVolumeSettings {
            backend: "file".into(),
            pool: "file".into(),
            images: pool,
            folder: home.path().join("volumes"),
            owner,
            format,
        });
        let settings = QemuSettings {
            accelerator: AcceleratorChoice::Tcg,
            instances: home.path().to_owned(),
            ..QemuSettings::default()
        };
        let hypervisor = QemuHypervisor::new(settings, Arc::new(ManualClock::default()));
        // Marks its process on this machine, so that no two guests may share it.
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let server = ServerId(Uuid::from_u64_pair(std::process::id().into(), number));
        Self { home, backend: backend.unwrap(), hypervisor, server, processes: Mutex::default() }
    }

    async fn volume(&self) -> GuestVolume {
        let volume = VolumeId(self.server.0);
        let new =
            NewVolume { volume, size: SIZE, content: VolumeContent::Empty, holds_image: false };
        let source = self.backend.create(&new).await.unwrap().source;
        GuestVolume {
            volume,
            attachment: AttachmentId(self.server.0),
            source,
            boot_index: None,
            device: "/dev/vdb".into(),
            qos: BTreeMap::new(),
        }
    }

    /// A guest with these volumes, wherever their bytes are now.
    async fn start(&self, volumes: &[&GuestVolume]) -> Arc<dyn Guest> {
        let folder = self.home.path().join("guest");
        std::fs::create_dir_all(&folder).unwrap();
        let mut sector = vec![0; 1 << 20];
        sector[..LETTING_GO.len()].copy_from_slice(LETTING_GO);
        sector[510..512].copy_from_slice(&[0x55, 0xaa]);
        let boot = folder.join("boot");
        std::fs::write(&boot, sector).unwrap();
        let source = BlockSource::File {
            path: boot,
            format: ImageFormat::Raw,
            read_only: false,
            backing: None,
        };
        let mut disks = vec![DiskAttachment {
            serial: "boot".into(),
            source,
            volume: None,
            boots: true,
            qos: BTreeMap::new(),
        }];
        for volume in volumes {
            let source = self.backend.find(volume.volume).await.unwrap().unwrap();
            disks.push(volume.disk(source));
        }
        let definition = GuestDefinition {
            server: self.server,
            name: "instance-00000001".into(),
            vcpus: 1,
            memory_mib: 32,
            disks,
            nics: Vec::new(),
            config_drive: None,
        };
        let guest = self.hypervisor.start(&definition, &folder, Vec::new()).await.unwrap();
        self.processes.lock().unwrap().extend(guest.process_id());
        guest
    }
}

/// What `qemu-img` says of a file that a guest may have open.
fn size_of(path: &Path, format: ImageFormat) -> u64 {
    let output = Command::new("qemu-img")
        .args(["info", "-U", "--output=json", "-f", &format.to_string()])
        .arg(path)
        .output()
        .unwrap();
    let info: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    info["virtual-size"].as_u64().unwrap()
}

#[track_caller]
fn is_conflict<T: std::fmt::Debug>(done: Result<T, VolumeError>) {
    let Err(VolumeError::Conflict(text)) = done else { panic!("{done:?}") };
    assert!(text.contains("a running guest has volume"), "{text}");
}

/// The backend sees by QEMU's locks that a guest has the volume, and leaves it alone; the guest's hypervisor makes it larger.
#[tokio::test]
async fn a_volume_of_a_running_guest_is_left_alone_and_grows() {
    for format in [ImageFormat::Qcow2, ImageFormat::Raw] {
        let yard = Yard::new(format);
        let volume = yard.volume().await;
        let (id, snapshot) = (volume.volume, SnapshotId(volume.volume.0));
        let path = volume.source.path().unwrap();
        let guest = yard.start(&[]).await;
        guest.attach(&volume.disk(volume.source.clone())).await.unwrap();
        is_conflict(yard.backend.snapshot(id, snapshot).await);
        is_conflict(yard.backend.remove(id).await);
        is_conflict(yard.backend.extend(id, LARGER).await);
        assert_eq!(size_of(path, format), SIZE.0);
        guest.resize(id, LARGER).await.unwrap();
        yard.backend.extend(id, LARGER).await.unwrap();
        assert_eq!(size_of(path, format), LARGER.0);
        // Once it is out, the backend has it to itself again.
        guest.detach(id).await.unwrap();
        yard.backend.snapshot(id, snapshot).await.unwrap();
        guest.stop(Duration::ZERO).await.unwrap();
    }
}

/// The backend is asked anew at a start: after a snapshot the volume goes on in another file.
#[tokio::test]
async fn a_volume_with_snapshots_is_there_at_the_next_start() {
    let yard = Yard::new(ImageFormat::Qcow2);
    let volume = yard.volume().await;
    let guest = yard.start(&[&volume]).await;
    is_conflict(yard.backend.snapshot(volume.volume, SnapshotId(volume.volume.0)).await);
    guest.stop(Duration::ZERO).await.unwrap();
    for number in 1..=6 {
        let snapshot = SnapshotId(Uuid::from_u128(number));
        yard.backend.snapshot(volume.volume, snapshot).await.unwrap();
    }
    let guest = yard.start(&[&volume]).await;
    is_conflict(yard.backend.revert(volume.volume, SnapshotId(Uuid::from_u128(1))).await);
    guest.detach(volume.volume).await.unwrap();
    let now = yard.backend.find(volume.volume).await.unwrap().unwrap();
    assert_ne!(now.path(), volume.source.path());
    guest.attach(&volume.disk(now)).await.unwrap();
    guest.resize(volume.volume, LARGER).await.unwrap();
    yard.backend.extend(volume.volume, LARGER).await.unwrap();
    guest.stop(Duration::ZERO).await.unwrap();
}
