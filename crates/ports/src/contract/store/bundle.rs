//! Bundles: each part as its noun's own listing gives it.

use super::aggregate::aggregate;
use super::fixture::{action, flavor, host, id, image, keypair, network, port, server, subnet};
use crate::store::{
    BuildRows, GuestRows, HostRows, NetworkNames, NetworkRows, RequestNames, Store, TakenRun,
    UnitOfWork,
};
use hatchery_model::base::{BaseOnHost, KnownBaseState};
use hatchery_model::compute::{HostFacts, Server, ServerState};
use hatchery_model::id::{
    FlavorId, HostName, ImageId, NetworkId, PortId, ProjectId, RequestId, ServerId, SubnetId,
    UserId,
};
use hatchery_model::network::{DHCP_OWNER, Network};
use hatchery_model::timestamp::Timestamp;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// What a request names, what a build looks at, what news change; and nothing else of the tables.
pub async fn bundles(store: &dyn Store) {
    let mut unit = store.begin().await.unwrap();
    let project = ProjectId::from(id());
    let networks = insert_networks(&mut *unit, &project).await;
    for name in ["bundle b", "bundle a"] {
        unit.hosts().insert(&host(name)).await.unwrap();
    }
    requests(&mut *unit, &project, &networks).await;
    builds(&mut *unit, &project, &networks).await;
    reports(&mut *unit, &project).await;
    let found = unit.bundles().find_network(networks[0].network.id).await.unwrap();
    assert_eq!(found.as_ref(), Some(&networks[0]));
    assert_eq!(unit.bundles().find_network(NetworkId(id())).await.unwrap(), None);
    runs_at_the_end_of_all_addresses(&mut *unit, &project).await;
    unit.commit().await.unwrap();
}

/// The project's own, one that is shared and last by name, and one that is neither.
async fn insert_networks(unit: &mut dyn UnitOfWork, project: &ProjectId) -> Vec<NetworkRows> {
    let other = ProjectId::from(id());
    let own = network(project, "bundle a");
    let shared = Network { shared: true, ..network(&other, "zz bundle") };
    let external = Network { external: true, ..network(&other, "bundle c") };
    let mut rows = Vec::new();
    for network in [own, shared, external] {
        let (b, a) = (subnet(network.id, "b"), subnet(network.id, "a"));
        let (mut late, mut early) = (port(network.id, 1, 20), port(network.id, 2, 10));
        for port in [&mut late, &mut early] {
            port.device_owner = DHCP_OWNER.to_owned();
        }
        unit.networks().insert(&network).await.unwrap();
        for subnet in [&b, &a] {
            unit.subnets().insert(subnet).await.unwrap();
        }
        for port in [&late, &early, &port(network.id, 3, 5)] {
            unit.ports().insert(port).await.unwrap();
        }
        let run = take_addresses(unit, a.id).await;
        rows.push(NetworkRows {
            network,
            first_runs: BTreeMap::from([(a.id, Some(run)), (b.id, None)]),
            subnets: vec![a, b],
            dhcp_ports: vec![early, late],
        });
    }
    rows
}

/// Two runs, of which the first is what is told.
async fn take_addresses(unit: &mut dyn UnitOfWork, subnet: SubnetId) -> TakenRun {
    let address = |tail| IpAddr::from([10, 0, 0, tail]);
    for tail in [9, 4, 3, 8] {
        unit.addresses().insert(subnet, address(tail), PortId(id())).await.unwrap();
    }
    TakenRun { first: address(3), next: Some(address(5)) }
}

async fn runs_at_the_end_of_all_addresses(unit: &mut dyn UnitOfWork, project: &ProjectId) {
    let network = network(project, "bundle end");
    let subnet = subnet(network.id, "");
    unit.networks().insert(&network).await.unwrap();
    unit.subnets().insert(&subnet).await.unwrap();
    for (address, next) in
        [("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", None), ("fd00::9", Some("fd00::a"))]
    {
        let first = address.parse().unwrap();
        unit.addresses().insert(subnet.id, first, PortId(id())).await.unwrap();
        let found = unit.bundles().find_network(network.id).await.unwrap().unwrap();
        let run = TakenRun { first, next: next.map(|next| next.parse().unwrap()) };
        assert_eq!(found.first_runs, BTreeMap::from([(subnet.id, Some(run))]));
    }
}

