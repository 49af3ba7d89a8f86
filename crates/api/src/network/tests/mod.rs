//! The door of networks, route by route: allowed, denied, unauthenticated, malformed.

mod listings;
mod networks;
mod ports;
mod routes;
mod subnets;

use crate::http::testing::{Answer, KnownTokens, ask};
use axum::Router;
use axum::http::Method;
use hatchery_control::network::{FirstNetwork, NetworkPorts, NetworkVerbs, ensure_first_network};
use hatchery_db::Database;
use hatchery_model::id::ProjectId;
use hatchery_ports::clock::Clock;
use hatchery_ports::store::Store;
use hatchery_testkit::{ManualClock, SeededEntropy};
use serde_json::{Value, json};
use std::sync::Arc;
use tempfile::TempDir;

/// The service on a database of its own, with the first network in it (owned by `ops`).
struct Door {
    router: Router,
    store: Arc<dyn Store>,
    clock: Arc<ManualClock>,
    first: String,
    _folder: TempDir,
}

impl Door {
    async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("db").display());
        let store: Arc<dyn Store> = Arc::new(Database::open(&url).await.unwrap());
        let clock = Arc::new(ManualClock::default());
        let entropy = Arc::new(SeededEntropy::new(1));
        let wanted = FirstNetwork::usual(ProjectId::from("ops"));
        let first = ensure_first_network(&*store, &*entropy, clock.now(), wanted).await.unwrap();
        let verbs =
            NetworkVerbs::new(NetworkPorts { store: store.clone(), clock: clock.clone(), entropy });
        let networks = super::router(verbs, Arc::new(KnownTokens), "http://cloud:5000");
        Self {
            router: Router::new().nest("/network", networks),
            store,
            clock,
            first: first.to_string(),
            _folder: folder,
        }
    }

    async fn ask(&self, method: Method, token: &str, path: &str, body: Option<Value>) -> Answer {
        let asked = ask(method, &format!("/network/v2.0{path}")).by(token);
        let asked = match body {
            Some(body) => asked.json(&body),
            None => asked,
        };
        asked.of(&self.router).await
    }

    async fn get(&self, token: &str, path: &str) -> Answer {
        self.ask(Method::GET, token, path, None).await
    }

    async fn post(&self, token: &str, path: &str, body: Value) -> Answer {
        self.ask(Method::POST, token, path, Some(body)).await
    }

    async fn put(&self, token: &str, path: &str, body: Value) -> Answer {
        self.ask(Method::PUT, token, path, Some(body)).await
    }

    async fn delete(&self, token: &str, path: &str) -> Answer {
        self.ask(Method::DELETE, token, path, None).await
    }

    /// The id of a new network.
    async fn network(&self, token: &str, fields: Value) -> String {
        self.made(token, "network", fields).await["id"].as_str().unwrap().to_owned()
    }

    /// The id of a new subnet 10.0.0.0/24 (unless the fields say otherwise).
    async fn subnet(&self, token: &str, network: &str, fields: Value) -> String {
        let mut body = json!({"network_id": network, "ip_version": 4, "cidr": "10.0.0.0/24"});
        extend(&mut body, fields);
        self.made(token, "subnet", body).await["id"].as_str().unwrap().to_owned()
    }

    /// A new port.
    async fn port(&self, token: &str, network: &str, fields: Value) -> Value {
        let mut body = json!({"network_id": network});
        extend(&mut body, fields);
        self.made(token, "port", body).await
    }

    async fn made(&self, token: &str, kind: &str, fields: Value) -> Value {
        let answer = self.post(token, &format!("/{kind}s"), json!({kind: fields})).await;
        assert_eq!(answer.status, 201, "{answer}");
        answer.json()[kind].clone()
    }
}

fn extend(body: &mut Value, fields: Value) {
    let fields = fields.as_object().unwrap().clone();
    body.as_object_mut().unwrap().extend(fields);
}

/// `type` of an answer's error.
fn kind(answer: &Answer) -> String {
    answer.json()["NeutronError"]["type"].as_str().unwrap_or("none").to_owned()
}
