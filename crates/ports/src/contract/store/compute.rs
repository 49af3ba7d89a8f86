//! Nova's rows.

use super::assert_conflict;
use super::fixture::{action, flavor, host, id, keypair, server};
use crate::store::{ServerFilter, Store};
use hatchery_model::compute::{
    ActionEvent, BuildStep, Claim, EventResult, Flavor, Host, Server, ServerState,
};
use hatchery_model::id::{FlavorId, HostName, ProjectId, RequestId, ServerId, UserId};
use hatchery_model::page::Page;
use hatchery_model::timestamp::Timestamp;

async fn ids(store: &dyn Store, filter: &ServerFilter) -> Vec<ServerId> {
    let mut unit = store.read().await.unwrap();
    let servers = unit.servers().list(filter, &Page::default()).await.unwrap();
    servers.iter().map(|server| server.id).collect()
}

/// Servers: numbers, compare-and-set, every filter that a listing has.
pub async fn servers(store: &dyn Store) {
    let project = ProjectId::from(id());
    let (old, new, gone) = insert_three(store, &project).await;
    filters(store, &project, &old, &new, &gone).await;
    numbers_are_never_given_twice(store, &project).await;
    on_hosts_that_are_silent(store, &project).await;
}

async fn on_hosts_that_are_silent(store: &dyn Store, project: &ProjectId) {
    let mut unit = store.begin().await.unwrap();
    // Fixture's hosts are heard at 10.
    let (mut silent, loud) = (host("servers silent"), host("servers loud"));
    silent.heard_at = Timestamp(-70);
    for row in [&silent, &loud] {
        unit.hosts().insert(row).await.unwrap();
    }
    let building = ServerState::Building(BuildStep::Spawning);
    let mut made = Vec::new();
    for (age, host, state) in [
        (2, Some(&silent), building.clone()),
        (1, Some(&silent), building.clone()),
        (1, Some(&silent), ServerState::Active),
        (1, Some(&loud), building.clone()),
        (1, None, building.clone()),
    ] {
        let host = host.map(|host| host.name.clone());
        let row = Server { state, host, ..server(project, age) };
        made.push(unit.servers().insert(row).await.unwrap());
    }
    let mut list =
        async |before, limit| unit.servers().list_unheard("building", before, limit).await.unwrap();
    assert_eq!(list(Timestamp(-69), 9).await, [made[1].clone(), made[0].clone()]);
    assert_eq!(list(Timestamp(-69), 1).await, [made[1].clone()]);
    assert_eq!(list(Timestamp(-70), 9).await, []);
    unit.commit().await.unwrap();
}

async fn insert_three(store: &dyn Store, project: &ProjectId) -> (Server, Server, Server) {
    let mut unit = store.begin().await.unwrap();
    let rows = unit.servers();
    let row = server(project, 10);
    assert_eq!(rows.find(row.id).await.unwrap(), None);
    let mut old = rows.insert(row.clone()).await.unwrap();
    assert!(old.number > 0);
    assert_eq!(old, Server { number: old.number, ..row.clone() });
    assert_conflict(rows.insert(row).await);
    let new = rows.insert(server(project, 20)).await.unwrap();
    let mut gone = rows.insert(server(project, 30)).await.unwrap();
    assert!(old.number < new.number && new.number < gone.number);

    old.state = ServerState::Building(BuildStep::Spawning);
    old.host = Some(HostName::from("a-host"));
    old.updated_at = Timestamp(50);
    rows.update(&old).await.unwrap();
    assert_conflict(rows.update(&old).await);
    old.generation = old.generation.next();
    assert_eq!(rows.find(old.id).await.unwrap().as_ref(), Some(&old));

    gone.state = ServerState::Deleted { at: Timestamp(9) };
    rows.update(&gone).await.unwrap();
    gone.generation = gone.generation.next();
    unit.commit().await.unwrap();
    (old, new, gone)
}