async fn requests(unit: &mut dyn UnitOfWork, project: &ProjectId, networks: &[NetworkRows]) {
    let image = image(project, Some("bundle"), 1);
    unit.images().insert(&image).await.unwrap();
    let flavor = flavor("bundle");
    unit.flavors().insert(&flavor).await.unwrap();
    let user = UserId::from(id());
    let keypair = keypair(&user, "bundle");
    unit.keypairs().insert(&keypair).await.unwrap();
    let hosts = unit.hosts().list().await.unwrap();
    let facts = facts(unit, image.id).await;

    let mut names = RequestNames {
        image: image.id,
        flavor: flavor.id.clone(),
        keypair: Some((user.clone(), "bundle".to_owned())),
        networks: NetworkNames::UsableBy(project.clone()),
    };
    let found = unit.bundles().find_request(&names).await.unwrap();
    assert_eq!((found.image, found.flavor), (Some(image), Some(flavor)));
    assert_eq!((found.keypair, found.hosts), (Some(keypair), hosts));
    assert_eq!(found.facts, facts);
    // Other suites may have left shared networks.
    assert!(found.networks.contains(&networks[0]) && found.networks.contains(&networks[1]));
    assert!(!found.networks.contains(&networks[2]));
    assert!(found.networks.is_sorted_by_key(|rows| rows.network.name.clone()));

    let ids = [2, 0, 2].map(|n: usize| networks[n].network.id);
    names.networks = NetworkNames::These(ids.to_vec());
    let found = unit.bundles().find_request(&names).await.unwrap();
    assert_eq!(found.networks, [networks[0].clone(), networks[2].clone()]);

    let nothing = RequestNames {
        image: ImageId(id()),
        flavor: FlavorId::from(id()),
        keypair: Some((user, "another".to_owned())),
        networks: NetworkNames::These(Vec::new()),
    };
    let found = unit.bundles().find_request(&nothing).await.unwrap();
    assert_eq!((found.image, found.flavor, found.keypair), (None, None, None));
    assert_eq!(found.networks, []);
}

/// Aggregates, and hosts of which one has the image's base, one has lost it, and one has another's.
async fn facts(unit: &mut dyn UnitOfWork, image: ImageId) -> HostFacts {
    for name in ["bundle b", "bundle a"] {
        unit.aggregates().insert(aggregate(name)).await.unwrap();
    }
    let base = |host: &str, image, state| BaseOnHost {
        host: HostName::from(host),
        image,
        state,
        since: Timestamp(1),
        heard_at: None,
    };
    for row in [
        base("bundle a", image, KnownBaseState::Cached),
        base("bundle b", image, KnownBaseState::Lost("gone".to_owned())),
        base("bundle b", ImageId(id()), KnownBaseState::Cached),
    ] {
        unit.host_bases().put(&row).await.unwrap();
    }
    HostFacts {
        aggregates: unit.aggregates().list().await.unwrap(),
        with_base: [HostName::from("bundle a")].into(),
    }
}

async fn reports(unit: &mut dyn UnitOfWork, project: &ProjectId) {
    let (name, nowhere) = (HostName::from("bundle a"), HostName::from("bundle nowhere"));
    let mut made = Vec::new();
    for (age, host, state) in [
        (1, Some(&name), ServerState::Active),
        (2, Some(&name), ServerState::Active),
        (3, Some(&name), ServerState::Deleted { at: Timestamp(9) }),
        (4, None, ServerState::Active),
    ] {
        let row = Server { host: host.cloned(), state, ..server(project, age) };
        made.push(unit.servers().insert(row).await.unwrap());
    }
    let host = unit.hosts().find(&name).await.unwrap();
    let found = unit.bundles().find_host(&name).await.unwrap();
    assert_eq!(found, HostRows { host, servers: vec![made[1].clone(), made[0].clone()] });
    assert_eq!(unit.bundles().find_host(&nowhere).await.unwrap(), HostRows::default());
}

async fn builds(unit: &mut dyn UnitOfWork, project: &ProjectId, networks: &[NetworkRows]) {
    let image = image(project, None, 1);
    unit.images().insert(&image).await.unwrap();
    let server =
        unit.servers().insert(Server { image: Some(image.id), ..server(project, 1) }).await;
    let server = server.unwrap();
    let action = action(server.id, 1);
    unit.actions().insert(&action).await.unwrap();
    let ports = [(0, 7, 9), (1, 7, 8)].map(|(n, mac, at)| {
        let mut port = port(networks[n].network.id, mac, at);
        port.device_id = server.id.to_string();
        port
    });
    for port in &ports {
        unit.ports().insert(port).await.unwrap();
    }
    let [late, early] = ports;
    let hosts = unit.hosts().list().await.unwrap();
    let facts = facts(unit, image.id).await;

    let found = unit.bundles().find_build(server.id, &action.request).await.unwrap();
    let wanted = BuildRows {
        server: Some(server.clone()),
        action: Some(action.clone()),
        image: Some(image),
        ports: vec![early, late],
        networks: networks[..2].to_vec(),
        hosts,
        facts,
    };
    assert_eq!(found, wanted);
    let BuildRows { server, action, ports, .. } = wanted;
    let id_found = server.as_ref().unwrap().id;
    let request = action.as_ref().unwrap().request.clone();
    let found = unit.bundles().find_guest(id_found, &request).await.unwrap();
    assert_eq!(found, GuestRows { server: server.clone(), action, ports: ports.clone() });

    let none = RequestId::from("req-none");
    let found = unit.bundles().find_guest(id_found, &none).await.unwrap();
    assert_eq!(found, GuestRows { server, action: None, ports });
    let found = unit.bundles().find_guest(ServerId(id()), &none).await.unwrap();
    assert_eq!(found, GuestRows::default());
}
