//! Groups and group snapshots as Cinder shows them, by microversion.

use crate::http::time;
use crate::volume::microversion::Microversion;
use hatchery_control::volume::{GroupDetail, GroupSnapshotDetail};
use hatchery_model::caller::Caller;
use serde_json::{Value, json};

/// What a group was made of is shown since then.
const SOURCES: u32 = 14;
/// The volumes may be asked for since then.
const VOLUMES: u32 = 25;
/// Replication came then.
const REPLICATION: u32 = 38;
/// Administrators see the project since then.
const PROJECT: u32 = 58;

/// What a listing without details has, and the answer to a create.
pub fn brief(detail: &GroupDetail) -> Value {
    json!({"id": detail.group.id, "name": detail.group.name})
}

/// The whole group; `with_volumes`: also the ids of its volumes.
pub fn whole(
    caller: &Caller,
    version: Microversion,
    with_volumes: bool,
    detail: &GroupDetail,
) -> Value {
    let group = &detail.group;
    let mut shown = json!({
        "id": group.id,
        "status": group.status(&detail.volumes),
        "availability_zone": group.availability_zone,
        "created_at": time::micros(group.created_at),
        "name": group.name,
        "description": group.description,
        "group_type": group.group_type,
        "volume_types": group.volume_types,
    });
    if version.0 >= SOURCES {
        shown["group_snapshot_id"] = json!(group.group_snapshot);
        shown["source_group_id"] = json!(group.source_group);
    }
    if version.0 >= VOLUMES && with_volumes {
        shown["volumes"] = detail.volumes.iter().map(|volume| json!(volume.id)).collect();
    }
    if version.0 >= REPLICATION {
        shown["replication_status"] = json!("disabled");
    }
    if version.0 >= PROJECT && caller.is_admin() {
        shown["project_id"] = json!(group.project);
    }
    shown
}

/// What a listing of group snapshots without details has.
pub fn brief_snapshot(detail: &GroupSnapshotDetail) -> Value {
    json!({"id": detail.group_snapshot.id, "name": detail.group_snapshot.name})
}

/// The whole group snapshot.
pub fn whole_snapshot(
    caller: &Caller,
    version: Microversion,
    detail: &GroupSnapshotDetail,
) -> Value {
    let of = &detail.group_snapshot;
    let mut shown = json!({
        "id": of.id,
        "group_id": of.group,
        "group_type_id": of.group_type,
        "status": of.status(&detail.snapshots),
        "created_at": time::micros(of.created_at),
        "name": of.name,
        "description": of.description,
    });
    if version.0 >= PROJECT && caller.is_admin() {
        shown["project_id"] = json!(of.project);
    }
    shown
}