async fn filters(
    store: &dyn Store,
    project: &ProjectId,
    old: &Server,
    new: &Server,
    gone: &Server,
) {
    let all = ServerFilter { project: Some(project.clone()), ..ServerFilter::default() };
    for (filter, wanted) in [
        (all.clone(), vec![new.id, old.id]),
        (ServerFilter { deleted: true, ..all.clone() }, vec![gone.id]),
        (ServerFilter { host: Some(HostName::from("a-host")), ..all.clone() }, vec![old.id]),
        (ServerFilter { image: new.image, project: None, ..all.clone() }, vec![new.id]),
        (ServerFilter { flavor: Some(FlavorId::from("no such")), ..all.clone() }, vec![]),
        (
            ServerFilter {
                user: Some(UserId::from("a-user")),
                flavor: Some(FlavorId::from("m1")),
                states: vec![old.state.name(), ServerState::Active.name()],
                ..all.clone()
            },
            vec![new.id, old.id],
        ),
        (ServerFilter { states: vec![ServerState::Active.name()], ..all.clone() }, vec![]),
        (ServerFilter { changed_since: Some(Timestamp(50)), ..all.clone() }, vec![old.id]),
    ] {
        assert_eq!(ids(store, &filter).await, wanted, "{filter:?}");
    }
}

async fn numbers_are_never_given_twice(store: &dyn Store, project: &ProjectId) {
    let mut unit = store.begin().await.unwrap();
    let rows = unit.servers();
    let last = rows.insert(server(project, 40)).await.unwrap();
    assert!(rows.delete(last.id).await.unwrap());
    assert!(!rows.delete(last.id).await.unwrap());
    let next = rows.insert(server(project, 40)).await.unwrap();
    assert!(next.number > last.number);
    unit.commit().await.unwrap();
}

/// Flavors.
pub async fn flavors(store: &dyn Store) {
    let mut unit = store.begin().await.unwrap();
    let rows = unit.flavors();
    let mut row = flavor("flavors a");
    assert_eq!(rows.find(&row.id).await.unwrap(), None);
    rows.insert(&row).await.unwrap();
    rows.insert(&flavor("flavors b")).await.unwrap();
    assert_conflict(rows.insert(&row).await);
    assert_conflict(rows.insert(&flavor("flavors a")).await);
    assert_eq!(rows.find(&row.id).await.unwrap().as_ref(), Some(&row));
    row.disabled = true;
    rows.update(&row).await.unwrap();
    assert_eq!(rows.find(&row.id).await.unwrap().as_ref(), Some(&row));
    let taken = Flavor { name: "flavors b".to_owned(), ..row.clone() };
    assert_conflict(rows.update(&taken).await);
    let listed = rows.list().await.unwrap();
    assert!(listed.is_sorted_by(|a, b| a.id <= b.id));
    assert!(listed.contains(&row));
    assert!(rows.delete(&row.id).await.unwrap());
    assert!(!rows.delete(&row.id).await.unwrap());
    unit.commit().await.unwrap();
}

/// Key pairs.
pub async fn keypairs(store: &dyn Store) {
    let mut unit = store.begin().await.unwrap();
    let rows = unit.keypairs();
    let (user, other) = (UserId::from(id()), UserId::from(id()));
    let (a, b, c) = (keypair(&user, "a"), keypair(&user, "b"), keypair(&user, "c"));
    assert_eq!(rows.find(&user, "a").await.unwrap(), None);
    for row in [&c, &a, &b, &keypair(&other, "a")] {
        rows.insert(row).await.unwrap();
    }
    assert_conflict(rows.insert(&a).await);
    assert_eq!(rows.find(&user, "a").await.unwrap().as_ref(), Some(&a));
    let listed = rows.list(&user, &Page::default()).await.unwrap();
    assert_eq!(listed, [a.clone(), b.clone(), c.clone()]);
    let page = Page { limit: Some(1), marker: Some("a".to_owned()), sort: Vec::new() };
    assert_eq!(rows.list(&user, &page).await.unwrap(), [b]);
    assert!(rows.delete(&user, "a").await.unwrap());
    assert!(!rows.delete(&user, "a").await.unwrap());
    assert!(rows.find(&other, "a").await.unwrap().is_some());
    unit.commit().await.unwrap();
}

