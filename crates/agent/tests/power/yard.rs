//! A host's folder, and agents that live on it one after the other, each in a runtime of its own: when that is dropped, nothing of it goes on.

use async_trait::async_trait;
use bytes::Bytes as Chunk;
use hatchery_agent::{Agent, Parts, Registry, Settings};
use hatchery_bus::InProcessBus;
use hatchery_model::compute::{
    GuestMetadata, GuestNic, GuestPhase, GuestSpec, HostReport, RootDisk,
};
use hatchery_model::disk::BlockSource;
use hatchery_model::generation::Generation;
use hatchery_model::id::{
    DiskId, HostName, ImageId, MessageId, NetworkId, PortId, ProjectId, RequestId, ServerId,
};
use hatchery_model::image::{DiskFormat, ImageFormat};
use hatchery_model::message::{Address, Body, Command, Envelope, Event};
use hatchery_model::network::{MacAddress, NetworkSpec};
use hatchery_model::provision::{ImageFacts, TargetFacts, plan};
use hatchery_model::timestamp::Timestamp;
use hatchery_model::units::Bytes;
use hatchery_ports::bus::{Bus, BusError, Handler, Subscription};
use hatchery_ports::disk_backend::{CreatedDisk, DiskBackend, DiskError};
use hatchery_ports::image_store::ImageStore;
use hatchery_ports::volume_backend::{VolumeBackend, VolumeBytes};
use hatchery_storage::{
    FileDiskBackend, FileImageStore, FileOwner, FileVolumeBackend, FileVolumeSettings,
};
use hatchery_testkit::{ManualClock, SeededEntropy};
use hatchery_virt::guest_data::{DriveOwner, IsoConfigDrive};
use hatchery_virt::net::SimNetworkDriver;
use hatchery_virt::sim::SimHypervisor;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::Notify;
use uuid::Uuid;

/// So long anything may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(20);

pub const SERVER: ServerId = ServerId(Uuid::from_u128(7));
pub const IMAGE: ImageId = ImageId(Uuid::from_u128(1));

/// See the head of this file.
pub struct Yard {
    dir: TempDir,
    messages: AtomicU64,
}

/// An agent at work.
pub struct Life {
    pub runtime: Runtime,
    pub hypervisor: Arc<SimHypervisor>,
    pub volumes: FileVolumeBackend,
    /// Whether the base under every disk is lost.
    pub lost: Arc<AtomicBool>,
    bus: InProcessBus,
    ears: Arc<Ears>,
    _subscription: Subscription,
    _agent: Agent,
}

/// What the control plane has been told.
#[derive(Default)]
struct Ears {
    heard: Mutex<Vec<Event>>,
    report: Mutex<Option<HostReport>>,
    told: Notify,
}

#[async_trait]
impl Handler for Ears {
    async fn handle(&self, envelope: Envelope) -> Result<(), String> {
        match envelope.body {
            Body::Event(Event::HostReported(report)) => {
                *self.report.lock().unwrap() = Some(*report);
            }
            Body::Event(event) => self.heard.lock().unwrap().push(event),
            Body::Command(command) => panic!("{command:?}"),
        }
        self.told.notify_waiters();
        Ok(())
    }
}

/// Disks whose bases can be lost: then a disk is there and cannot be used.
struct Losing {
    inner: FileDiskBackend,
    lost: Arc<AtomicBool>,
}

#[async_trait]
impl DiskBackend for Losing {
    async fn abilities(&self) -> Result<TargetFacts, DiskError> {
        self.inner.abilities().await
    }

    async fn create(&self, root: &RootDisk) -> Result<CreatedDisk, DiskError> {
        self.inner.create(root).await
    }

    async fn find(&self, disk: &DiskId) -> Result<Option<BlockSource>, DiskError> {
        match self.lost.load(Ordering::SeqCst) {
            true => Err(DiskError::NotFound("the base of the disk is gone".into())),
            false => self.inner.find(disk).await,
        }
    }

    async fn remove(&self, disk: &DiskId) -> Result<(), DiskError> {
        self.inner.remove(disk).await
    }

    async fn seed_base(&self, image: ImageId) -> Result<(), DiskError> {
        self.inner.seed_base(image).await
    }

    async fn release_base(&self, image: ImageId, in_use: &[ImageId]) -> Result<bool, DiskError> {
        self.inner.release_base(image, in_use).await
    }

