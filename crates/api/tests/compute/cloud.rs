//! The compute service on a database of its own, with one host, moved on by the test.

use crate::answer::Answer;
use crate::callers::Callers;
use crate::host::FakeHost;
use crate::pool_folders::PoolFolders;
use crate::rows;
use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode};
use axum::middleware::from_fn_with_state;
use hatchery_api::compute::{ComputeVerbs, Root, router};
use hatchery_api::http::request_id::{self, MakeRequestId};
use hatchery_bus::InProcessBus;
use hatchery_control::Error;
use hatchery_control::compute::{
    AggregateVerbs, ChangeServer, ComputeSettings, ConsoleOutput, CreateImage, CreateServer,
    DeleteServer, Explain, Figures, FlavorVerbs, HealBook, HostVerbs, InstanceActions,
    KeypairVerbs, ListServers, Live, PowerVerbs, ReviveServers, ServerVolumeVerbs, ShowServer,
    ShowUsage,
};
use hatchery_control::intake::Intake;
use hatchery_control::pool::{PoolVerbs, StoreLeases};
use hatchery_control::volume::{VolumePorts, VolumeVerbs};
use hatchery_control::workflow::{BuildServer, Outgoing, Step, TaskRunner, TearDownServer, Wake};
use hatchery_db::Database;
use hatchery_model::compute::ServerState;
use hatchery_model::id::{RequestId, ServerId};
use hatchery_model::live::{LiveFigures, TransferKind};
use hatchery_model::message::Address;
use hatchery_model::task::Task;
use hatchery_model::units::Bytes;
use hatchery_ports::bus::{Bus, Handler, Subscription};
use hatchery_ports::clock::Clock;
use hatchery_ports::entropy::{Entropy, random_uuid};
use hatchery_ports::store::Store;
use hatchery_ports::transfers::{NewTransfer, Transfers};
use hatchery_storage::LiveTransfers;
use hatchery_testkit::{ManualClock, SeededEntropy};
use serde_json::{Value, json};
use std::sync::Arc;
use tempfile::TempDir;
use tower::ServiceExt;

pub struct Cloud {
    router: Router,
    pub db: Arc<Database>,
    pub clock: Arc<ManualClock>,
    pub host: Arc<FakeHost>,
    /// The folders of its bases.
    pub pool: Arc<PoolFolders>,
    bus: InProcessBus,
    runner: TaskRunner,
    _heard: Vec<Subscription>,
    _dir: TempDir,
}

/// What the verbs and the workflows are made of.
struct Ground {
    store: Arc<dyn Store>,
    clock: Arc<ManualClock>,
    entropy: Arc<dyn Entropy>,
    settings: Arc<ComputeSettings>,
    bus: InProcessBus,
    pool: Arc<PoolFolders>,
    tasks: Wake,
    outgoing: Outgoing,
}

