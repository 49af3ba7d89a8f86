//! A snapshot as Cinder shows it, by microversion.

use crate::http::time;
use crate::volume::microversion::Microversion;
use hatchery_model::volume::{Snapshot, SnapshotState};
use serde_json::{Value, json};

/// What a listing without details has: all but the attributes of extensions.
pub fn brief(version: Microversion, snapshot: &Snapshot) -> Value {
    let mut shown = json!({
        "id": snapshot.id,
        "created_at": time::micros(snapshot.created_at),
        "updated_at": time::micros(snapshot.updated_at),
        "name": snapshot.name,
        "description": snapshot.description,
        "volume_id": snapshot.volume,
        "status": snapshot.state.status(),
        "size": snapshot.size_gib,
        "metadata": snapshot.metadata,
    });
    if version.0 >= 14 {
        shown["group_snapshot_id"] = json!(snapshot.group_snapshot);
    }
    if version.0 >= 41 {
        shown["user_id"] = json!(snapshot.user);
    }
    if version.0 >= 65 {
        shown["consumes_quota"] = json!(true);
    }
    shown
}

/// The whole snapshot.
pub fn whole(version: Microversion, snapshot: &Snapshot) -> Value {
    let mut shown = brief(version, snapshot);
    let made = matches!(snapshot.state, SnapshotState::Available | SnapshotState::Restoring);
    let progress = if made { "100%" } else { "0%" };
    let progress = snapshot.progress.as_deref().filter(|_| !made).unwrap_or(progress);
    shown["os-extended-snapshot-attributes:progress"] = json!(progress);
    shown["os-extended-snapshot-attributes:project_id"] = json!(snapshot.project);
    shown
}
