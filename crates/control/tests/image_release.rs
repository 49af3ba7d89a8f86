//! A deleted image: every host is told to let its base go, once, by the request or by the task.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may")]

mod lab;

use hatchery_control::image::{DeleteImage, ImagePorts, ImageVerbs, UploadLimits};
use hatchery_control::pool::BaseLinks;
use hatchery_control::workflow::Step;
use hatchery_model::caller::Caller;
use hatchery_model::generation::Generation;
use hatchery_model::id::{HostName, RequestId, TaskId};
use hatchery_model::message::{Address, Body, Command};
use hatchery_model::task::{Task, Work};
use hatchery_ports::clock::Clock;
use hatchery_ports::entropy::random_uuid;
use hatchery_ports::store::Store;
use hatchery_storage::{FileImageStore, FileOwner, LiveTransfers};
use lab::{FakeHost, Lab};
use std::sync::Arc;

#[tokio::test]
async fn every_host_is_told_once() {
    let hosts = [("host-a", 11), ("host-b", 12)]
        .map(|(name, seed)| FakeHost::new(name, seed, 8, 16_384, 100));
    let lab = Lab::with_hosts(hosts.into()).await;
    let bytes =
        Arc::new(FileImageStore::new(&lab._dir.path().join("pool"), FileOwner::process()).unwrap());
    let verbs = ImageVerbs::new(ImagePorts {
        store: lab.store.clone(),
        bytes: bytes.clone(),
        clock: lab.clock.clone(),
        entropy: lab.entropy.clone(),
        outbox: lab.outbox.clone(),
        transfers: Arc::new(LiveTransfers::new(lab.clock.clone())),
        links: BaseLinks::default(),
        limits: UploadLimits::default(),
    });
    let request = RequestId::from("req-1");
    verbs.delete(&Caller::system(request.clone()), lab.image).await.unwrap();
    let step = DeleteImage {
        store: lab.store.clone(),
        bytes,
        clock: lab.clock.clone(),
        entropy: lab.entropy.clone(),
        outbox: lab.outbox.clone(),
        links: BaseLinks::default(),
    };
    // As if the runner had read the task before the request finished it.
    let late = Task {
        id: TaskId(random_uuid(&*lab.entropy)),
        generation: Generation::FIRST,
        work: Work::DeleteImage(lab.image),
        request,
        attempts: 0,
        due_at: lab.clock.now(),
        created_at: lab.clock.now(),
    };
    step.run(&late).await.unwrap();
    let release = Body::Command(Command::ReleaseBase { image: lab.image });
    let mut told: Vec<Address> = lab
        .outbox()
        .await
        .into_iter()
        .filter(|letter| letter.body == release)
        .map(|letter| letter.to)
        .collect();
    told.sort_by_key(|to| format!("{to:?}"));
    assert_eq!(told, ["host-a", "host-b"].map(|name| Address::Host(HostName::from(name))));
    assert_eq!(lab.db.read().await.unwrap().images().find(lab.image).await.unwrap(), None);
    assert!(lab.tasks().await.is_empty());
}
