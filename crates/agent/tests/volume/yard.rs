//! A host's folder with a backend of files, and agents that live on it one after the other, each in a runtime of its own: when that is dropped,
//! nothing of it goes on.

use async_trait::async_trait;
use hatchery_agent::{Agent, Parts, Registry, Settings};
use hatchery_bus::InProcessBus;
use hatchery_model::compute::HostReport;
use hatchery_model::disk::BlockSource;
use hatchery_model::generation::Generation;
use hatchery_model::id::{HostName, MessageId, RequestId, SnapshotId, VolumeId};
use hatchery_model::image::ImageFormat;
use hatchery_model::message::{Address, Body, Command, Envelope, Event};
use hatchery_model::timestamp::Timestamp;
use hatchery_model::units::Bytes;
use hatchery_model::volume::{
    BackendReport, Manageable, ManageableSnapshot, NewVolume, VolumeContent, VolumeNews,
    VolumeOrder, VolumeSubject, VolumeWork,
};
use hatchery_ports::bus::{Bus, BusError, Handler, Subscription};
use hatchery_ports::volume_adoption::VolumeAdoption;
use hatchery_ports::volume_backend::{
    CopiedSnapshots, CreatedVolume, Held, Opened, VolumeBackend, VolumeBytes, VolumeError,
};
use hatchery_storage::{
    FileDiskBackend, FileImageStore, FileOwner, FileVolumeBackend, FileVolumeSettings,
    FolderBackupSettings, FolderBackupStore, StoreImageMaker,
};
use hatchery_testkit::{ManualClock, SeededEntropy};
use hatchery_virt::guest_data::{DriveOwner, IsoConfigDrive};
use hatchery_virt::net::SimNetworkDriver;
use hatchery_virt::sim::SimHypervisor;
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::{Notify, watch};
use uuid::Uuid;

/// So long anything may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(20);

pub fn volume(number: u128) -> VolumeId {
    VolumeId(Uuid::from_u128(0x3000 + number))
}

pub fn snapshot(number: u128) -> SnapshotId {
    SnapshotId(Uuid::from_u128(0x4000 + number))
}

/// An order about the volume itself.
pub fn order(generation: i64, work: VolumeWork) -> VolumeOrder {
    let subject = VolumeSubject::Volume(work.volume());
    VolumeOrder { backend: "file".into(), subject, generation: Generation(generation), work }
}

pub fn create(number: u128, content: VolumeContent) -> VolumeWork {
    let new =
        NewVolume { volume: volume(number), size: Bytes::from_mib(8), content, holds_image: false };
    VolumeWork::Create(Box::new(new))
}

/// See the head of this file.
pub struct Yard {
    pub dir: TempDir,
    messages: AtomicU64,
}

/// An agent at work.
pub struct Life {
    pub runtime: Runtime,
    pub gate: Arc<Gate>,
    bus: InProcessBus,
    pub ears: Arc<Ears>,
    _subscription: Subscription,
    _agent: Agent,
}

/// What the control plane has been told.
#[derive(Default)]
pub struct Ears {
    heard: Mutex<Vec<VolumeNews>>,
    report: Mutex<Option<HostReport>>,
    reports: AtomicU64,
    /// Whether it takes nothing over.
    pub is_deaf: AtomicBool,
    told: Notify,
}

#[async_trait]
impl Handler for Ears {
    async fn handle(&self, envelope: Envelope) -> Result<(), String> {
        match envelope.body {
            Body::Event(Event::HostReported(report)) => {
                *self.report.lock().unwrap() = Some(*report);
                self.reports.fetch_add(1, Ordering::SeqCst);
            }
            Body::Event(Event::VolumeAnswered(_)) if self.is_deaf.load(Ordering::SeqCst) => {
                return Err("deaf".into());
            }
            Body::Event(Event::VolumeAnswered(news)) => self.heard.lock().unwrap().push(*news),
            other => panic!("{other:?}"),
        }
        self.told.notify_waiters();
        Ok(())
    }
}

