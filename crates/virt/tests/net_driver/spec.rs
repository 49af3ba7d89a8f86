//! A guest that wants all that can be told.

use hatchery_model::compute::{GuestMetadata, GuestNic, GuestSpec, RootDisk};
use hatchery_model::generation::Generation;
use hatchery_model::id::{DiskId, ImageId, ProjectId, ServerId};
use hatchery_model::provision::{Plan, Rung};
use hatchery_model::units::Bytes;
use std::collections::BTreeMap;
use uuid::Uuid;

pub const SERVER: &str = "6b2f1a1e-4f56-4a8e-9d5c-0a1b2c3d4e5f";
pub const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGuest guest@example";
/// `#cloud-config` and two bytes that are no text.
pub const USER_DATA: &[u8] = b"#cloud-config\n\xff\xfe\n";

/// That guest, with these interfaces.
pub fn guest(nics: Vec<GuestNic>) -> GuestSpec {
    GuestSpec {
        server: ServerId(Uuid::parse_str(SERVER).unwrap()),
        generation: Generation(1),
        name: "instance-0000002a".to_owned(),
        vcpus: 1,
        memory_mib: 64,
        root: Some(RootDisk {
            disk: DiskId("root".to_owned()),
            image: ImageId(Uuid::nil()),
            image_sha512: String::new(),
            raw: None,
            inspector_version: None,
            size: Bytes(0),
            plan: Plan {
                rung: Rung::HardLink,
                steps: Vec::new(),
                copies: Bytes(0),
                refused: Vec::new(),
            },
        }),
        volumes: Vec::new(),
        nics,
        metadata: GuestMetadata {
            name: "Büro 1".to_owned(),
            hostname: "buro-1".to_owned(),
            project: ProjectId("0123456789abcdef0123456789abcdef".to_owned()),
            availability_zone: "nova".to_owned(),
            launch_index: 0,
            keys: vec![("mine".to_owned(), KEY.to_owned())],
            meta: BTreeMap::from([("role".to_owned(), "web".to_owned())]),
            user_data: Some("I2Nsb3VkLWNvbmZpZwr//go=".to_owned()),
            random_seed: "c2VlZA==".to_owned(),
        },
        config_drive: true,
    }
}
