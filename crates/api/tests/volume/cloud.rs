//! The block storage service on a database of its own.

use crate::rows;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use axum::middleware::from_fn_with_state;
use hatchery_api::http::request_id::{self, MakeRequestId};
use hatchery_api::volume::{Root, VolumeApi, router};
use hatchery_bus::InProcessBus;
use hatchery_control::Error;
use hatchery_control::identity::{CheckToken, Passwords};
use hatchery_control::volume::{
    BackupVerbs, GroupTypeVerbs, GroupVerbs, ManageableVerbs, MessageVerbs, QosVerbs, QuotaVerbs,
    TransferVerbs, VolumePorts, VolumeServiceVerbs, VolumeSettings, VolumeTypeVerbs, VolumeVerbs,
    ensure_default_type,
};
use hatchery_control::workflow::Outgoing;
use hatchery_db::Database;
use hatchery_model::caller::Scope;
use hatchery_model::id::{DomainId, ProjectId, RequestId, UserId};
use hatchery_model::identity::TokenClaims;
use hatchery_model::timestamp::Timestamp;
use hatchery_model::volume::{SnapshotState, Volume, VolumeState};
use hatchery_ports::clock::Clock;
use hatchery_ports::entropy::{Entropy, random_uuid};
use hatchery_ports::store::Store;
use hatchery_testkit::{ManualClock, SeededEntropy};
use serde_json::{Value, json};
use std::sync::Arc;
use tempfile::TempDir;
use tower::ServiceExt;

/// The project of `member` and `reader`.
pub const ONE: &str = "0e1";
/// The project of `other`.
pub const TWO: &str = "2a2";
/// The project of `admin`.
pub const OPS: &str = "ad0";

pub struct Cloud {
    router: Router,
    pub db: Arc<Database>,
    pub clock: Arc<ManualClock>,
    _dir: TempDir,
}

impl Cloud {
    /// With the rows of [`rows`].
    pub async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", dir.path().join("db").display());
        let db = Arc::new(Database::open(&url).await.unwrap());
        let clock = Arc::new(ManualClock::default());
        let entropy: Arc<dyn Entropy> = Arc::new(SeededEntropy::new(7));
        ensure_default_type(&*db, &*entropy, clock.now()).await.unwrap();
        rows::insert(&*db, clock.now()).await;
        let make = entropy.clone();
        let make: MakeRequestId =
            Arc::new(move || RequestId(format!("req-{}", random_uuid(&*make))));
        let root = Root("http://cloud/volume".into());
        let router = router(verbs(&db, &clock, &entropy), Arc::new(Callers), root)
            .layer(from_fn_with_state(make, request_id::assign));
        Self { router, db, clock, _dir: dir }
    }

    /// `call` is method and path below `/v3`.
    pub async fn ask(&self, call: &str, token: &str) -> Answer {
        self.send(call, token, 0, Value::Null).await
    }

    /// In a microversion, with a body unless it is null. An empty token is none.
    pub async fn send(&self, call: &str, token: &str, version: u32, body: Value) -> Answer {
        let (method, path) = call.split_once(' ').unwrap();
        let version = format!("volume 3.{version}");
        let mut headers = vec![("openstack-api-version", version.as_str())];
        if !token.is_empty() {
            headers.push(("x-auth-token", token));
        }
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.raw(method, &format!("/v3{path}"), &headers, &body).await
    }

    /// A volume of the member's of 1 GiB, of which no backend has made anything yet; its id.
    pub async fn creating(&self, name: &str) -> String {
        let body = json!({"volume": {"name": name, "size": 1}});
        let made = self.send("POST /volumes", "member", 0, body).await;
        assert_eq!(made.status, StatusCode::ACCEPTED, "{}", made.shown());
        made.text("/volume/id")
    }

    /// The same, and it is there.
    pub async fn available(&self, name: &str) -> String {
        let id = self.creating(name).await;
        self.force(&id, |volume| volume.state = VolumeState::Available).await;
        id
    }

    /// What an agent would have said.
    pub async fn force(&self, id: &str, change: impl FnOnce(&mut Volume)) {
        let mut uow = self.db.begin().await.unwrap();
        let mut volume = uow.volumes().find(id.parse().unwrap()).await.unwrap().unwrap();
        change(&mut volume);
        uow.volumes().update(&volume).await.unwrap();
        uow.commit().await.unwrap();
    }

    /// A snapshot of the member's that is there; its id.
    pub async fn snapshot(&self, volume: &str, name: &str) -> String {
        let body = json!({"snapshot": {"name": name, "volume_id": volume}});
        let made = self.send("POST /snapshots", "member", 0, body).await;
        assert_eq!(made.status, StatusCode::ACCEPTED, "{}", made.shown());
        let id = made.text("/snapshot/id");
        self.force_snapshot(&id, SnapshotState::Available).await;
        id
    }

    /// What an agent would have said.
    pub async fn force_snapshot(&self, id: &str, state: SnapshotState) {
        let mut uow = self.db.begin().await.unwrap();
        let mut snapshot = uow.snapshots().find(id.parse().unwrap()).await.unwrap().unwrap();
        snapshot.state = state;
        uow.snapshots().update(&snapshot).await.unwrap();
        uow.commit().await.unwrap();
    }

    pub async fn raw(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body.to_owned())).unwrap();
        let (parts, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        let body = match bytes.as_ref() {
            [] => Value::Null,
            bytes => serde_json::from_slice(bytes)
                .unwrap_or_else(|_| json!(String::from_utf8_lossy(bytes))),
        };
        Answer { status: parts.status, headers: parts.headers, body }
    }
}