/// A backend of files whose calls wait while the gate is closed, and are counted.
pub struct Gate {
    inner: FileVolumeBackend,
    open: watch::Sender<bool>,
    calls: Mutex<Vec<&'static str>>,
    inside: Mutex<HashMap<VolumeId, u32>>,
    /// Whether two calls were about one volume at the same time.
    pub overlapped: AtomicBool,
    entered: Notify,
    sweeps: AtomicU64,
    swept: Notify,
}

impl Gate {
    pub fn set_open(&self, open: bool) {
        self.open.send_replace(open);
    }

    pub fn calls(&self) -> Vec<&'static str> {
        self.calls.lock().unwrap().clone()
    }

    async fn pass(&self, name: &'static str, volumes: Vec<VolumeId>) -> Passing<'_> {
        let passing = self.enter(name, volumes);
        self.open.subscribe().wait_for(|open| *open).await.unwrap();
        passing
    }

    fn enter(&self, name: &'static str, volumes: Vec<VolumeId>) -> Passing<'_> {
        self.calls.lock().unwrap().push(name);
        let mut inside = self.inside.lock().unwrap();
        for volume in &volumes {
            let count = inside.entry(*volume).or_default();
            *count += 1;
            if *count > 1 {
                self.overlapped.store(true, Ordering::SeqCst);
            }
        }
        self.entered.notify_waiters();
        Passing { gate: self, volumes }
    }
}

struct Passing<'a> {
    gate: &'a Gate,
    volumes: Vec<VolumeId>,
}

impl Drop for Passing<'_> {
    fn drop(&mut self) {
        let mut inside = self.gate.inside.lock().unwrap();
        for volume in &self.volumes {
            *inside.get_mut(volume).unwrap() -= 1;
        }
    }
}

#[async_trait]
impl VolumeAdoption for Gate {
    async fn manage(
        &self,
        volume: VolumeId,
        name: &str,
    ) -> Result<(BlockSource, Bytes), VolumeError> {
        self.inner.manage(volume, name).await
    }

    async fn unmanage(&self, volume: VolumeId) -> Result<(), VolumeError> {
        self.inner.unmanage(volume).await
    }

    async fn manageable(&self) -> Result<Vec<Manageable>, VolumeError> {
        self.inner.manageable().await
    }

    async fn manage_snapshot(
        &self,
        volume: VolumeId,
        snapshot: SnapshotId,
        name: &str,
    ) -> Result<Bytes, VolumeError> {
        self.inner.manage_snapshot(volume, snapshot, name).await
    }

    async fn unmanage_snapshot(
        &self,
        volume: VolumeId,
        snapshot: SnapshotId,
    ) -> Result<(), VolumeError> {
        self.inner.unmanage_snapshot(volume, snapshot).await
    }

    async fn manageable_snapshots(&self) -> Result<Vec<ManageableSnapshot>, VolumeError> {
        self.inner.manageable_snapshots().await
    }
}

#[async_trait]
impl CopiedSnapshots for Gate {
    async fn begin_copy(
        &self,
        volume: VolumeId,
        snapshot: SnapshotId,
    ) -> Result<Option<BlockSource>, VolumeError> {
        self.inner.begin_copy(volume, snapshot).await
    }

    async fn keep_copy(&self, volume: VolumeId, snapshot: SnapshotId) -> Result<(), VolumeError> {
        self.inner.keep_copy(volume, snapshot).await
    }
}

#[async_trait]
impl VolumeBackend for Gate {
    async fn report(&self) -> BackendReport {
        self.inner.report().await
    }

    async fn create(&self, new: &NewVolume) -> Result<CreatedVolume, VolumeError> {
        let mut volumes = vec![new.volume];
        if let VolumeContent::Volume(of) | VolumeContent::Snapshot(of, _) = &new.content {
            volumes.push(*of);
        }
        let _passing = self.pass("create", volumes).await;
        self.inner.create(new).await
    }

    async fn find(&self, volume: VolumeId) -> Result<Option<BlockSource>, VolumeError> {
        self.inner.find(volume).await
    }

    async fn remove(&self, volume: VolumeId) -> Result<(), VolumeError> {
        let _passing = self.pass("remove", vec![volume]).await;
        self.inner.remove(volume).await
    }

