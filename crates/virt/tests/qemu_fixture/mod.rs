//! Guests of a few bytes on a real QEMU. What a test leaves running is ended when its fixture is dropped.

#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test says what it expects")]

use async_trait::async_trait;
use hatchery_model::compute::{DiskAttachment, GuestDefinition};
use hatchery_model::disk::BlockSource;
use hatchery_model::id::{ServerId, VolumeId};
use hatchery_model::image::ImageFormat;
use hatchery_model::timestamp::Timestamp;
use hatchery_model::volume::serial_of;
use hatchery_ports::clock::Clock;
use hatchery_ports::contract::hypervisor::{HypervisorFixture, ReadyGuest};
use hatchery_ports::hypervisor::{Guest, Hypervisor};
use hatchery_virt::qemu::{AcceleratorChoice, QemuHypervisor, QemuSettings};
use rustix::process::{Pid, Signal, kill_process};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use uuid::Uuid;

/// Prints a dot at each tick of the clock, 18 a second, for ever:
///
/// ```text
/// b0 2e       mov al, '.'
/// ba f8 03    mov dx, 0x3f8
/// ee          out dx, al
/// fb          sti
/// f4          hlt
/// eb f6       jmp 0
/// ```
pub const TICKING: &[u8] = &[0xb0, b'.', 0xba, 0xf8, 0x03, 0xee, 0xfb, 0xf4, 0xeb, 0xf6];

/// Ticks like the other, and at each tick lets go of what it is asked to let go of, as the system of a real guest would:
///
/// ```text
/// b0 2e 5x    print a dot
/// 66 31 c0    xor eax, eax
/// ba 10 ae    mov dx, 0xae10    ; which bus: the only one
/// 66 ef       out dx, eax
/// ba 04 ae    mov dx, 0xae04    ; the slots that are to be emptied
/// 66 ed       in eax, dx
/// ba 08 ae    mov dx, 0xae08    ; empties a slot
/// 66 ef       out dx, eax
/// fb          sti
/// f4          hlt
/// eb e4       jmp 0
/// ```
pub const LETTING_GO: &[u8] = &[
    0xb0, b'.', 0xba, 0xf8, 0x03, 0xee, 0x66, 0x31, 0xc0, 0xba, 0x10, 0xae, 0x66, 0xef, 0xba, 0x04,
    0xae, 0x66, 0xed, 0xba, 0x08, 0xae, 0x66, 0xef, 0xfb, 0xf4, 0xeb, 0xe4,
];

/// Powers the machine off:
///
/// ```text
/// b8 00 20    mov ax, 0x2000    ; SLP_EN, type of S5
/// ba 04 06    mov dx, 0x604     ; PM1a control, where the BIOS puts it
/// ef          out dx, ax
/// fa          cli
/// f4          hlt
/// ```
pub const POWERING_OFF: &[u8] = &[0xb8, 0x00, 0x20, 0xba, 0x04, 0x06, 0xef, 0xfa, 0xf4];

/// `nobody`: has a right to nothing of the test's.
pub const NOBODY: (u32, u32) = (65534, 65534);

struct StoppedClock;

impl Clock for StoppedClock {
    fn now(&self) -> Timestamp {
        Timestamp(1_700_000_000_000_000)
    }
}

pub struct QemuFixture {
    home: TempDir,
    servers: Mutex<Vec<ServerId>>,
}

impl QemuFixture {
    pub fn new() -> Self {
        Self { home: TempDir::new().unwrap(), servers: Mutex::new(Vec::new()) }
    }

    pub fn home(&self) -> &Path {
        self.home.path()
    }

    pub fn settings(&self) -> QemuSettings {
        QemuSettings {
            accelerator: AcceleratorChoice::Tcg,
            user: rustix::process::geteuid().is_root().then_some(NOBODY),
            instances: self.home.path().to_owned(),
            ..QemuSettings::default()
        }
    }

    pub fn driver(&self, settings: QemuSettings) -> QemuHypervisor {
        QemuHypervisor::new(settings, Arc::new(StoppedClock))
    }

    /// A volume of 1 MiB.
    pub fn volume_of(&self, format: ImageFormat) -> DiskAttachment {
        self.volume_of_mib(format, 1)
    }

    pub fn volume_of_mib(&self, format: ImageFormat, mib: u64) -> DiskAttachment {
        let volume = VolumeId(new_uuid());
        let path = self.home.path().join(volume.to_string());
        let made = Command::new("qemu-img")
            .args(["create", "-q", "-f", &format.to_string()])
            .arg(&path)
            .arg(format!("{mib}M"))
            .status()
            .unwrap();
        assert!(made.success());
        DiskAttachment {
            serial: serial_of(volume),
            source: BlockSource::File { path, format, read_only: false, backing: None },
            volume: Some(volume),
            boots: false,
            qos: BTreeMap::new(),
        }
    }

