//! A control plane on a database of its own, moved step by step by the test.

#![allow(dead_code, unused_imports, reason = "each test binary uses what it needs")]

mod fake_host;
mod fake_volumes;
mod flaky_store;
mod rows;

pub use fake_host::FakeHost;
pub use fake_volumes::{FakeVolumes, backend};
pub use flaky_store::{Faults, FlakyStore};
pub use rows::{caller, flavor, image, new_server};

use hatchery_control::Error;
use hatchery_control::compute::{
    ComputeSettings, CreateServer, DeleteServer, HealBook, HostVerbs, NewServer, PowerVerbs,
    ServerVolumeVerbs, ShowServer,
};
use hatchery_control::intake::Intake;
use hatchery_control::reconcile::VolumeOrders;
use hatchery_control::volume::{
    BackupVerbs, GroupTypeVerbs, GroupVerbs, VolumeDetail, VolumePorts, VolumeRequest,
    VolumeSettings, VolumeVerbs, ensure_default_type,
};
use hatchery_control::workflow::{BuildServer, Outgoing, Step, TaskRunner, TearDownServer, Wake};
use hatchery_db::Database;
use hatchery_model::caller::Caller;
use hatchery_model::compute::{Action, Server};
use hatchery_model::id::{FlavorId, ImageId, NetworkId, ServerId, SnapshotId, VolumeId};
use hatchery_model::message::Envelope;
use hatchery_model::page::Page;
use hatchery_model::task::Task;
use hatchery_model::timestamp::Timestamp;
use hatchery_model::volume::{Snapshot, Volume, VolumeMessage};
use hatchery_ports::bus::Handler;
use hatchery_ports::clock::Clock;
use hatchery_ports::entropy::Entropy;
use hatchery_ports::store::{PortFilter, Store};
use hatchery_testkit::{ManualClock, SeededEntropy};
use std::sync::Arc;
use tempfile::TempDir;

/// See the head of this file.
pub struct Lab {
    pub _dir: TempDir,
    pub db: Arc<Database>,
    /// What the code under test uses: fails when told to.
    pub store: Arc<dyn Store>,
    pub faults: Arc<Faults>,
    pub clock: Arc<ManualClock>,
    pub entropy: Arc<dyn Entropy>,
    pub settings: Arc<ComputeSettings>,
    pub tasks: Wake,
    pub outbox: Wake,
    pub outgoing: Outgoing,
    pub runner: Arc<TaskRunner>,
    pub intake: Arc<Intake>,
    pub hosts: Vec<Arc<FakeHost>>,
    pub image: ImageId,
    pub flavor: FlavorId,
    pub network: NetworkId,
}

struct NoImages;

#[async_trait::async_trait]
impl Step for NoImages {
    async fn run(&self, _: &Task) -> Result<(), Error> {
        Ok(())
    }
}

impl Lab {
    /// With one host that has room for a few servers.
    pub async fn new() -> Self {
        Self::with_hosts(vec![FakeHost::new("host-a", 11, 8, 16_384, 100)]).await
    }

    /// With these hosts, all heard.
    pub async fn with_hosts(hosts: Vec<FakeHost>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", dir.path().join("db").display());
        let db = Arc::new(Database::open(&url).await.unwrap());
        let faults = Arc::new(Faults::default());
        let inner: Arc<dyn Store> = db.clone();
        let store: Arc<dyn Store> = Arc::new(FlakyStore { inner, faults: faults.clone() });
        let clock = Arc::new(ManualClock::default());
        let entropy: Arc<dyn Entropy> = Arc::new(SeededEntropy::new(7));
        let settings = Arc::new(ComputeSettings::default());
        let (tasks, outbox) = (Wake::default(), Wake::default());
        let outgoing = Outgoing::new(outbox.clone());
        let runner = Arc::new(TaskRunner {
            store: store.clone(),
            clock: clock.clone(),
            wake: tasks.clone(),
            build_server: Arc::new(BuildServer {
                store: store.clone(),
                clock: clock.clone(),
                entropy: entropy.clone(),
                settings: settings.clone(),
                outgoing: outgoing.clone(),
            }),
            delete_server: Arc::new(TearDownServer {
                store: store.clone(),
                clock: clock.clone(),
                entropy: entropy.clone(),
                settings: settings.clone(),
                outgoing: outgoing.clone(),
            }),
            delete_image: Arc::new(NoImages),
            seal_image: Arc::new(NoImages),
        });
        let intake = Arc::new(Intake::new(
            store.clone(),
            clock.clone(),
            entropy.clone(),
            settings.clone(),
            tasks.clone(),
            outgoing.clone(),
            HealBook::new(clock.now()),
        ));
        let (image, flavor, network) = rows::insert(&*db, clock.now()).await;
        let lab = Self {
            _dir: dir,
            db,
            store,
            faults,
            clock,
            entropy,
            settings,
            tasks,
            outbox,
            outgoing,
            runner,
            intake,
            hosts: hosts.into_iter().map(Arc::new).collect(),
            image,
            flavor,
            network,
        };
        lab.report_all().await;
        lab
    }

