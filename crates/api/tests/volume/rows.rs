//! Rows that every test finds: a host with two backends, a second type, a message.

use crate::cloud::ONE;
use hatchery_model::compute::{Claim, Host, HostResources};
use hatchery_model::generation::Generation;
use hatchery_model::id::{HostId, HostName, ProjectId, RequestId, VolumeMessageId, VolumeTypeId};
use hatchery_model::provision::{Backing, FileAbilities, TargetFacts, VolumeTargetFacts};
use hatchery_model::timestamp::Timestamp;
use hatchery_model::units::Bytes;
use hatchery_model::volume::{BackendReport, Reach, VolumeMessage, VolumeType};
use hatchery_ports::store::Store;
use uuid::Uuid;

/// A message of the project `ONE`.
pub const MESSAGE: &str = "00000000-0000-0000-0000-000000000041";

/// Makes them. Of the backends `fast` is up and `broken` is down.
pub async fn insert(store: &dyn Store, now: Timestamp) {
    let mut uow = store.begin().await.unwrap();
    uow.hosts().insert(&host(now)).await.unwrap();
    let slow = VolumeType {
        id: VolumeTypeId(Uuid::from_u128(0x31)),
        name: "slow".into(),
        description: None,
        is_public: true,
        extra_specs: Default::default(),
        access: Default::default(),
        qos_specs: None,
        created_at: now,
        updated_at: None,
    };
    uow.volume_types().insert(&slow).await.unwrap();
    let message = VolumeMessage {
        id: VolumeMessageId(Uuid::from_u128(0x41)),
        project: ProjectId::from(ONE),
        request: RequestId::from("req-1"),
        resource_type: "VOLUME".into(),
        resource: Uuid::from_u128(0x51).to_string(),
        action: "001".into(),
        detail: "003".into(),
        text: "schedule allocate volume: No storage could be allocated for this volume request."
            .into(),
        created_at: now,
        expires_at: now.plus_seconds(60),
    };
    uow.volume_messages().insert(&message).await.unwrap();
    uow.commit().await.unwrap();
}

fn host(now: Timestamp) -> Host {
    let file = FileAbilities { hard_link: Ok(()), reflink: Ok(()), free: Bytes::from_gib(90) };
    Host {
        id: HostId(Uuid::from_u128(0x61)),
        name: HostName::from("host-1"),
        generation: Generation::FIRST,
        resources: HostResources {
            vcpus: 8,
            memory_mib: 16_384,
            memory_used_mib: 1,
            disk_gib: 100,
            disk_free_gib: 90,
            hypervisor_type: "QEMU".into(),
            hypervisor_version: 10_000_000,
            arch: "x86_64".into(),
            cpu_model: "a model".into(),
            accelerator: "tcg".into(),
            address: "127.0.0.1".into(),
            uptime_seconds: 10,
        },
        claimed: Claim::default(),
        target: TargetFacts { backing: Backing::File(file.clone()), force_raw: false },
        backends: vec![backend("fast", &file, None), backend("broken", &file, Some("no folder"))],
        heard_at: now,
        disabled: None,
        availability_zone: "nova".into(),
        created_at: now,
    }
}

fn backend(name: &str, file: &FileAbilities, down: Option<&str>) -> BackendReport {
    BackendReport {
        backend: name.into(),
        pool: "disks".into(),
        protocol: "file".into(),
        reach: Reach::ServingHosts,
        total: Bytes::from_gib(100),
        free: Bytes::from_gib(90),
        target: VolumeTargetFacts {
            file: Some(file.clone()),
            cluster: None,
            clones: Ok(()),
            free: Bytes::from_gib(90),
            conversion_free: Bytes::from_gib(90),
        },
        image_cache: None,
        image_volumes: false,
        down: down.map(str::to_owned),
    }
}