    async fn begin_copy(
        &self,
        disk: &DiskId,
        runs: bool,
    ) -> Result<Option<BlockSource>, DiskError> {
        self.inner.begin_copy(disk, runs).await
    }

    async fn open_copy(&self, disk: &DiskId) -> Result<Box<dyn VolumeBytes>, DiskError> {
        self.inner.open_copy(disk).await
    }

    async fn drop_copy(&self, disk: &DiskId) -> Result<(), DiskError> {
        self.inner.drop_copy(disk).await
    }

    async fn list_bases(&self) -> Result<Vec<ImageId>, DiskError> {
        self.inner.list_bases().await
    }
}

impl Yard {
    pub fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), messages: AtomicU64::new(0) }
    }

    /// The guest's folder.
    pub fn folder(&self) -> PathBuf {
        self.dir.path().join("instances").join(SERVER.to_string())
    }

    /// The journal's entry, as it stands on the disk.
    pub fn entry(&self) -> serde_json::Value {
        serde_json::from_slice(&std::fs::read(self.folder().join("guest.json")).unwrap()).unwrap()
    }

    /// Whether a process of the guest is there.
    pub fn has_process(&self) -> bool {
        self.folder().join("sim.guest").exists()
    }

    /// An agent begins where the last one has left off.
    pub fn wake(&self) -> Life {
        let runtime = Runtime::new().unwrap();
        let lost = Arc::new(AtomicBool::new(false));
        let host = SimHypervisor::host_of(8, 1 << 14, 100);
        let hypervisor = Arc::new(SimHypervisor::new(host));
        let (ears, bus) = (Arc::new(Ears::default()), InProcessBus::new());
        let clock = Arc::new(ManualClock::default());
        let registry = Registry::default();
        let instances = self.dir.path().join("instances");
        let inner = FileDiskBackend::new(
            &self.dir.path().join("pool"),
            &instances,
            FileOwner::process(),
            false,
        );
        let pool = self.dir.path().join("pool");
        FileImageStore::new(&pool, FileOwner::process()).unwrap();
        let volumes = FileVolumeBackend::new(FileVolumeSettings {
            backend: "file".into(),
            pool: "file".into(),
            images: pool,
            folder: self.dir.path().join("volumes"),
            owner: FileOwner::process(),
            format: ImageFormat::Qcow2,
        })
        .unwrap();
        let parts = Parts {
            bus: Arc::new(bus.clone()),
            hypervisor: hypervisor.clone(),
            disks: Arc::new(Losing { inner: inner.unwrap(), lost: lost.clone() }),
            volumes: [("file".to_owned(), Arc::new(volumes.clone()) as Arc<dyn VolumeBackend>)]
                .into(),
            backups: None,
            images: None,
            network: Arc::new(SimNetworkDriver::default()),
            config_drive: Arc::new(IsoConfigDrive::new(clock.clone(), DriveOwner::default())),
            clock,
            entropy: Arc::new(SeededEntropy::new(5)),
        };
        let (subscription, agent) = runtime.block_on(async {
            let heard = bus.subscribe(Address::Control, ears.clone()).await.unwrap();
            let settings = Settings::new(HostName::from("host-a"), instances);
            (heard, Agent::start(settings, parts, registry).await.unwrap())
        });
        Life {
            runtime,
            hypervisor,
            volumes,
            lost,
            bus,
            ears,
            _subscription: subscription,
            _agent: agent,
        }
    }

    /// A guest of the image, with an interface and a config drive.
    pub fn spec(&self, life: &Life) -> GuestSpec {
        let (pool, instances) = (self.dir.path().join("pool"), self.dir.path().join("instances"));
        let owner = FileOwner::process();
        let root = life.runtime.block_on(async {
            let store = FileImageStore::new(&pool, owner).unwrap();
            let mut writer =
                store.begin(IMAGE, "up", DiskFormat::Raw, Bytes::from_gib(1)).await.unwrap();
            writer.write(Chunk::from(vec![1; 1 << 20])).await.unwrap();
            let content = writer.finish().await.unwrap();
            store.publish(IMAGE, "up").await.unwrap();
            let disks = FileDiskBackend::new(&pool, &instances, owner, false).unwrap();
            let facts = ImageFacts {
                format: content.base_format(),
                size: content.base_size(),
                virtual_size: content.inspection.virtual_bytes,
                location: None,
            };
            let target = disks.abilities().await.unwrap();
            let size = Bytes::from_gib(1);
            RootDisk {
                disk: DiskId::root_of(SERVER),
                image: IMAGE,
                image_sha512: content.sha512.clone(),
                raw: content.raw.clone(),
                inspector_version: Some(content.inspection.inspector_version),
                size,
                plan: plan(&facts, &target, None, size).unwrap(),
            }
        });
        let network = NetworkSpec {
            id: NetworkId(Uuid::from_u128(3)),
            mtu: 1500,
            host_access: true,
            subnets: Vec::new(),
        };
        GuestSpec {
            server: SERVER,
            generation: Generation(1),
            name: "instance-00000007".into(),
            vcpus: 1,
            memory_mib: 64,
            root: Some(root),
            volumes: Vec::new(),
            nics: vec![GuestNic {
                port: PortId(Uuid::from_u128(4)),
                network,
                mac: MacAddress::generated([0, 0, 1]),
                addresses: Vec::new(),
                port_security: true,
            }],
            metadata: GuestMetadata {
                name: "web".into(),
                hostname: "web".into(),
                project: ProjectId::from("p"),
                availability_zone: "nova".into(),
                launch_index: 0,
                keys: Vec::new(),
                meta: Default::default(),
                user_data: None,
                random_seed: String::new(),
            },
            config_drive: true,
        }
    }

    /// Sends an order, once.
    pub fn try_order(&self, life: &Life, command: Command) -> Result<(), BusError> {
        let number = self.messages.fetch_add(1, Ordering::SeqCst);
        let envelope = Envelope {
            id: MessageId(Uuid::from_u128(u128::from(number))),
            request: RequestId(format!("req-{number}")),
            to: Address::Host(HostName::from("host-a")),
            created_at: Timestamp(0),
            body: Body::Command(command),
        };
        life.runtime.block_on(life.bus.send(envelope))
    }

    pub fn order(&self, life: &Life, command: Command) {
        self.try_order(life, command).unwrap();
    }

    /// An agent with a guest that runs.
    pub fn with_guest(&self) -> Life {
        let life = self.wake();
        let spec = self.spec(&life);
        self.order(&life, Command::BuildGuest(Box::new(spec)));
        let started = life.hears("the guest's start", |event| {
            matches!(event, Event::GuestStarted { .. } | Event::GuestFailed { .. })
        });
        assert!(matches!(started, Event::GuestStarted { .. }), "{started:?}");
        life
    }
}

