//! A backup as Cinder shows it, by microversion.

use crate::http::time;
use crate::volume::address::Address;
use crate::volume::microversion::Microversion;
use hatchery_control::volume::BackupDetail;
use hatchery_model::volume::Backup;
use serde_json::{Value, json};

/// What a listing without details has, and the answer to a create.
pub fn brief(address: &Address, backup: &Backup) -> Value {
    json!({
        "id": backup.id,
        "name": backup.name,
        "links": address.links(&format!("backups/{}", backup.id)),
    })
}

/// The whole backup.
pub fn whole(address: &Address, version: Microversion, detail: &BackupDetail) -> Value {
    let backup = &detail.backup;
    let mut shown = brief(address, backup);
    let more = json!({
        "status": backup.state.status(),
        "size": backup.size_gib,
        // The store keeps a backup's own bytes in one file.
        "object_count": u32::from(backup.stored.0 > 0),
        "availability_zone": backup.availability_zone,
        "container": backup.container,
        "created_at": time::micros(backup.created_at),
        "updated_at": time::micros(backup.updated_at),
        "description": backup.description,
        "fail_reason": backup.fail_reason,
        "volume_id": backup.volume,
        "is_incremental": backup.parent.is_some(),
        "has_dependent_backups": detail.has_dependents,
        "snapshot_id": backup.snapshot,
        "data_timestamp": time::micros(backup.data_at),
    });
    if let (Value::Object(shown), Value::Object(more)) = (&mut shown, more) {
        shown.extend(more);
    }
    if version.0 >= 18 {
        shown["os-backup-project-attr:project_id"] = json!(backup.project);
    }
    if version.0 >= 43 {
        shown["metadata"] = json!(backup.metadata);
    }
    if version.0 >= 56 {
        shown["user_id"] = json!(backup.user);
    }
    shown
}
