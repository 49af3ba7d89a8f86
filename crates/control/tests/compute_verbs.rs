//! The smaller verbs of compute: flavors, key pairs, hosts, the console, the plan explained.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may")]

mod lab;

use async_trait::async_trait;
use hatchery_bus::InProcessBus;
use hatchery_control::Error;
use hatchery_control::compute::{
    ConsoleOutput, Explain, FlavorQuery, FlavorVerbs, HostVerbs, InstanceActions, KeypairVerbs,
    ListServers, Look, NewFlavor, NewKeypair, ServerQuery,
};
use hatchery_model::caller::{Caller, Scope};
use hatchery_model::compute::KeyType;
use hatchery_model::id::{FlavorId, UserId};
use hatchery_model::message::{Answer, Ask};
use hatchery_model::page::{Direction, Page};
use hatchery_model::provision::Rung;
use hatchery_ports::bus::{Bus, Responder};
use lab::{Lab, caller};
use std::sync::Arc;

fn admin() -> Caller {
    Caller { roles: vec!["admin".into()], ..caller("req-admin") }
}

fn stranger() -> Caller {
    let scope = Scope::Project { id: "q".into(), domain: "default".into() };
    Caller { user: "v".into(), scope, ..caller("req-v") }
}

fn new_flavor(id: &str, name: &str) -> NewFlavor {
    NewFlavor {
        id: Some(FlavorId::from(id)),
        name: name.into(),
        vcpus: 1,
        memory_mib: 64,
        root_gib: 0,
        ephemeral_gib: 0,
        swap_mib: 0,
        rxtx_factor_percent: 100,
        is_public: true,
        description: None,
    }
}

#[tokio::test]
async fn flavors_are_the_administrator_s_to_change() {
    let lab = Lab::new().await;
    let verbs = FlavorVerbs { store: lab.store.clone(), entropy: lab.entropy.clone() };
    let (admin, user) = (admin(), caller("r"));
    let denied = verbs.create(&user, new_flavor("2", "b")).await;
    assert!(matches!(denied, Err(Error::Denied(_))));
    verbs.create(&admin, new_flavor("2", "b")).await.unwrap();
    for (id, name, text) in [
        ("2", "c", "Flavor with ID 2 already exists."),
        ("3", "b", "Flavor with name b already exists."),
    ] {
        match verbs.create(&admin, new_flavor(id, name)).await {
            Err(Error::Conflict(said)) => assert_eq!(said, text),
            other => panic!("{other:?}"),
        }
    }
    let bad = NewFlavor { vcpus: 0, ..new_flavor("4", "d") };
    assert!(matches!(verbs.create(&admin, bad).await, Err(Error::Invalid(_))));
    let hidden = NewFlavor { is_public: false, ..new_flavor("0", "hidden") };
    verbs.create(&admin, hidden).await.unwrap();

    let ids = async |caller: &Caller, query: FlavorQuery| -> Vec<String> {
        let flavors = verbs.list(caller, &query).await.unwrap();
        flavors.into_iter().map(|flavor| flavor.id.0).collect()
    };
    assert_eq!(ids(&user, FlavorQuery::default()).await, ["1", "2"]);
    assert_eq!(ids(&admin, FlavorQuery::default()).await, ["0", "1", "2"]);
    let big = FlavorQuery { min_memory_mib: 65, ..FlavorQuery::default() };
    assert_eq!(ids(&user, big).await, ["1"]);
    let page = Page {
        limit: Some(1),
        marker: Some("0".into()),
        sort: vec![("memory_mb".into(), Direction::Ascending)],
    };
    assert_eq!(ids(&admin, FlavorQuery { page, ..FlavorQuery::default() }).await, ["2"]);
    let unseen = verbs.show(&user, &"0".into()).await;
    assert!(matches!(unseen, Err(Error::NotFound { .. })));

    let specs = [("hw:a".to_owned(), "1".to_owned())].into();
    let flavor = verbs.set_extra_specs(&admin, &"2".into(), specs).await.unwrap();
    assert_eq!(flavor.extra_specs["hw:a"], "1");
    verbs.delete_extra_spec(&admin, &"2".into(), "hw:a").await.unwrap();
    assert!(verbs.delete_extra_spec(&admin, &"2".into(), "hw:a").await.is_err());
    verbs.delete(&admin, &"2".into()).await.unwrap();
    assert!(matches!(verbs.delete(&admin, &"2".into()).await, Err(Error::NotFound { .. })));
}

