//! Rows as the second version of the schema had them, and the leases that follow from them.

use hatchery_model::base::{BaseLease, DiskUse};
use hatchery_model::id::{DiskId, HostName};
use hatchery_model::image::ImageFormat;

/// A server on a base of a known format, one whose plan says nothing, one without an image.
pub const OLD_ROWS: &str = r#"
    CREATE TABLE hatchery_schema (version BIGINT NOT NULL);
    INSERT INTO hatchery_schema VALUES (2);
    INSERT INTO claims (server, host, vcpus, memory_mib, disk_gib, servers) VALUES
        ('00000000-0000-0000-0000-000000000001', 'h', 1, 512, 3, 1),
        ('00000000-0000-0000-0000-000000000002', 'i', 1, 512, 3, 1),
        ('00000000-0000-0000-0000-000000000003', 'i', 1, 512, 3, 1);
    INSERT INTO servers (id, generation, project, user_id, image, flavor, name, host, state, deleted, created_at, updated_at, body) VALUES
        ('00000000-0000-0000-0000-000000000001', 1, 'p', 'u', '00000000-0000-0000-0000-00000000000a', 'f', 'n', 'h', 'active', 0, 1, 1,
         '{"plan": {"steps": ["LinkBase", {"CreateOverlay": {"base_format": "Qcow2", "size": 1}}]}}'),
        ('00000000-0000-0000-0000-000000000002', 1, 'p', 'u', '00000000-0000-0000-0000-00000000000b', 'f', 'n', 'i', 'active', 0, 1, 1,
         '{"plan": null}'),
        ('00000000-0000-0000-0000-000000000003', 1, 'p', 'u', NULL, 'f', 'n', 'i', 'active', 0, 1, 1, '{}')"#;

/// See the head of this file.
pub fn old_leases() -> Vec<BaseLease> {
    [("h", 1, 0xa, Some(ImageFormat::Qcow2)), ("i", 2, 0xb, None)]
        .map(|(host, server, image, format)| {
            let id = |n: u128| format!("00000000-0000-0000-0000-{n:012x}");
            let on =
                DiskUse { disk: DiskId(id(server)), image: id(image).parse().unwrap(), format };
            on.lease(&HostName::from(host), id(server).parse().unwrap())
        })
        .into()
}