    async fn extend(&self, volume: VolumeId, size: Bytes) -> Result<(), VolumeError> {
        let _passing = self.pass("extend", vec![volume]).await;
        assert_ne!(size, Bytes(13), "a backend that panics");
        self.inner.extend(volume, size).await
    }

    async fn snapshot(
        &self,
        volume: VolumeId,
        snapshot: SnapshotId,
    ) -> Result<Option<BlockSource>, VolumeError> {
        let _passing = self.pass("snapshot", vec![volume]).await;
        self.inner.snapshot(volume, snapshot).await
    }

    async fn remove_snapshot(
        &self,
        volume: VolumeId,
        snapshot: SnapshotId,
    ) -> Result<(), VolumeError> {
        let _passing = self.pass("remove_snapshot", vec![volume]).await;
        self.inner.remove_snapshot(volume, snapshot).await
    }

    async fn revert(
        &self,
        volume: VolumeId,
        snapshot: SnapshotId,
    ) -> Result<Option<BlockSource>, VolumeError> {
        let _passing = self.pass("revert", vec![volume]).await;
        self.inner.revert(volume, snapshot).await
    }

    async fn open(&self, what: Opened) -> Result<Box<dyn VolumeBytes>, VolumeError> {
        self.inner.open(what).await
    }

    async fn list(&self) -> Result<Vec<Held>, VolumeError> {
        self.inner.list().await
    }

    async fn sweep(&self) -> Result<(), VolumeError> {
        self.sweeps.fetch_add(1, Ordering::SeqCst);
        self.swept.notify_waiters();
        self.inner.sweep().await
    }
}

impl Yard {
    pub fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), messages: AtomicU64::new(0) }
    }

    fn folder(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Where backups are kept.
    pub fn backups(&self) -> FolderBackupStore {
        let settings =
            FolderBackupSettings { folder: self.folder("backups"), block: Bytes(64 << 10) };
        FolderBackupStore::open(&settings).unwrap()
    }

    /// Where images are.
    pub fn images(&self) -> FileImageStore {
        FileImageStore::new(&self.folder("pool"), FileOwner::process()).unwrap()
    }

    /// Where the note of a volume's last order stands.
    pub fn note(&self, number: u128) -> PathBuf {
        self.folder("notes").join(format!("volume-{}.json", volume(number)))
    }

    /// An agent begins where the last one has left off.
    pub fn wake(&self) -> Life {
        self.wake_with(true)
    }

    /// The same, with a gate that may be closed.
    pub fn wake_with(&self, open: bool) -> Life {
        let runtime = Runtime::new().unwrap();
        let (ears, bus) = (Arc::new(Ears::default()), InProcessBus::new());
        let clock = Arc::new(ManualClock::default());
        let (pool, instances) = (self.folder("pool"), self.folder("instances"));
        let owner = FileOwner::process();
        let images = self.images();
        let inner = FileVolumeBackend::new(FileVolumeSettings {
            backend: "file".into(),
            pool: "files".into(),
            images: pool.clone(),
            folder: self.folder("volumes"),
            owner,
            format: ImageFormat::Qcow2,
        });
        let gate = Arc::new(Gate {
            inner: inner.unwrap(),
            open: watch::Sender::new(open),
            calls: Mutex::default(),
            inside: Mutex::default(),
            overlapped: AtomicBool::new(false),
            entered: Notify::new(),
            sweeps: AtomicU64::new(0),
            swept: Notify::new(),
        });
        let parts = Parts {
            bus: Arc::new(bus.clone()),
            hypervisor: Arc::new(SimHypervisor::new(SimHypervisor::host_of(8, 1 << 14, 100))),
            disks: Arc::new(FileDiskBackend::new(&pool, &instances, owner, false).unwrap()),
            volumes: BTreeMap::from([("file".to_owned(), gate.clone() as Arc<dyn VolumeBackend>)]),
            backups: Some(Arc::new(self.backups())),
            images: Some(Arc::new(StoreImageMaker::new(Arc::new(images), Bytes::from_gib(1)))),
            network: Arc::new(SimNetworkDriver::default()),
            config_drive: Arc::new(IsoConfigDrive::new(clock.clone(), DriveOwner::default())),
            clock,
            entropy: Arc::new(SeededEntropy::new(5)),
        };
        let settings = Settings {
            volume_notes: self.folder("notes"),
            max_concurrent_volume_orders: 4,
            ..Settings::new(HostName::from("host-a"), instances)
        };
        let (subscription, agent) = runtime.block_on(async {
            let heard = bus.subscribe(Address::Control, ears.clone()).await.unwrap();
            (heard, Agent::start(settings, parts, Registry::default()).await.unwrap())
        });
        Life { runtime, gate, bus, ears, _subscription: subscription, _agent: agent }
    }

    /// Sends an order, once.
    pub fn try_send(&self, life: &Life, order: VolumeOrder) -> Result<(), BusError> {
        let number = self.messages.fetch_add(1, Ordering::SeqCst);
        let envelope = Envelope {
            id: MessageId(Uuid::from_u128(u128::from(number))),
            request: RequestId(format!("req-{number}")),
            to: Address::Host(HostName::from("host-a")),
            created_at: Timestamp(0),
            body: Body::Command(Command::Volume(Box::new(order))),
        };
        life.runtime.block_on(life.bus.send(envelope))
    }

    pub fn send(&self, life: &Life, order: VolumeOrder) {
        self.try_send(life, order).unwrap();
    }
}

