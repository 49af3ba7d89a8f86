//! Rows that every test needs.

use hatchery_control::compute::{NetworkChoice, NewServer};
use hatchery_control::network::network_spec;
use hatchery_model::caller::{Caller, Scope};
use hatchery_model::compute::Flavor;
use hatchery_model::generation::Generation;
use hatchery_model::id::{
    DomainId, FlavorId, ImageId, NetworkId, ProjectId, RequestId, SubnetId, UserId,
};
use hatchery_model::image::{
    ContainerFormat, DiskFormat, Image, ImageContent, ImageFormat, ImageState, Inspection,
    Visibility,
};
use hatchery_model::network::{AddressRange, Network, Subnet};
use hatchery_model::timestamp::Timestamp;
use hatchery_model::units::Bytes;
use hatchery_ports::store::Store;
use hatchery_testkit::SeededEntropy;
use uuid::Uuid;

/// A member of the project `p`.
pub fn caller(request: &str) -> Caller {
    Caller {
        user: UserId::from("u"),
        user_name: "u".into(),
        user_domain: DomainId::from("default"),
        scope: Scope::Project { id: ProjectId::from("p"), domain: DomainId::from("default") },
        roles: vec!["member".into(), "reader".into()],
        request: RequestId::from(request),
    }
}

/// The usual request.
pub fn new_server(image: ImageId, flavor: &FlavorId) -> NewServer {
    NewServer {
        name: "Web 1".into(),
        hostname: None,
        description: None,
        flavor: flavor.clone(),
        image: Some(image),
        disks: Vec::new(),
        networks: NetworkChoice::Auto,
        key_name: None,
        user_data: None,
        metadata: Default::default(),
        config_drive: false,
        availability_zone: None,
        access_ipv4: None,
        access_ipv6: None,
        min_count: 1,
        max_count: 1,
        tags: Default::default(),
        security_groups: Vec::new(),
    }
}

/// An image, a flavor, a network with a subnet.
pub async fn insert(store: &dyn Store, now: Timestamp) -> (ImageId, FlavorId, NetworkId) {
    let mut uow = store.begin().await.unwrap();
    let image = image(now);
    uow.images().insert(&image).await.unwrap();
    let flavor = flavor("1", "m1.tiny");
    uow.flavors().insert(&flavor).await.unwrap();
    let network = network(1, now);
    uow.networks().insert(&network).await.unwrap();
    uow.subnets().insert(&subnet(1, network.id, now)).await.unwrap();
    // As the door does it, with the port that serves the subnet.
    network_spec(&mut *uow, &SeededEntropy::new(3), now, network.id).await.unwrap();
    uow.commit().await.unwrap();
    (image.id, flavor.id, network.id)
}

/// A qcow2 image of 20 MiB with a disk of 1 GiB in it.
pub fn image(now: Timestamp) -> Image {
    Image {
        id: ImageId(Uuid::from_u128(1)),
        generation: Generation::FIRST,
        owner: ProjectId::from("admin"),
        name: Some("tiny".into()),
        state: ImageState::Active(ImageContent {
            size: Bytes::from_mib(20),
            md5: "0".repeat(32),
            sha512: "0".repeat(128),
            inspection: Inspection {
                format: ImageFormat::Qcow2,
                virtual_bytes: Bytes::from_gib(1),
                inspector_version: 1,
            },
            raw: None,
            location: None,
        }),
        visibility: Visibility::Public,
        hidden: false,
        protected: false,
        disk_format: Some(DiskFormat::Qcow2),
        container_format: Some(ContainerFormat::Bare),
        min_disk_gib: 0,
        min_ram_mib: 0,
        tags: Default::default(),
        properties: Default::default(),
        created_at: now,
        updated_at: now,
    }
}

/// One processor, 512 MiB, 1 GiB.
pub fn flavor(id: &str, name: &str) -> Flavor {
    Flavor {
        id: FlavorId::from(id),
        name: name.into(),
        vcpus: 1,
        memory_mib: 512,
        root_gib: 1,
        ephemeral_gib: 0,
        swap_mib: 0,
        rxtx_factor_percent: 100,
        is_public: true,
        disabled: false,
        description: None,
        extra_specs: Default::default(),
    }
}

/// A shared network.
pub fn network(number: u128, now: Timestamp) -> Network {
    Network {
        id: NetworkId(Uuid::from_u128(100 + number)),
        project: ProjectId::from("admin"),
        name: format!("net-{number}"),
        description: String::new(),
        admin_state_up: true,
        shared: true,
        external: false,
        mtu: 1500,
        port_security: true,
        host_access: true,
        created_at: now,
        updated_at: now,
        revision: 1,
    }
}

/// `10.N.0.0/16`
pub fn subnet(number: u128, network: NetworkId, now: Timestamp) -> Subnet {
    let address = |tail: &str| format!("10.{number}.{tail}").parse().unwrap();
    Subnet {
        id: SubnetId(Uuid::from_u128(200 + number)),
        network,
        project: ProjectId::from("admin"),
        name: String::new(),
        description: String::new(),
        cidr: format!("10.{number}.0.0/16").parse().unwrap(),
        gateway: Some(address("0.1")),
        dhcp: true,
        dns: Vec::new(),
        pools: vec![AddressRange { start: address("0.2"), end: address("255.254") }],
        host_routes: Vec::new(),
        created_at: now,
        updated_at: now,
        revision: 1,
    }
}