/// Hosts.
pub async fn hosts(store: &dyn Store) {
    let mut unit = store.begin().await.unwrap();
    let rows = unit.hosts();
    let mut row = host("hosts b");
    assert_eq!(rows.find(&row.name).await.unwrap(), None);
    rows.insert(&row).await.unwrap();
    rows.insert(&host("hosts a")).await.unwrap();
    assert_conflict(rows.insert(&row).await);
    let id_taken = Host { name: HostName::from("hosts c"), ..row.clone() };
    assert_conflict(rows.insert(&id_taken).await);
    row.disabled = Some("why".to_owned());
    rows.update(&row).await.unwrap();
    assert_conflict(rows.update(&row).await);
    row.generation = row.generation.next();

    row.heard_at = Timestamp(77);
    rows.update_heard_at(&row.name, row.heard_at).await.unwrap();
    assert_eq!(rows.find(&row.name).await.unwrap().as_ref(), Some(&row));
    row.heard_at = Timestamp(78);
    rows.update(&row).await.unwrap();
    row.generation = row.generation.next();
    let listed = rows.list().await.unwrap();
    assert!(listed.is_sorted_by(|a, b| a.name <= b.name));
    assert!(listed.contains(&row));
    unit.commit().await.unwrap();
}

/// What servers have taken of hosts.
pub async fn claims(store: &dyn Store) {
    let mut unit = store.begin().await.unwrap();
    let (one, two) = (ServerId(id()), ServerId(id()));
    let (mut here, there) = (host("claims a"), host("claims b"));
    let claim = Claim { vcpus: 2, memory_mib: 1 << 40, disk_gib: 7, servers: 1 };
    assert_conflict(unit.claims().insert(one, &here, claim, None).await);
    for row in [&here, &there] {
        unit.hosts().insert(row).await.unwrap();
    }
    let rows = unit.claims();
    assert_eq!(rows.find(one).await.unwrap(), None);
    rows.insert(one, &here, claim, None).await.unwrap();
    rows.insert(two, &there, claim, None).await.unwrap();
    // The host's row is not the one that was decided on; then it is, and the server has a claim.
    assert_conflict(rows.insert(ServerId(id()), &here, claim, None).await);
    here = Host { generation: here.generation.next(), claimed: claim, ..here };
    assert_conflict(rows.insert(two, &here, claim, None).await);
    assert_eq!(rows.find(one).await.unwrap(), Some((here.name.clone(), claim)));
    let listed = rows.list(Some(&here.name)).await.unwrap();
    assert_eq!(listed, [(one, here.name.clone(), claim)]);
    assert!(rows.list(None).await.unwrap().len() >= 2);
    assert_eq!(unit.hosts().find(&here.name).await.unwrap().as_ref(), Some(&here));

    // Nobody but the claims changes the sum.
    here.claimed = Claim::default();
    unit.hosts().update(&here).await.unwrap();
    here = Host { generation: here.generation.next(), claimed: claim, ..here };
    assert_eq!(unit.hosts().find(&here.name).await.unwrap().as_ref(), Some(&here));
    assert_eq!(unit.claims().delete(one).await.unwrap(), Some((here.name.clone(), claim)));
    assert_eq!(unit.claims().delete(one).await.unwrap(), None);
    here = Host { generation: here.generation.next(), claimed: Claim::default(), ..here };
    assert_eq!(unit.hosts().find(&here.name).await.unwrap().as_ref(), Some(&here));
    unit.commit().await.unwrap();
}

/// What was done to servers.
pub async fn actions(store: &dyn Store) {
    let mut unit = store.begin().await.unwrap();
    let rows = unit.actions();
    let of = ServerId(id());
    let (mut old, new) = (action(of, 10), action(of, 20));
    let none = RequestId::from("req-none");
    assert_eq!(rows.find(of, &none).await.unwrap(), None);
    rows.insert(&old).await.unwrap();
    rows.insert(&new).await.unwrap();
    assert_conflict(rows.insert(&old).await);
    old.events.push(ActionEvent {
        name: "compute_disk".to_owned(),
        started_at: Timestamp(11),
        finished_at: None,
        result: Some(EventResult::Success),
        host: None,
        details: Some("0 B".to_owned()),
    });
    rows.update(&old).await.unwrap();
    let found = rows.find(of, &old.request).await.unwrap();
    assert_eq!(found.as_ref(), Some(&old));
    let listed = rows.list(of, &Page::default()).await.unwrap();
    assert_eq!(listed, [new, old]);
    let nowhere = action(of, 30);
    assert_conflict(rows.update(&nowhere).await);
    unit.commit().await.unwrap();
}
