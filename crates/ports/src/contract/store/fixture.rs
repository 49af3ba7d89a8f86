//! Rows to store. Each has an id of its own.

use hatchery_model::compute::{
    Action, ActionKind, BuildStep, Flavor, Host, HostResources, KeyType, Keypair, Server,
    ServerState,
};
use hatchery_model::generation::Generation;
use hatchery_model::id::{
    FlavorId, HostId, HostName, ImageId, MessageId, NetworkId, PortId, ProjectId, RequestId,
    ServerId, SubnetId, TaskId, UserId,
};
use hatchery_model::image::{ContainerFormat, DiskFormat, Image, ImageState, Visibility};
use hatchery_model::message::{Address, Body, Command, Envelope};
use hatchery_model::network::{MacAddress, Network, Port, PortStatus, Subnet};
use hatchery_model::provision::{Backing, FileAbilities, TargetFacts};
use hatchery_model::task::{Task, Work};
use hatchery_model::timestamp::Timestamp;
use hatchery_model::units::Bytes;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use uuid::Uuid;

/// An id that nothing else in this process has.
pub(super) fn id() -> Uuid {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let n = NEXT.fetch_add(1, Ordering::Relaxed);
    // Ids of neighbours differ in their first digit, so that no order of ids is the order in which they were made.
    Uuid::from_u128((u128::from(n.reverse_bits()) << 64) | u128::from(n))
}

pub(super) fn flavor(name: &str) -> Flavor {
    Flavor {
        id: FlavorId::from(id()),
        name: name.to_owned(),
        vcpus: 1,
        memory_mib: 128,
        root_gib: 1,
        ephemeral_gib: 0,
        swap_mib: 0,
        rxtx_factor_percent: 100,
        is_public: true,
        disabled: false,
        description: Some("a \"small\" one, with 'quotes' and ünïcödé".to_owned()),
        extra_specs: BTreeMap::from([("hw:a".to_owned(), "1".to_owned())]),
    }
}

pub(super) fn keypair(user: &UserId, name: &str) -> Keypair {
    Keypair {
        user: user.clone(),
        name: name.to_owned(),
        public_key: "ssh-ed25519 AAAA someone".to_owned(),
        fingerprint: "aa:bb".to_owned(),
        key_type: KeyType::Ssh,
        created_at: Timestamp(5),
    }
}

pub(super) fn server(project: &ProjectId, created_at: i64) -> Server {
    Server {
        id: ServerId(id()),
        generation: Generation::FIRST,
        number: 0,
        project: project.clone(),
        user: UserId::from("a-user"),
        name: "a server".to_owned(),
        hostname: "a-server".to_owned(),
        description: None,
        state: ServerState::Building(BuildStep::Scheduling),
        flavor: Flavor { id: FlavorId::from("m1"), ..flavor("m1") },
        image: Some(ImageId(id())),
        keypair: Some(keypair(&UserId::from("a-user"), "key")),
        metadata: BTreeMap::from([("a".to_owned(), "b".to_owned())]),
        tags: BTreeSet::from(["t".to_owned()]),
        user_data: Some("I2Nsb3Vk".to_owned()),
        config_drive: true,
        availability_zone: None,
        wanted_zone: None,
        access_ipv4: None,
        access_ipv6: None,
        host: None,
        nics: Vec::new(),
        with_volumes: false,
        reservation_id: "r-1".to_owned(),
        launch_index: 0,
        locked: false,
        plan: None,
        bytes_copied: None,
        created_at: Timestamp(created_at),
        updated_at: Timestamp(created_at),
        launched_at: None,
        wanted_power: Default::default(),
        imaging: None,
        power_order: Default::default(),
    }
}