    /// What a file's disk holds.
    pub fn bytes_of(&self, disk: &DiskAttachment) -> Vec<u8> {
        let BlockSource::File { path, format, .. } = &disk.source else { unreachable!() };
        let raw = self.home.path().join(format!("{}.raw", disk.serial));
        let read = Command::new("qemu-img")
            .args(["convert", "-f", &format.to_string(), "-O", "raw"])
            .args([path, &raw])
            .status()
            .unwrap();
        assert!(read.success());
        std::fs::read(raw).unwrap()
    }

    /// A guest with an overlay on a base whose first sector is `code`.
    pub fn guest_of(&self, code: &[u8]) -> ReadyGuest {
        let server = ServerId(new_uuid());
        self.guest_in(&self.home.path().join(server.to_string()), server, code)
    }

    pub fn guest_in(&self, folder: &Path, server: ServerId, code: &[u8]) -> ReadyGuest {
        self.servers.lock().unwrap().push(server);
        std::fs::create_dir_all(folder).unwrap();
        let (base, disk) = (folder.join("base"), folder.join("disk"));
        let mut bytes = vec![0; 1 << 20];
        bytes[..code.len()].copy_from_slice(code);
        bytes[510..512].copy_from_slice(&[0x55, 0xaa]);
        std::fs::write(&base, bytes).unwrap();
        let made = Command::new("qemu-img")
            .args(["create", "-q", "-f", "qcow2", "-F", "raw", "-b"])
            .args([&base, &disk])
            .status()
            .unwrap();
        assert!(made.success());
        let definition = GuestDefinition {
            server,
            name: "instance-00000001".to_owned(),
            vcpus: 1,
            memory_mib: 32,
            disks: vec![DiskAttachment {
                serial: server.to_string(),
                source: BlockSource::File {
                    path: disk,
                    format: ImageFormat::Qcow2,
                    read_only: false,
                    backing: Some(Box::new(BlockSource::File {
                        path: base,
                        format: ImageFormat::Raw,
                        read_only: true,
                        backing: None,
                    })),
                },
                volume: None,
                boots: true,
                qos: BTreeMap::new(),
            }],
            nics: Vec::new(),
            config_drive: None,
        };
        ReadyGuest { definition, folder: folder.to_owned() }
    }
}

impl Drop for QemuFixture {
    fn drop(&mut self) {
        for server in self.servers.get_mut().unwrap() {
            for pid in processes_of(*server) {
                let _ = kill_process(pid, Signal::KILL);
            }
        }
    }
}

#[async_trait]
impl HypervisorFixture for QemuFixture {
    fn hypervisor(&self) -> Arc<dyn Hypervisor> {
        Arc::new(self.driver(self.settings()))
    }

    async fn guest(&self) -> ReadyGuest {
        self.guest_of(LETTING_GO)
    }

    async fn guest_that_cannot_start(&self) -> ReadyGuest {
        let ready = self.guest_of(TICKING);
        std::fs::write(ready.folder.join("disk"), "this is no qcow2").unwrap();
        ready
    }

    fn volume(&self) -> DiskAttachment {
        self.volume_of(ImageFormat::Qcow2)
    }

    fn has_volume(&self, guest: &ReadyGuest, disk: &DiskAttachment) -> bool {
        processes_of(guest.definition.server)
            .into_iter()
            .any(|pid| has_open(pid, disk.source.path().unwrap()))
    }

    async fn end(&self, _: &ReadyGuest, running: &dyn Guest) {
        kill(running.process_id().expect("it runs"));
    }

    fn processes(&self, server: ServerId) -> usize {
        processes_of(server).len()
    }

    fn has_leftovers(&self, folder: &Path) -> bool {
        let record = std::fs::read(folder.join("qemu.pid")).unwrap_or_default();
        folder.join("qmp.sock").exists() || !record.is_empty()
    }
}

/// Whether the process has the file open.
pub fn has_open(pid: Pid, file: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(format!("/proc/{}/fd", pid.as_raw_nonzero())) else {
        return false;
    };
    entries.flatten().any(|entry| std::fs::read_link(entry.path()).is_ok_and(|to| to == file))
}

/// Kills that very process.
pub fn kill(pid: u32) {
    kill_with(pid, Signal::KILL);
}

/// Sends that very process a signal.
pub fn kill_with(pid: u32, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
}

/// Waits for what nothing signals.
pub async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(60), "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Processes whose command line names the server.
pub fn processes_of(server: ServerId) -> Vec<Pid> {
    let name = server.to_string();
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap() {
        let path: PathBuf = entry.unwrap().path();
        let words = std::fs::read(path.join("cmdline")).unwrap_or_default();
        let pid = path.file_name().unwrap().to_str().unwrap().parse().ok();
        if let Some(pid) = pid.and_then(Pid::from_raw)
            && words.split(|byte| *byte == 0).any(|word| word == name.as_bytes())
        {
            found.push(pid);
        }
    }
    found
}

/// Unlike any other, also of a test that runs at the same time.
pub fn new_uuid() -> Uuid {
    let mut bytes = [0; 16];
    rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty()).unwrap();
    uuid::Builder::from_random_bytes(bytes).into_uuid()
}