    /// The same after a restart of the control plane: all that it has in memory is gone.
    pub fn restarted(self) -> Self {
        let intake = Arc::new(Intake::new(
            self.store.clone(),
            self.clock.clone(),
            self.entropy.clone(),
            self.settings.clone(),
            self.tasks.clone(),
            self.outgoing.clone(),
            HealBook::new(self.clock.now()),
        ));
        Self { intake, ..self }
    }

    /// The same where requests leave the search of a host to the task runner.
    pub fn placing_later(self) -> Self {
        let settings = ComputeSettings { place_at_once: false, ..self.settings.as_ref().clone() };
        Self { settings: Arc::new(settings), ..self }
    }

    pub fn create_verb(&self) -> CreateServer {
        CreateServer {
            store: self.store.clone(),
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
            wake: self.tasks.clone(),
            outgoing: self.outgoing.clone(),
            settings: self.settings.clone(),
            volume_settings: Arc::default(),
        }
    }

    pub fn delete_verb(&self) -> DeleteServer {
        DeleteServer {
            store: self.store.clone(),
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
            wake: self.tasks.clone(),
        }
    }

    pub fn power_verbs(&self) -> PowerVerbs {
        PowerVerbs {
            store: self.store.clone(),
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
            outgoing: self.outgoing.clone(),
            settings: self.settings.clone(),
        }
    }

    pub fn show_verb(&self) -> ShowServer {
        ShowServer { store: self.store.clone(), hosts: self.host_verbs() }
    }

    pub fn host_verbs(&self) -> HostVerbs {
        HostVerbs {
            store: self.store.clone(),
            clock: self.clock.clone(),
            settings: self.settings.clone(),
        }
    }

    /// The verbs of volumes.
    pub fn volume_verbs(&self) -> VolumeVerbs {
        VolumeVerbs::new(self.volume_ports())
    }

    /// The verbs of backups.
    pub fn group_verbs(&self) -> GroupVerbs {
        GroupVerbs::new(self.volume_ports())
    }

    pub fn group_type_verbs(&self) -> GroupTypeVerbs {
        GroupTypeVerbs {
            store: self.store.clone(),
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
        }
    }

    pub fn backup_verbs(&self) -> BackupVerbs {
        BackupVerbs::new(self.volume_ports())
    }

    fn volume_ports(&self) -> VolumePorts {
        VolumePorts {
            store: self.store.clone(),
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
            outgoing: self.outgoing.clone(),
            settings: Arc::new(VolumeSettings::default()),
        }
    }

    /// The verbs of servers' volumes.
    pub fn plug_verbs(&self) -> ServerVolumeVerbs {
        ServerVolumeVerbs {
            store: self.store.clone(),
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
            outgoing: self.outgoing.clone(),
            settings: self.settings.clone(),
        }
    }

    /// Whoever chases orders about volumes.
    pub fn volume_orders(&self) -> VolumeOrders {
        VolumeOrders {
            store: self.store.clone(),
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
            outgoing: self.outgoing.clone(),
            settings: Arc::default(),
        }
    }

    /// The same with a first volume type, and a volume backend on every host, which all have been heard.
    pub async fn with_volumes(self) -> Self {
        ensure_default_type(&*self.db, &*self.entropy, self.clock.now()).await.unwrap();
        for host in &self.hosts {
            host.volumes.serve("file");
        }
        self.report_all().await;
        self
    }

    /// A volume that is there.
    pub async fn make_volume(&self, request: VolumeRequest) -> VolumeId {
        let made = self.volume_verbs().create_volume(&caller("req-volume"), request).await;
        let id = made.unwrap().volume.id;
        self.settle().await;
        assert_eq!(self.volume(id).await.state.status(), "available");
        id
    }

    pub async fn find_volume(&self, id: VolumeId) -> Option<Volume> {
        let mut uow = self.db.read().await.unwrap();
        uow.volumes().find(id).await.unwrap()
    }

    pub async fn volume(&self, id: VolumeId) -> Volume {
        self.find_volume(id).await.unwrap()
    }

    pub async fn find_snapshot(&self, id: SnapshotId) -> Option<Snapshot> {
        let mut uow = self.db.read().await.unwrap();
        uow.snapshots().find(id).await.unwrap()
    }

    /// What users have been told, newest first.
    pub async fn messages(&self) -> Vec<VolumeMessage> {
        let mut uow = self.db.read().await.unwrap();
        uow.volume_messages().list(None).await.unwrap()
    }

    pub fn wanted(&self) -> NewServer {
        new_server(self.image, &self.flavor)
    }

    /// Creates what is wanted, as the usual member.
    pub async fn create(&self, caller: &Caller, new: NewServer) -> Result<Vec<Server>, Error> {
        self.create_verb().run(caller, new).await
    }

    /// Creates one usual server and returns its id.
    pub async fn create_one(&self) -> ServerId {
        let servers = self.create(&caller("req-create"), self.wanted()).await;
        servers.unwrap()[0].id
    }

    pub async fn delete(&self, id: ServerId) -> Result<(), Error> {
        self.delete_verb().run(&caller("req-delete"), id).await
    }