impl Cloud {
    /// With its host heard, and the rows of [`rows`].
    pub async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", dir.path().join("db").display());
        let db = Arc::new(Database::open(&url).await.unwrap());
        let clock = Arc::new(ManualClock::default());
        rows::insert(&*db, clock.now()).await;
        let ground = Ground {
            store: db.clone(),
            clock: clock.clone(),
            entropy: Arc::new(SeededEntropy::new(7)),
            settings: Arc::default(),
            bus: InProcessBus::new(),
            pool: Arc::new(PoolFolders::new(dir.path())),
            tasks: Wake::default(),
            outgoing: Outgoing::default(),
        };
        let host = Arc::new(FakeHost::new(1));
        let address = Address::Host(host.name.clone());
        let heard = vec![
            ground.bus.subscribe(Address::Control, Arc::new(ground.intake())).await.unwrap(),
            ground.bus.subscribe(address, host.clone()).await.unwrap(),
            ground.bus.respond(host.name.clone(), host.clone()).await.unwrap(),
        ];
        let cloud = Self {
            router: ground.router(),
            runner: ground.runner(),
            bus: ground.bus,
            pool: ground.pool,
            db,
            clock,
            host,
            _heard: heard,
            _dir: dir,
        };
        cloud.report().await;
        cloud
    }

    /// The host says how it is.
    pub async fn report(&self) {
        self.bus.send(self.host.report()).await.unwrap();
    }

    /// Lets so many seconds pass.
    pub fn pass(&self, seconds: i64) {
        self.clock.advance_micros(seconds * 1_000_000);
    }

    /// `call` is method and path below `/v2.1`.
    pub async fn ask(&self, call: &str, token: &str) -> Answer {
        self.send(call, token, 1, Value::Null).await
    }

    /// In a microversion, with a body unless it is null. An empty token is none.
    pub async fn send(&self, call: &str, token: &str, version: u32, body: Value) -> Answer {
        let (method, path) = call.split_once(' ').unwrap();
        let mut request = Request::builder()
            .method(Method::from_bytes(method.as_bytes()).unwrap())
            .uri(format!("/v2.1{path}"))
            .header("openstack-api-version", format!("compute 2.{version}"));
        if !token.is_empty() {
            request = request.header("x-auth-token", token);
        }
        let body = match body {
            Value::Null => Body::empty(),
            body => Body::from(body.to_string()),
        };
        self.raw(request.body(body).unwrap()).await
    }

    pub async fn raw(&self, request: Request<Body>) -> Answer {
        let answer = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = answer.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        let body = match bytes.as_ref() {
            [] => Value::Null,
            bytes => serde_json::from_slice(bytes)
                .unwrap_or_else(|_| json!(String::from_utf8_lossy(bytes))),
        };
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// A server of the member's, not built yet; its id.
    pub async fn create(&self, name: &str) -> String {
        self.create_of(name, "member", json!({})).await
    }

    /// A server of someone's with more in its body than a name.
    pub async fn create_of(&self, name: &str, token: &str, more: Value) -> String {
        let mut server = wanted(name);
        for (key, value) in more.as_object().unwrap() {
            server[key] = value.clone();
        }
        let answer = self.send("POST /servers", token, 96, json!({"server": server})).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.shown());
        answer.text("/server/id")
    }

    /// A server of the member's, which runs.
    pub async fn active(&self, name: &str) -> String {
        let id = self.create(name).await;
        self.settle().await;
        id
    }

    /// A server that no host could make.
    pub async fn failed(&self, name: &str) -> String {
        *self.host.fails.lock().unwrap() = Some("The disk is full.".into());
        let id = self.active(name).await;
        *self.host.fails.lock().unwrap() = None;
        id
    }

    /// Everything that can happen without time passing happens.
    pub async fn settle(&self) {
        loop {
            let before = self.db.figures().commits;
            while self.runner.run_due().await.unwrap() > 0 {}
            self.deliver().await;
            let news: Vec<_> = self.host.news.lock().unwrap().drain(..).collect();
            for envelope in news {
                self.bus.send(envelope).await.unwrap();
            }
            if self.db.figures().commits == before {
                return;
            }
        }
    }

    /// Sends every order that is in the outbox, and forgets it.
    async fn deliver(&self) {
        let mut uow = self.db.read().await.unwrap();
        let rows = uow.outbox().list(0, 10_000).await.unwrap();
        drop(uow);
        for (_, envelope) in rows {
            self.bus.send(envelope.clone()).await.unwrap();
            let mut uow = self.db.begin().await.unwrap();
            uow.outbox().delete(&[envelope.id]).await.unwrap();
            uow.commit().await.unwrap();
        }
    }

    /// Locks a server, or stops it, or whatever no route does yet.
    pub async fn force(&self, id: &str, change: impl FnOnce(&mut hatchery_model::compute::Server)) {
        let id: ServerId = id.parse().unwrap();
        let mut uow = self.db.begin().await.unwrap();
        let mut server = uow.servers().find(id).await.unwrap().unwrap();
        change(&mut server);
        uow.servers().update(&server).await.unwrap();
        uow.commit().await.unwrap();
    }

    /// A volume of someone's that is there, on the host; its id.
    pub async fn volume(&self, project: &str, number: u128) -> String {
        let volume = rows::volume(project, number, self.host.name.clone(), self.clock.now());
        let mut uow = self.db.begin().await.unwrap();
        uow.volumes().insert(&volume).await.unwrap();
        uow.commit().await.unwrap();
        volume.id.to_string()
    }

    pub async fn stop(&self, id: &str) {
        self.force(id, |server| server.state = ServerState::Stopped).await;
    }
}

/// The body of a create: with the image, the flavor and the network that there are.
pub fn wanted(name: &str) -> Value {
    json!({
        "name": name,
        "imageRef": rows::IMAGE,
        "flavorRef": "1",
        "networks": [{"uuid": rows::NETWORK}],
    })
}