impl Life {
    /// Waits for so many answers, and gives all that came.
    pub fn answers(&self, count: usize) -> Vec<VolumeNews> {
        self.until(&format!("{count} answers"), &self.ears.told, || {
            let heard = self.heard();
            (heard.len() >= count).then_some(heard)
        })
    }

    /// Waits for an answer about this volume, and gives all that came until then.
    pub fn answers_until(&self, number: u128) -> Vec<VolumeNews> {
        let wanted = VolumeSubject::Volume(volume(number));
        self.until(&format!("an answer about {wanted:?}"), &self.ears.told, || {
            let heard = self.heard();
            heard.iter().any(|news| news.subject == wanted).then_some(heard)
        })
    }

    pub fn heard(&self) -> Vec<VolumeNews> {
        self.ears.heard.lock().unwrap().clone()
    }

    /// Waits until so many calls have come to the backend.
    pub fn reaches(&self, count: usize) {
        self.until(&format!("{count} calls"), &self.gate.entered, || {
            (self.gate.calls().len() >= count).then_some(())
        });
    }

    /// Waits for a report that fits.
    pub fn reports(&self, what: &str, fits: impl Fn(&HostReport) -> bool) -> HostReport {
        self.until(what, &self.ears.told, || {
            self.ears.report.lock().unwrap().clone().filter(|report| fits(report))
        })
    }

    /// Waits for a sweep of the backend; gives how many there were.
    pub fn sweeps(&self) -> u64 {
        self.until("a sweep", &self.gate.swept, || {
            Some(self.gate.sweeps.load(Ordering::SeqCst)).filter(|sweeps| *sweeps > 0)
        })
    }

    pub fn reports_heard(&self) -> u64 {
        self.ears.reports.load(Ordering::SeqCst)
    }

    /// Waits for a further report; gives the time that it took.
    pub fn reports_more_than(&self, count: u64) -> Duration {
        let began = std::time::Instant::now();
        self.until("a further report", &self.ears.told, || {
            (self.reports_heard() > count).then_some(())
        });
        began.elapsed()
    }

    /// What the backend holds.
    pub fn held(&self) -> Vec<Held> {
        self.runtime.block_on(self.gate.list()).unwrap()
    }

    fn until<T>(&self, what: &str, told: &Notify, look: impl Fn() -> Option<T>) -> T {
        self.runtime.block_on(async {
            let waited = tokio::time::timeout(PATIENCE, async {
                loop {
                    let told = told.notified();
                    tokio::pin!(told);
                    told.as_mut().enable();
                    match look() {
                        Some(found) => return found,
                        None => told.await,
                    }
                }
            });
            waited.await.unwrap_or_else(|_| panic!("not in time: {what}; {:?}", self.heard()))
        })
    }
}
