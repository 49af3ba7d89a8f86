//! The door of images, route by route: allowed, denied, unauthenticated, malformed.

mod create;
mod data;
mod delete;
mod list;
mod patch;
mod routes;

use crate::http::testing::{Answer, KnownTokens, ask};
use axum::Router;
use axum::http::Method;
use hatchery_control::image::{ImagePorts, ImageVerbs, UploadLimits};
use hatchery_control::pool::BaseLinks;
use hatchery_control::workflow::Wake;
use hatchery_db::Database;
use hatchery_model::units::Bytes;
use hatchery_ports::store::Store;
use hatchery_storage::{FileImageStore, FileOwner, LiveTransfers};
use hatchery_testkit::{ManualClock, SeededEntropy};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// The service on a database and a pool of its own.
struct Door {
    router: Router,
    store: Arc<dyn Store>,
    clock: Arc<ManualClock>,
    folder: TempDir,
}

impl Door {
    async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("db").display());
        let store: Arc<dyn Store> = Arc::new(Database::open(&url).await.unwrap());
        let pool = folder.path().join("pool");
        let clock = Arc::new(ManualClock::default());
        let verbs = ImageVerbs::new(ImagePorts {
            store: store.clone(),
            bytes: Arc::new(FileImageStore::new(&pool, FileOwner::process()).unwrap()),
            clock: clock.clone(),
            entropy: Arc::new(SeededEntropy::new(1)),
            outbox: Wake::default(),
            transfers: Arc::new(LiveTransfers::new(clock.clone())),
            limits: UploadLimits {
                size_cap: Bytes::from_mib(1),
                idle: Duration::from_millis(200),
                force_raw_images: false,
            },
            links: BaseLinks::default(),
        });
        let images = super::router(
            verbs,
            Arc::new(KnownTokens),
            "http://cloud:5000",
            super::Shown::default(),
        );
        Self { router: Router::new().nest("/image", images), store, clock, folder }
    }

    /// A queued image of `member`, and its id.
    async fn queued(&self, extra: Value) -> String {
        self.queued_by("member", extra).await
    }

    async fn queued_by(&self, token: &str, extra: Value) -> String {
        let mut body = json!({"name": "cirros", "disk_format": "raw", "container_format": "bare"});
        let fields = extra.as_object().unwrap().clone();
        body.as_object_mut().unwrap().extend(fields);
        let answer =
            ask(Method::POST, "/image/v2/images").by(token).json(&body).of(&self.router).await;
        assert_eq!(answer.status, 201, "{answer}");
        answer.json()["id"].as_str().unwrap().to_owned()
    }

    /// An image of `member` with this content.
    async fn active(&self, content: &[u8], extra: Value) -> String {
        let id = self.queued(extra).await;
        let answer = self.upload("member", &id, content).await;
        assert_eq!(answer.status, 204, "{answer}");
        id
    }

    async fn upload(&self, token: &str, id: &str, content: &[u8]) -> Answer {
        ask(Method::PUT, &format!("/image/v2/images/{id}/file"))
            .by(token)
            .header("content-type", "application/octet-stream")
            .header("content-length", &content.len().to_string())
            .body(content.to_vec())
            .of(&self.router)
            .await
    }

    async fn get(&self, token: &str, path: &str) -> Answer {
        ask(Method::GET, path).by(token).of(&self.router).await
    }

    async fn show(&self, token: &str, id: &str) -> Answer {
        self.get(token, &format!("/image/v2/images/{id}")).await
    }

    async fn status(&self, id: &str) -> String {
        let image = self.show("admin", id).await.json();
        image["status"].as_str().unwrap_or("none").to_owned()
    }

    /// Names of files in the pool that hold image data, arriving or arrived.
    fn files(&self) -> Vec<String> {
        let images = self.folder.path().join("pool/images");
        let mut names = Vec::new();
        for folder in [images.clone(), images.join(".incoming")] {
            names.extend(file_names(&folder));
        }
        names
    }
}

fn file_names(folder: &PathBuf) -> Vec<String> {
    std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_type().unwrap().is_file())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect()
}
