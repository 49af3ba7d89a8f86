//! The contract, and the faults that only this one has.

use super::{MARKER, SimHypervisor, Step};
use async_trait::async_trait;
use hatchery_model::compute::{DiskAttachment, GuestDefinition};
use hatchery_model::disk::BlockSource;
use hatchery_model::id::{ServerId, VolumeId};
use hatchery_model::image::ImageFormat;
use hatchery_ports::contract::hypervisor::{HypervisorFixture, ReadyGuest};
use hatchery_ports::hypervisor::{Guest, Hypervisor, HypervisorError, Tap};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tempfile::TempDir;
use uuid::Uuid;

struct SimFixture {
    home: TempDir,
    count: AtomicU64,
}

impl SimFixture {
    fn new() -> Self {
        Self { home: TempDir::new().unwrap(), count: AtomicU64::new(0) }
    }

    fn ready(&self, kind: &str) -> ReadyGuest {
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        let folder = self.home.path().join(format!("{kind}{number}"));
        if kind == "guest" {
            std::fs::create_dir(&folder).unwrap();
        }
        ReadyGuest {
            definition: GuestDefinition {
                server: ServerId(Uuid::from_u128(number.into())),
                name: "instance".to_owned(),
                vcpus: 1,
                memory_mib: 1,
                disks: Vec::new(),
                nics: Vec::new(),
                config_drive: None,
            },
            folder,
        }
    }
}

#[async_trait]
impl HypervisorFixture for SimFixture {
    fn hypervisor(&self) -> Arc<dyn Hypervisor> {
        Arc::new(sim())
    }

    async fn guest(&self) -> ReadyGuest {
        self.ready("guest")
    }

    /// Its folder is missing.
    async fn guest_that_cannot_start(&self) -> ReadyGuest {
        self.ready("missing")
    }

    fn volume(&self) -> DiskAttachment {
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        let path = self.home.path().join(format!("volume{number}"));
        std::fs::write(&path, vec![0; 1 << 20]).unwrap();
        DiskAttachment {
            serial: number.to_string(),
            source: BlockSource::File {
                path,
                format: ImageFormat::Raw,
                read_only: false,
                backing: None,
            },
            volume: Some(VolumeId(Uuid::from_u128(number.into()))),
            boots: false,
            qos: BTreeMap::new(),
        }
    }

    fn has_volume(&self, guest: &ReadyGuest, disk: &DiskAttachment) -> bool {
        let text = std::fs::read_to_string(guest.folder.join(MARKER)).unwrap_or_default();
        text.lines().skip(1).any(|line| line == disk.volume.unwrap().to_string())
    }

    async fn end(&self, ready: &ReadyGuest, running: &dyn Guest) {
        // There is no process to kill, so the guest's own handle stands in for the fault.
        running.stop(Duration::ZERO).await.unwrap();
        assert!(!self.has_leftovers(&ready.folder));
    }

    fn processes(&self, _: ServerId) -> usize {
        0
    }

    fn has_leftovers(&self, folder: &Path) -> bool {
        folder.join(MARKER).exists()
    }
}

fn sim() -> SimHypervisor {
    SimHypervisor::new(SimHypervisor::host_of(10_000, 1 << 30, 1 << 20))
}

hatchery_ports::hypervisor_contract!(SimFixture::new());

#[tokio::test]
async fn faults_come_as_often_as_asked_and_leave_nothing() {
    let (fixture, plug) = (SimFixture::new(), sim());
    let ready = fixture.ready("guest");
    for step in [Step::Start, Step::StartLate] {
        plug.fail(step, 2, "no luck");
        for _ in 0..2 {
            let error = plug.start(&ready.definition, &ready.folder, Vec::new()).await.err();
            assert!(matches!(error, Some(HypervisorError::Failed(text)) if text == "no luck"));
            assert!(!fixture.has_leftovers(&ready.folder));
        }
    }
    let guest = plug.start(&ready.definition, &ready.folder, Vec::new()).await.unwrap();
    plug.fail(Step::PowerState, 1, "deaf");
    assert!(guest.power_state().await.is_err());
    assert!(guest.power_state().await.is_ok());
    plug.fail(Step::Stop, 1, "stuck");
    assert!(guest.stop(Duration::ZERO).await.is_err());
    assert!(fixture.has_leftovers(&ready.folder));
    guest.stop(Duration::ZERO).await.unwrap();
    plug.fail(Step::Resources, 1, "blind");
    assert!(plug.resources().await.is_err());
    plug.fail(Step::Adopt, 1, "lost");
    assert!(plug.adopt(ready.definition.server, &ready.folder).await.is_err());
    assert_eq!(plug.running(), 0);
}

#[tokio::test]
async fn a_guest_that_ends_by_itself_says_why() {
    let (fixture, plug) = (SimFixture::new(), sim());
    let ready = fixture.ready("guest");
    let guest = plug.start(&ready.definition, &ready.folder, Vec::new()).await.unwrap();
    assert!(plug.end(&ready.folder, "the guest powered off").unwrap());
    assert_eq!(guest.ended().await, "the guest powered off");
    assert!(!plug.end(&ready.folder, "again").unwrap());
    assert!(!fixture.has_leftovers(&ready.folder));
}

#[tokio::test]
async fn a_running_guest_is_not_started_twice_and_anothers_is_not_adopted() {
    let (fixture, plug) = (SimFixture::new(), sim());
    let ready = fixture.ready("guest");
    plug.start(&ready.definition, &ready.folder, Vec::new()).await.unwrap();
    let twice = plug.start(&ready.definition, &ready.folder, Vec::new()).await;
    assert!(matches!(twice.err(), Some(HypervisorError::Failed(_))));
    let other = ServerId(Uuid::from_u128(999));
    assert!(plug.adopt(other, &ready.folder).await.unwrap().is_none());
}

#[tokio::test]
async fn a_tap_lives_as_long_as_its_guest() {
    let (fixture, plug) = (SimFixture::new(), sim());
    let mut ready = fixture.ready("guest");
    let mac = hatchery_model::network::MacAddress::generated([0, 0, 1]);
    ready.definition.nics = vec![("tap0".to_owned(), mac, 1500)];
    let without = plug.start(&ready.definition, &ready.folder, Vec::new()).await;
    assert!(matches!(without.err(), Some(HypervisorError::Invalid(_))));
    let (near, far) = std::os::unix::net::UnixStream::pair().unwrap();
    far.set_nonblocking(true).unwrap();
    let tap = Tap { name: "tap0".to_owned(), device: Some(near.into()) };
    let guest = plug.start(&ready.definition, &ready.folder, vec![tap]).await.unwrap();
    let closed = || std::io::Read::read(&mut &far, &mut [0; 1]).is_ok_and(|n| n == 0);
    assert!(!closed());
    guest.stop(Duration::ZERO).await.unwrap();
    assert!(closed());
}