#[tokio::test]
async fn key_pairs_belong_to_their_user() {
    let lab = Lab::new().await;
    let verbs = KeypairVerbs {
        store: lab.store.clone(),
        clock: lab.clock.clone(),
        entropy: lab.entropy.clone(),
    };
    let new =
        |name: &str| NewKeypair { name: name.into(), key_type: KeyType::Ssh, public_key: None };
    let made = verbs.create(&caller("r"), None, new("k")).await.unwrap();
    assert!(made.private_key.unwrap().starts_with("-----BEGIN OPENSSH PRIVATE KEY-----\n"));
    assert!(matches!(verbs.create(&caller("r"), None, new("k")).await, Err(Error::Conflict(_))));
    assert!(matches!(verbs.create(&caller("r"), None, new("k/x")).await, Err(Error::Invalid(_))));
    let broken = NewKeypair { public_key: Some("ssh-rsa AAAA".into()), ..new("x") };
    assert!(matches!(verbs.create(&caller("r"), None, broken).await, Err(Error::Invalid(_))));
    let of_u = Some(UserId::from("u"));
    assert!(verbs.show(&stranger(), None, "k").await.is_err());
    let other = verbs.show(&stranger(), of_u.clone(), "k").await;
    assert!(matches!(other, Err(Error::Denied(_))));
    verbs.show(&admin(), of_u.clone(), "k").await.unwrap();
    assert_eq!(verbs.list(&caller("r"), None, &Page::default()).await.unwrap().len(), 1);

    // A server keeps its copy.
    let new = hatchery_control::compute::NewServer { key_name: Some("k".into()), ..lab.wanted() };
    lab.create(&caller("req-1"), new).await.unwrap();
    verbs.delete(&caller("r"), None, "k").await.unwrap();
    assert!(matches!(verbs.delete(&caller("r"), None, "k").await, Err(Error::NotFound { .. })));
    lab.settle().await;
    let spec = lab.hosts[0].running().remove(0);
    assert_eq!(spec.metadata.keys[0].1, made.keypair.public_key);
}

#[tokio::test]
async fn hosts_are_seen_and_kept_free_by_administrators() {
    let lab = Lab::new().await;
    let verbs = HostVerbs {
        store: lab.store.clone(),
        clock: lab.clock.clone(),
        settings: lab.settings.clone(),
    };
    assert!(matches!(verbs.list(&caller("r")).await, Err(Error::Denied(_))));
    let host = verbs.list(&admin()).await.unwrap().remove(0);
    assert!(host.up);
    let id = host.host.id;
    verbs.set_disabled(&admin(), id, Some("repair".into())).await.unwrap();
    assert!(!verbs.zones(&caller("r")).await.unwrap()[0].available);
    let server = lab.create_one().await;
    lab.settle().await;
    let state = lab.server(server).await.state;
    assert!(matches!(state, hatchery_model::compute::ServerState::Failed(_)), "{state:?}");
    verbs.set_disabled(&admin(), id, None).await.unwrap();
    lab.report_all().await;
    let server = lab.create_one().await;
    lab.settle().await;
    assert_eq!(verbs.servers(&admin(), &"host-a".into()).await.unwrap()[0].id, server);
    lab.pass(61, &[]).await;
    assert!(!verbs.show(&admin(), id).await.unwrap().up);
}

struct Console;

#[async_trait]
impl Responder for Console {
    async fn answer(&self, ask: Ask) -> Result<Answer, String> {
        match ask {
            Ask::ConsoleLog { lines, .. } => Ok(Answer::ConsoleLog(format!("{lines:?}"))),
            Ask::ManageableVolumes { .. }
            | Ask::ManageableSnapshots { .. }
            | Ask::PowerState { .. } => Ok(Answer::NoGuest),
        }
    }
}