fn verbs(db: &Arc<Database>, clock: &Arc<ManualClock>, entropy: &Arc<dyn Entropy>) -> VolumeApi {
    let settings = Arc::new(VolumeSettings::default());
    let ports = VolumePorts {
        store: db.clone(),
        clock: clock.clone(),
        entropy: entropy.clone(),
        outgoing: Outgoing::default(),
        settings: settings.clone(),
    };
    VolumeApi {
        volumes: Arc::new(VolumeVerbs::new(ports.clone())),
        backups: Arc::new(BackupVerbs::new(ports.clone())),
        groups: Arc::new(GroupVerbs::new(ports.clone())),
        group_types: Arc::new(GroupTypeVerbs {
            store: db.clone(),
            clock: clock.clone(),
            entropy: entropy.clone(),
        }),
        transfers: Arc::new(TransferVerbs::new(ports, Passwords::new(entropy.clone(), 2))),
        qos: Arc::new(QosVerbs {
            store: db.clone(),
            clock: clock.clone(),
            entropy: entropy.clone(),
        }),
        types: Arc::new(VolumeTypeVerbs {
            store: db.clone(),
            clock: clock.clone(),
            entropy: entropy.clone(),
            settings: settings.clone(),
        }),
        quotas: Arc::new(QuotaVerbs { store: db.clone(), settings: settings.clone() }),
        services: Arc::new(VolumeServiceVerbs {
            store: db.clone(),
            clock: clock.clone(),
            settings: settings.clone(),
        }),
        manageable: Arc::new(ManageableVerbs {
            store: db.clone(),
            clock: clock.clone(),
            bus: Arc::new(InProcessBus::new()),
            settings: settings.clone(),
        }),
        messages: Arc::new(MessageVerbs { store: db.clone() }),
    }
}

/// A token is a name of one of these.
struct Callers;

impl CheckToken for Callers {
    fn check(&self, token: &str) -> Result<TokenClaims, Error> {
        let (project, roles): (Option<&str>, &[&str]) = match token {
            "admin" => (Some(OPS), &["admin", "manager", "member", "reader"]),
            "member" => (Some(ONE), &["member", "reader"]),
            "reader" => (Some(ONE), &["reader"]),
            "other" => (Some(TWO), &["member", "reader"]),
            "unscoped" => (None, &[]),
            _ => return Err(Error::Unauthenticated("The token is not one of ours.".into())),
        };
        let domain = DomainId::from("default");
        Ok(TokenClaims {
            audit_id: token.into(),
            parent_audit_id: None,
            methods: vec!["password".into()],
            user: UserId::from(token),
            user_name: token.into(),
            user_domain: domain.clone(),
            scope: project.map_or(Scope::Unscoped, |project| Scope::Project {
                id: ProjectId::from(project),
                domain,
            }),
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
            issued_at: Timestamp(0),
            expires_at: Timestamp(i64::MAX),
        })
    }
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Answer {
    /// Status and body, with an id replaced.
    pub fn without(&self, id: &str) -> String {
        self.shown().replace(id, "[id]")
    }

    /// Status and body.
    pub fn shown(&self) -> String {
        match &self.body {
            Value::Null => self.status.to_string(),
            body => format!("{}\n{body:#}", self.status),
        }
    }

    pub fn text(&self, path: &str) -> String {
        let text = self.body.pointer(path).and_then(Value::as_str);
        text.unwrap_or_else(|| panic!("{path}: {}", self.shown())).to_owned()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The sentence of an error envelope.
    pub fn message(&self) -> &str {
        let fault = self.body.as_object().and_then(|body| body.values().next());
        fault.and_then(|fault| fault["message"].as_str()).unwrap_or_default()
    }

    /// A field of every item of a listing, in order.
    pub fn column(&self, list: &str, key: &str) -> Vec<String> {
        let all = self.body[list].as_array().unwrap_or_else(|| panic!("{}", self.shown()));
        all.iter().map(|one| one[key].as_str().unwrap_or_default().to_owned()).collect()
    }
}