    /// Runs every step that is due.
    pub async fn run_tasks(&self) {
        while self.runner.run_due().await.unwrap() > 0 {}
    }

    /// What is in the outbox.
    pub async fn outbox(&self) -> Vec<Envelope> {
        let mut uow = self.db.read().await.unwrap();
        let rows = uow.outbox().list(0, 10_000).await.unwrap();
        rows.into_iter().map(|(_, envelope)| envelope).collect()
    }

    /// Hands every order over to its host and forgets it.
    pub async fn deliver(&self) {
        for envelope in self.outbox().await {
            self.hand_over(&envelope).await;
            let mut uow = self.db.begin().await.unwrap();
            uow.outbox().delete(&[envelope.id]).await.unwrap();
            uow.commit().await.unwrap();
        }
    }

    /// Hands one order over and keeps it in the outbox.
    pub async fn hand_over(&self, envelope: &Envelope) {
        let host = self
            .hosts
            .iter()
            .find(|host| envelope.to == hatchery_model::message::Address::Host(host.name.clone()));
        host.unwrap().handle(envelope.clone()).await.unwrap();
    }

    /// All news that hosts have, taken from them.
    pub fn take_news(&self) -> Vec<Envelope> {
        let all = self.hosts.iter();
        all.flat_map(|host| host.news.lock().unwrap().drain(..).collect::<Vec<_>>()).collect()
    }

    /// Lets the control plane hear all news.
    pub async fn hear(&self) {
        for envelope in self.take_news() {
            self.intake.handle(envelope).await.unwrap();
        }
    }

    /// Every host reports.
    pub async fn report_all(&self) {
        for host in &self.hosts {
            self.intake.handle(host.report()).await.unwrap();
        }
    }

    /// Everything that can happen without time passing happens.
    pub async fn settle(&self) {
        loop {
            let before = self.db.figures().commits;
            self.run_tasks().await;
            self.deliver().await;
            self.hear().await;
            if self.db.figures().commits == before {
                return;
            }
        }
    }

    /// Lets so many seconds pass, with the hosts that are `heard` reporting afterwards.
    pub async fn pass(&self, seconds: i64, heard: &[&str]) {
        self.clock.advance_micros(seconds * 1_000_000);
        for host in &self.hosts {
            if heard.contains(&host.name.as_str()) {
                // A report that nobody takes is followed by the next.
                if self.intake.handle(host.report()).await.is_err() {
                    self.intake.handle(host.report()).await.unwrap();
                }
            }
        }
    }

    pub async fn server(&self, id: ServerId) -> Server {
        let mut uow = self.db.read().await.unwrap();
        uow.servers().find(id).await.unwrap().unwrap()
    }

    pub async fn actions(&self, id: ServerId) -> Vec<Action> {
        let mut uow = self.db.read().await.unwrap();
        uow.actions().list(id, &Page::default()).await.unwrap()
    }

    pub async fn tasks(&self) -> Vec<Task> {
        let mut uow = self.db.read().await.unwrap();
        uow.tasks().list_due(Timestamp(i64::MAX), 10_000).await.unwrap()
    }

    /// Panics unless nothing is left of any server: no task, order, claim, lease, port, address or guest.
    pub async fn assert_nothing_left(&self) {
        assert_eq!(self.tasks().await, [], "tasks");
        assert_eq!(self.outbox().await, [], "outbox");
        let mut uow = self.db.read().await.unwrap();
        assert_eq!(uow.claims().list(None).await.unwrap(), [], "claims");
        assert_eq!(uow.leases().list(None).await.unwrap(), [], "leases");
        for host in uow.hosts().list().await.unwrap() {
            assert_eq!(host.claimed, Default::default(), "claims of {}", host.name);
        }
        let ports = uow.ports().list(&PortFilter::default()).await.unwrap();
        let plugged: Vec<_> =
            ports.iter().filter(|port| port.device_owner.starts_with("compute:")).collect();
        assert!(plugged.is_empty(), "ports: {plugged:?}");
        for subnet in uow.subnets().list(None).await.unwrap() {
            for (address, port) in uow.addresses().list(subnet.id).await.unwrap() {
                assert!(ports.iter().any(|p| p.id == port), "{address} belongs to no port");
            }
        }
        for host in &self.hosts {
            assert_eq!(host.known(), [], "guests on {}", host.name);
        }
    }

    /// Panics unless claims, as the servers' rows have them, add up to what the hosts' rows say.
    pub async fn assert_claims_add_up(&self) {
        let mut uow = self.db.read().await.unwrap();
        let claims = uow.claims().list(None).await.unwrap();
        for host in uow.hosts().list().await.unwrap() {
            let mut sum = hatchery_model::compute::Claim::default();
            for (server, name, claim) in &claims {
                if *name == host.name {
                    sum = sum.plus(*claim);
                    let row = uow.servers().find(*server).await.unwrap().unwrap();
                    assert_eq!(row.host.as_ref(), Some(name), "claim of {server}");
                }
            }
            assert_eq!(host.claimed, sum, "{}", host.name);
        }
    }
}