#[tokio::test]
async fn a_console_is_asked_of_the_host_and_is_the_owner_s() {
    let lab = Lab::new().await.placing_later();
    let bus = InProcessBus::new();
    let verb = ConsoleOutput { store: lab.store.clone(), bus: Arc::new(bus.clone()) };
    let id = lab.create_one().await;
    let early = verb.run(&caller("r"), id, None).await;
    assert!(matches!(early, Err(Error::Conflict(_))), "{early:?}");
    lab.settle().await;
    let silent = verb.run(&caller("r"), id, None).await;
    assert!(matches!(silent, Err(Error::Unavailable { .. })), "{silent:?}");
    let _guard = bus.respond("host-a".into(), Arc::new(Console)).await.unwrap();
    assert_eq!(verb.run(&caller("r"), id, Some(5)).await.unwrap(), "Some(5)");
    let reader = Caller { roles: vec!["reader".into()], ..caller("r") };
    assert!(matches!(verb.run(&reader, id, None).await, Err(Error::Denied(_))));
    assert!(matches!(verb.run(&stranger(), id, None).await, Err(Error::NotFound { .. })));
}

#[tokio::test]
async fn servers_and_their_timeline_are_shown_to_their_project_only() {
    let lab = Lab::new().await;
    let id = lab.create_one().await;
    let actions = InstanceActions { store: lab.store.clone() };
    let page = Page::default();
    assert_eq!(actions.list(&caller("r"), id, &page).await.unwrap().len(), 1);
    actions.show(&caller("r"), id, &"req-create".into()).await.unwrap();
    assert!(actions.show(&caller("r"), id, &"req-x".into()).await.is_err());
    assert!(matches!(actions.list(&stranger(), id, &page).await, Err(Error::NotFound { .. })));
    assert!(lab.show_verb().run(&stranger(), id).await.is_err());
    assert!(lab.delete_verb().run(&stranger(), id).await.is_err());
    let reader = Caller { roles: vec!["reader".into()], ..caller("r") };
    lab.show_verb().run(&reader, id).await.unwrap();
    assert!(matches!(lab.delete_verb().run(&reader, id).await, Err(Error::Denied(_))));

    let list = ListServers { store: lab.store.clone(), hosts: lab.host_verbs() };
    let all = ServerQuery { all_projects: true, ..ServerQuery::default() };
    assert!(list.run(&stranger(), &ServerQuery::default()).await.unwrap().is_empty());
    assert!(matches!(list.run(&stranger(), &all).await, Err(Error::Denied(_))));
    assert_eq!(list.run(&admin(), &all).await.unwrap().len(), 1);
    let named = |name: &str| ServerQuery {
        look: Look { name: Some(name.into()), ..Look::default() },
        ..ServerQuery::default()
    };
    assert_eq!(list.detail(&reader, &named("^Web")).await.unwrap()[0].addresses.len(), 1);
    assert!(list.run(&reader, &named("^eb")).await.unwrap().is_empty());

    // A deleted server is gone for its owner, and its timeline is not.
    lab.settle().await;
    lab.delete(id).await.unwrap();
    lab.settle().await;
    assert!(list.run(&reader, &ServerQuery::default()).await.unwrap().is_empty());
    assert_eq!(actions.list(&reader, id, &page).await.unwrap().len(), 2);
}

/// What is explained is the very plan that the guest's order then has.
#[tokio::test]
async fn explain_tells_the_plan_that_is_executed() {
    let lab = Lab::new().await;
    let explain = Explain {
        store: lab.store.clone(),
        clock: lab.clock.clone(),
        settings: lab.settings.scheduler.clone(),
    };
    assert!(matches!(explain.run(&caller("r"), "tiny", "m1.tiny").await, Err(Error::Denied(_))));
    let told = explain.run(&admin(), "tiny", "m1.tiny").await.unwrap();
    assert_eq!((told.hosts.len(), told.hosts[0].refused_by), (1, None));
    let plan = told.hosts[0].plan.clone().unwrap();
    assert_eq!((plan.rung, plan.copies.0), (Rung::HardLink, 0));
    let by_id = explain.run(&admin(), &lab.image.to_string(), "1").await.unwrap();
    assert_eq!(by_id, told);
    assert!(matches!(explain.run(&admin(), "no", "1").await, Err(Error::NotFound { .. })));
    lab.create_one().await;
    lab.settle().await;
    assert_eq!(lab.hosts[0].running()[0].root.as_ref().unwrap().plan, plan);
}