impl Life {
    /// Waits until an event has come that fits.
    pub fn hears(&self, what: &str, fits: impl Fn(&Event) -> bool) -> Event {
        self.until(what, || self.heard().into_iter().find(|event| fits(event)))
    }

    /// Waits until an event has come so often.
    pub fn hears_times(&self, wanted: &Event, times: usize) {
        self.until(&format!("{times} times {wanted:?}"), || {
            let heard = self.heard().iter().filter(|event| *event == wanted).count();
            (heard >= times).then_some(())
        });
    }

    /// Everything that was told, reports left out.
    pub fn heard(&self) -> Vec<Event> {
        self.ears.heard.lock().unwrap().clone()
    }

    /// Waits until the host's report has the guest in this phase; `None`: has no guest.
    pub fn reports(&self, wanted: Option<(i64, GuestPhase)>) {
        self.until(&format!("a report of {wanted:?}"), || {
            let report = self.ears.report.lock().unwrap();
            let guests = &report.as_ref()?.guests;
            let mut found =
                guests.iter().map(|(_, generation, phase)| (generation.0, phase.clone()));
            (found.next() == wanted).then_some(())
        });
    }

    fn until<T>(&self, what: &str, look: impl Fn() -> Option<T>) -> T {
        self.runtime.block_on(async {
            let waited = tokio::time::timeout(PATIENCE, async {
                loop {
                    let told = self.ears.told.notified();
                    tokio::pin!(told);
                    told.as_mut().enable();
                    match look() {
                        Some(found) => return found,
                        None => told.await,
                    }
                }
            });
            waited.await.unwrap_or_else(|_| panic!("not told in time: {what}; {:?}", self.heard()))
        })
    }
}