impl Ground {
    fn intake(&self) -> impl Handler + 'static {
        Intake::new(
            self.store.clone(),
            self.clock.clone(),
            self.entropy.clone(),
            self.settings.clone(),
            self.tasks.clone(),
            self.outgoing.clone(),
            HealBook::new(self.clock.now()),
        )
    }

    fn runner(&self) -> TaskRunner {
        TaskRunner {
            store: self.store.clone(),
            clock: self.clock.clone(),
            wake: self.tasks.clone(),
            build_server: Arc::new(BuildServer {
                store: self.store.clone(),
                clock: self.clock.clone(),
                entropy: self.entropy.clone(),
                settings: self.settings.clone(),
                outgoing: self.outgoing.clone(),
            }),
            delete_server: Arc::new(TearDownServer {
                store: self.store.clone(),
                clock: self.clock.clone(),
                entropy: self.entropy.clone(),
                settings: self.settings.clone(),
                outgoing: self.outgoing.clone(),
            }),
            delete_image: Arc::new(NoImages),
            seal_image: Arc::new(NoImages),
        }
    }

    fn router(&self) -> Router {
        let root = Root("http://cloud/compute".into());
        let entropy = self.entropy.clone();
        let make: MakeRequestId =
            Arc::new(move || RequestId(format!("req-{}", random_uuid(&*entropy))));
        router(self.verbs(), Arc::new(Callers), root)
            .layer(from_fn_with_state(make, request_id::assign))
    }

    fn pool_verbs(&self) -> PoolVerbs {
        let (store, clock) = (self.store.clone(), self.clock.clone());
        PoolVerbs {
            pool: Arc::new(self.pool.open(clock.clone())),
            leases: Arc::new(StoreLeases { store: store.clone(), clock: clock.clone() }),
            catalog: self.pool.clone(),
            store: store.clone(),
            revive: ReviveServers {
                store,
                clock,
                entropy: self.entropy.clone(),
                outgoing: self.outgoing.clone(),
                healed: HealBook::new(self.clock.now()),
            },
        }
    }

    fn hosts(&self) -> HostVerbs {
        HostVerbs {
            store: self.store.clone(),
            clock: self.clock.clone(),
            settings: self.settings.clone(),
        }
    }

    fn images(&self) -> CreateImage {
        CreateImage {
            store: self.store.clone(),
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
            outgoing: self.outgoing.clone(),
            volume_settings: Arc::default(),
        }
    }

    fn block_storage(&self) -> VolumeVerbs {
        VolumeVerbs::new(VolumePorts {
            store: self.store.clone(),
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
            outgoing: self.outgoing.clone(),
            settings: Arc::default(),
        })
    }

    fn verbs(&self) -> ComputeVerbs {
        let (store, clock, entropy) = (&self.store, &self.clock, &self.entropy);
        let hosts = self.hosts();
        ComputeVerbs {
            create: Arc::new(CreateServer {
                store: store.clone(),
                clock: clock.clone(),
                entropy: entropy.clone(),
                wake: self.tasks.clone(),
                outgoing: self.outgoing.clone(),
                settings: self.settings.clone(),
                volume_settings: Arc::default(),
            }),
            delete: Arc::new(DeleteServer {
                store: store.clone(),
                clock: clock.clone(),
                entropy: entropy.clone(),
                wake: self.tasks.clone(),
            }),
            show: Arc::new(ShowServer { store: store.clone(), hosts: hosts.clone() }),
            list: Arc::new(ListServers { store: store.clone(), hosts: hosts.clone() }),
            change: Arc::new(ChangeServer { store: store.clone(), clock: clock.clone() }),
            images: Arc::new(self.images()),
            console: Arc::new(ConsoleOutput {
                store: store.clone(),
                bus: Arc::new(self.bus.clone()),
            }),
            power: Arc::new(PowerVerbs {
                store: store.clone(),
                clock: clock.clone(),
                entropy: entropy.clone(),
                outgoing: self.outgoing.clone(),
                settings: self.settings.clone(),
            }),
            volumes: Arc::new(ServerVolumeVerbs {
                store: store.clone(),
                clock: clock.clone(),
                entropy: entropy.clone(),
                outgoing: self.outgoing.clone(),
                settings: self.settings.clone(),
            }),
            block_storage: Arc::new(self.block_storage()),
            actions: Arc::new(InstanceActions { store: store.clone() }),
            flavors: Arc::new(FlavorVerbs { store: store.clone(), entropy: entropy.clone() }),
            keypairs: Arc::new(KeypairVerbs {
                store: store.clone(),
                clock: clock.clone(),
                entropy: entropy.clone(),
            }),
            hosts: Arc::new(hosts),
            pool: Arc::new(self.pool_verbs()),
            aggregates: Arc::new(AggregateVerbs {
                store: store.clone(),
                clock: clock.clone(),
                entropy: self.entropy.clone(),
                settings: self.settings.clone(),
                outgoing: self.outgoing.clone(),
            }),
            usage: Arc::new(ShowUsage { store: store.clone() }),
            explain: Arc::new(Explain {
                store: store.clone(),
                clock: clock.clone(),
                settings: self.settings.scheduler.clone(),
            }),
            live: Arc::new(live(clock.clone())),
            figures: Arc::new(Figures { read: Arc::new(|| vec![("sql_commits", 3)]) }),
        }
    }
}

/// One upload is under way, for ever.
fn live(clock: Arc<ManualClock>) -> Live {
    let transfers = LiveTransfers::new(clock.clone());
    let moving = transfers.begin(NewTransfer {
        kind: TransferKind::Upload,
        what: "tiny".into(),
        image: None,
        total: Some(Bytes(4096)),
    });
    moving.add(1024);
    std::mem::forget(moving);
    Live {
        transfers: Arc::new(transfers),
        read: Arc::new(|| Box::pin(async { LiveFigures::default() })),
        clock,
    }
}

/// No test here deletes an image.
struct NoImages;

#[async_trait]
impl Step for NoImages {
    async fn run(&self, _: &Task) -> Result<(), Error> {
        Ok(())
    }
}
