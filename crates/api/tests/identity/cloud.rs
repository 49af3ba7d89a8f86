//! A cloud with nothing but identity, on a database of its own.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use hatchery_api::identity::{CatalogSettings, DEFAULT_REGION, router};
use hatchery_control::identity::{
    CheckToken, DEFAULT_LIFETIME_SECONDS, Foundation, IdentityPorts, IdentityVerbs, Passwords,
    TokenAuthority, bootstrap,
};
use hatchery_db::Database;
use hatchery_ports::clock::Clock;
use hatchery_ports::entropy::Entropy;
use hatchery_ports::store::Store;
use hatchery_testkit::{ManualClock, SeededEntropy};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tempfile::TempDir;
use tower::ServiceExt;

pub const PASSWORD: &str = "correct horse";

pub struct Cloud {
    pub router: Router,
    pub clock: Arc<ManualClock>,
    pub check: Arc<TokenAuthority>,
    pub foundation: Foundation,
    pub admin: String,
    dir: TempDir,
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Answer {
    /// Status and body, with what differs from run to run replaced.
    pub fn shown(&self) -> String {
        let text = match &self.body {
            Value::Null => String::new(),
            body => format!("\n{body}"),
        };
        format!("{}{}", self.status, without_ids(&text))
    }

    pub fn message(&self) -> &str {
        self.body["error"]["message"].as_str().unwrap_or_default()
    }

    pub fn id(&self, noun: &str) -> String {
        let id = self.body[noun]["id"].as_str();
        id.unwrap_or_else(|| panic!("{}", self.shown())).to_owned()
    }
}

/// Runs of 32 hex digits become `[id]`.
fn without_ids(text: &str) -> String {
    let mut out = String::new();
    let mut run = String::new();
    for c in text.chars().chain(['\n']) {
        if c.is_ascii_hexdigit() {
            run.push(c);
            continue;
        }
        out.push_str(if run.len() == 32 { "[id]" } else { &run });
        run.clear();
        out.push(c);
    }
    out.pop();
    out
}

impl Cloud {
    pub async fn new() -> Self {
        Self::in_dir(tempfile::tempdir().unwrap(), Arc::default()).await
    }

    /// The same state in a new process.
    pub async fn restarted(self) -> Self {
        Self::in_dir(self.dir, self.clock).await
    }

    async fn in_dir(dir: TempDir, clock: Arc<ManualClock>) -> Self {
        let url = format!("sqlite:{}", dir.path().join("cloud.db").display());
        let store: Arc<dyn Store> = Arc::new(Database::open(&url).await.unwrap());
        // Each start has randomness of its own: what must last has to come from the store.
        static STARTS: AtomicU64 = AtomicU64::new(1);
        let seed = STARTS.fetch_add(1, Ordering::SeqCst);
        let entropy: Arc<dyn Entropy> = Arc::new(SeededEntropy::new(seed));
        let passwords = Passwords::new(entropy.clone(), 2);
        let as_clock: Arc<dyn Clock> = clock.clone();
        let foundation =
            bootstrap(store.as_ref(), as_clock.as_ref(), entropy.as_ref(), &passwords, PASSWORD)
                .await
                .unwrap();
        let authority = TokenAuthority::open(
            store.as_ref(),
            as_clock.clone(),
            entropy.clone(),
            DEFAULT_LIFETIME_SECONDS,
        );
        let authority = Arc::new(authority.await.unwrap());
        let verbs = IdentityVerbs::new(&IdentityPorts {
            store,
            clock: as_clock,
            entropy,
            passwords,
            authority: authority.clone(),
        });
        let check: Arc<dyn CheckToken> = authority.clone();
        let settings =
            CatalogSettings { public_url: "http://cloud".into(), region: DEFAULT_REGION.into() };
        let service = router(Arc::new(verbs), check, settings);
        let mut cloud = Self {
            router: Router::new().nest_service("/identity", service),
            clock,
            check: authority,
            foundation,
            admin: String::new(),
            dir,
        };
        let project = json!({"project": {"id": cloud.foundation.project}});
        cloud.admin = cloud.login("admin", PASSWORD, project).await;
        cloud
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

    /// `call` is method and path behind `/identity`; an empty token is none, a null body too.
    pub async fn send(&self, call: &str, token: &str, body: Value) -> Answer {
        self.send_about(call, token, "", body).await
    }

    pub async fn send_about(&self, call: &str, token: &str, subject: &str, body: Value) -> Answer {
        let (method, path) = call.split_once(' ').unwrap();
        let mut request = Request::builder()
            .method(Method::from_bytes(method.as_bytes()).unwrap())
            .uri(format!("/identity{path}"));
        if !token.is_empty() {
            request = request.header("X-Auth-Token", token);
        }
        if !subject.is_empty() {
            request = request.header("X-Subject-Token", subject);
        }
        let body = match body {
            Value::Null => Body::empty(),
            body => Body::from(body.to_string()),
        };
        self.raw(request.body(body).unwrap()).await
    }

    /// As administrator of the project `admin`.
    pub async fn admin(&self, call: &str, body: Value) -> Answer {
        self.send(call, &self.admin, body).await
    }

    pub async fn authenticate(&self, user: &str, password: &str, scope: Value) -> Answer {
        self.send("POST /v3/auth/tokens", "", by_password(user, password, scope)).await
    }

    pub async fn login(&self, user: &str, password: &str, scope: Value) -> String {
        let answer = self.authenticate(user, password, scope).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.shown());
        answer.headers["x-subject-token"].to_str().unwrap().to_owned()
    }

    /// A new user with [`PASSWORD`]; its id.
    pub async fn user(&self, name: &str, domain: &str) -> String {
        let body = json!({"user": {"name": name, "password": PASSWORD, "domain_id": domain}});
        self.admin("POST /v3/users", body).await.id("user")
    }

    pub async fn project(&self, name: &str, domain: &str) -> String {
        let body = json!({"project": {"name": name, "domain_id": domain}});
        self.admin("POST /v3/projects", body).await.id("project")
    }

    pub async fn role(&self, name: &str) -> String {
        let answer = self.admin(&format!("GET /v3/roles?name={name}"), Value::Null).await;
        answer.body["roles"][0]["id"].as_str().unwrap().to_owned()
    }

    /// Gives a role; `target` is `projects/ID`, `domains/ID` or `system`.
    pub async fn grant(&self, target: &str, user: &str, role: &str) {
        let role = self.role(role).await;
        let call = format!("PUT /v3/{target}/users/{user}/roles/{role}");
        let answer = self.admin(&call, Value::Null).await;
        assert_eq!(answer.status, StatusCode::NO_CONTENT, "{}", answer.shown());
    }
}

/// The body of a login of a user of the default domain.
pub fn by_password(user: &str, password: &str, scope: Value) -> Value {
    let user = json!({"name": user, "domain": {"id": "default"}, "password": password});
    with_scope(json!({"methods": ["password"], "password": {"user": user}}), scope)
}

pub fn by_token(token: &str, scope: Value) -> Value {
    with_scope(json!({"methods": ["token"], "token": {"id": token}}), scope)
}

fn with_scope(identity: Value, scope: Value) -> Value {
    match scope {
        Value::Null => json!({"auth": {"identity": identity}}),
        scope => json!({"auth": {"identity": identity, "scope": scope}}),
    }
}