pub(super) fn host(name: &str) -> Host {
    Host {
        id: HostId(id()),
        name: HostName::from(name),
        generation: Generation::FIRST,
        resources: HostResources {
            vcpus: 8,
            memory_mib: 16_384,
            memory_used_mib: 1,
            disk_gib: 100,
            disk_free_gib: 99,
            hypervisor_type: "QEMU".to_owned(),
            hypervisor_version: 10_000_000,
            arch: "x86_64".to_owned(),
            cpu_model: "a model".to_owned(),
            accelerator: "tcg".to_owned(),
            address: "127.0.0.1".to_owned(),
            uptime_seconds: 10,
        },
        claimed: hatchery_model::compute::Claim::default(),
        target: TargetFacts {
            backing: Backing::File(FileAbilities {
                hard_link: Ok(()),
                reflink: Err("no reflinks there".to_owned()),
                free: Bytes::from_gib(99),
            }),
            force_raw: false,
        },
        backends: Vec::new(),
        heard_at: Timestamp(10),
        disabled: None,
        availability_zone: "nova".to_owned(),
        created_at: Timestamp(1),
    }
}

pub(super) fn action(server: ServerId, started_at: i64) -> Action {
    Action {
        server,
        request: RequestId(format!("req-{}", id())),
        kind: ActionKind::Create,
        user: UserId::from("a-user"),
        project: ProjectId::from("a-project"),
        started_at: Timestamp(started_at),
        updated_at: Timestamp(started_at),
        message: None,
        events: Vec::new(),
    }
}

pub(super) fn image(owner: &ProjectId, name: Option<&str>, created_at: i64) -> Image {
    Image {
        id: ImageId(id()),
        generation: Generation::FIRST,
        owner: owner.clone(),
        name: name.map(str::to_owned),
        state: ImageState::Queued,
        visibility: Visibility::Private,
        hidden: false,
        protected: false,
        disk_format: Some(DiskFormat::Qcow2),
        container_format: Some(ContainerFormat::Bare),
        min_disk_gib: 0,
        min_ram_mib: 0,
        tags: BTreeSet::new(),
        properties: BTreeMap::new(),
        created_at: Timestamp(created_at),
        updated_at: Timestamp(created_at),
    }
}

pub(super) fn network(project: &ProjectId, name: &str) -> Network {
    Network {
        id: NetworkId(id()),
        project: project.clone(),
        name: name.to_owned(),
        description: String::new(),
        admin_state_up: true,
        shared: false,
        external: false,
        mtu: 1500,
        port_security: true,
        host_access: true,
        created_at: Timestamp(1),
        updated_at: Timestamp(1),
        revision: 1,
    }
}

pub(super) fn subnet(network: NetworkId, name: &str) -> Subnet {
    Subnet {
        id: SubnetId(id()),
        network,
        project: ProjectId::from("a-project"),
        name: name.to_owned(),
        description: String::new(),
        cidr: "10.0.0.0/24".parse().unwrap(),
        gateway: Some("10.0.0.1".parse().unwrap()),
        dhcp: true,
        dns: Vec::new(),
        pools: Vec::new(),
        host_routes: Vec::new(),
        created_at: Timestamp(1),
        updated_at: Timestamp(1),
        revision: 1,
    }
}

pub(super) fn port(network: NetworkId, mac_tail: u8, created_at: i64) -> Port {
    Port {
        id: PortId(id()),
        generation: Generation::FIRST,
        network,
        project: ProjectId::from("a-project"),
        name: String::new(),
        description: String::new(),
        mac: MacAddress::generated([0, 0, mac_tail]),
        fixed_ips: Vec::new(),
        device_id: String::new(),
        device_owner: String::new(),
        host: None,
        status: PortStatus::Down,
        admin_state_up: true,
        port_security: true,
        created_at: Timestamp(created_at),
        updated_at: Timestamp(created_at),
    }
}

pub(super) fn task(work: Work, due_at: i64) -> Task {
    Task {
        id: TaskId(id()),
        generation: Generation::FIRST,
        work,
        request: RequestId::from("req-1"),
        attempts: 0,
        due_at: Timestamp(due_at),
        created_at: Timestamp(1),
    }
}

pub(super) fn envelope(host: &str) -> Envelope {
    Envelope {
        id: MessageId(id()),
        request: RequestId::from("req-1"),
        to: Address::Host(HostName::from(host)),
        created_at: Timestamp(1),
        body: Body::Command(Command::ReleaseBase { image: ImageId(id()) }),
    }
}
