//! Rows that every test finds: images, flavors, a network.

use hatchery_model::compute::Flavor;
use hatchery_model::disk::BlockSource;
use hatchery_model::generation::Generation;
use hatchery_model::id::{
    FlavorId, HostName, ImageId, NetworkId, ProjectId, SubnetId, UserId, VolumeId, VolumeTypeId,
};
use hatchery_model::image::{
    ContainerFormat, DiskFormat, Image, ImageContent, ImageFormat, ImageState, Inspection,
    Visibility,
};
use hatchery_model::network::{AddressRange, Network, Subnet};
use hatchery_model::timestamp::Timestamp;
use hatchery_model::units::Bytes;
use hatchery_model::volume::{BackendName, Volume, VolumeState, VolumeType};
use hatchery_ports::store::Store;
use uuid::Uuid;

/// A public image with a disk of 1 GiB.
pub const IMAGE: &str = "00000000-0000-0000-0000-000000000011";
/// One of the project `two`, seen by nobody else.
pub const THEIR_IMAGE: &str = "00000000-0000-0000-0000-000000000012";
/// A shared network.
pub const NETWORK: &str = "00000000-0000-0000-0000-000000000021";

/// Makes them: the images above; the flavors `1` (1 vCPU, 512 MiB, 1 GiB), `9` (as large as a host, and not public); the network `private`; the
/// default type of volumes.
pub async fn insert(store: &dyn Store, now: Timestamp) {
    let mut uow = store.begin().await.unwrap();
    for (number, visibility) in [(0x11, Visibility::Public), (0x12, Visibility::Private)] {
        uow.images().insert(&image(number, visibility, now)).await.unwrap();
    }
    for flavor in [flavor("1", "m1.tiny", 512, true), flavor("9", "vast", 1 << 20, false)] {
        uow.flavors().insert(&flavor).await.unwrap();
    }
    uow.volume_types().insert(&volume_type(now)).await.unwrap();
    let network = network(now);
    uow.networks().insert(&network).await.unwrap();
    uow.subnets().insert(&subnet(network.id, now)).await.unwrap();
    uow.commit().await.unwrap();
}

fn image(number: u128, visibility: Visibility, now: Timestamp) -> Image {
    Image {
        id: ImageId(Uuid::from_u128(number)),
        generation: Generation::FIRST,
        owner: ProjectId::from("two"),
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
        visibility,
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

fn flavor(id: &str, name: &str, memory_mib: u64, is_public: bool) -> Flavor {
    Flavor {
        id: FlavorId::from(id),
        name: name.into(),
        vcpus: 1,
        memory_mib,
        root_gib: 1,
        ephemeral_gib: 0,
        swap_mib: 0,
        rxtx_factor_percent: 100,
        is_public,
        disabled: false,
        description: None,
        extra_specs: Default::default(),
    }
}

fn volume_type(now: Timestamp) -> VolumeType {
    VolumeType {
        id: VolumeTypeId(Uuid::from_u128(0x31)),
        name: VolumeType::DEFAULT_NAME.into(),
        description: None,
        is_public: true,
        extra_specs: Default::default(),
        access: Default::default(),
        qos_specs: None,
        created_at: now,
        updated_at: None,
    }
}

fn network(now: Timestamp) -> Network {
    Network {
        id: NetworkId(Uuid::from_u128(0x21)),
        project: ProjectId::from("ops"),
        name: "private".into(),
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

fn subnet(network: NetworkId, now: Timestamp) -> Subnet {
    let address = |tail: &str| format!("10.1.{tail}").parse().unwrap();
    Subnet {
        id: SubnetId(Uuid::from_u128(0x22)),
        network,
        project: ProjectId::from("ops"),
        name: String::new(),
        description: String::new(),
        cidr: "10.1.0.0/16".parse().unwrap(),
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

/// A volume of 1 GiB on a host's backend `file`, which nobody uses.
pub fn volume(project: &str, number: u128, host: HostName, now: Timestamp) -> Volume {
    Volume {
        id: VolumeId(Uuid::from_u128(number)),
        generation: Generation::FIRST,
        project: ProjectId::from(project),
        user: UserId::from("member"),
        name: Some("disk".into()),
        description: None,
        size_gib: 1,
        state: VolumeState::Available,
        backend: Some(BackendName { host, backend: "file".into(), pool: "file".into() }),
        source: Some(BlockSource::File {
            path: format!("/volumes/{number}").into(),
            format: ImageFormat::Qcow2,
            read_only: false,
            backing: None,
        }),
        volume_type: VolumeTypeId(Uuid::from_u128(0x31)),
        availability_zone: "nova".into(),
        metadata: Default::default(),
        bootable: true,
        read_only: false,
        read_only_said: false,
        multiattach: false,
        image: None,
        image_metadata: Default::default(),
        source_snapshot: None,
        source_volume: None,
        group: None,
        way: None,
        migration: None,
        left_at: Vec::new(),
        created_at: now,
        updated_at: now,
    }
}
