//! `/os-hosts`

use super::routes::BINARY;
use crate::http::caller::By;
use crate::http::time;
use crate::volume::envelope::{Answer, Volume};
use crate::volume::paging::{Pairs, value};
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::response::IntoResponse;
use hatchery_control::volume::VolumeServiceVerbs;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// All backends that take volumes.
pub async fn list(
    State(verbs): State<Arc<VolumeServiceVerbs>>,
    By(caller, _): By<Volume>,
    Query(pairs): Pairs,
) -> Answer {
    let mut all = verbs.list(&caller, "volume_extension:hosts").await?;
    all.retain(|one| one.disabled.is_none());
    if let Some(zone) = value(&pairs, "zone").filter(|zone| !zone.is_empty()) {
        all.retain(|one| one.zone == zone);
    }
    let shown: Vec<Value> = all
        .iter()
        .map(|one| {
            json!({
                "host_name": one.host(),
                "service": BINARY,
                "zone": one.zone,
                "service-status": if one.up { "available" } else { "unavailable" },
                "service-state": "enabled",
                "last-update": time::micros(one.heard_at),
            })
        })
        .collect();
    Ok(Json(json!({"hosts": shown})).into_response())
}

/// What is on a backend, in all and by project.
pub async fn show(
    State(verbs): State<Arc<VolumeServiceVerbs>>,
    By(caller, _): By<Volume>,
    Path(host): Path<String>,
) -> Answer {
    let (volumes, snapshots) = verbs.volumes_of(&caller, &host).await?;
    let mut by_project: BTreeMap<&str, [u64; 4]> = BTreeMap::new();
    let mut total = [0; 4];
    let mut count = |project, first: usize, gib: u64| {
        for sums in [by_project.entry(project).or_default(), &mut total] {
            sums[first] += 1;
            sums[first + 1] += gib;
        }
    };
    for volume in &volumes {
        count(volume.project.as_str(), 0, volume.size_gib);
    }
    for snapshot in &snapshots {
        count(snapshot.project.as_str(), 2, snapshot.size_gib);
    }
    let row = |project: &str, sums: [u64; 4]| {
        let [volume_count, volume_gib, snapshot_count, snapshot_gib] = sums.map(|n| n.to_string());
        json!({"resource": {
            "host": host,
            "project": project,
            "volume_count": volume_count,
            "total_volume_gb": volume_gib,
            "snapshot_count": snapshot_count,
            "total_snapshot_gb": snapshot_gib,
        }})
    };
    let mut rows = vec![row("(total)", total)];
    rows.extend(by_project.into_iter().map(|(project, sums)| row(project, sums)));
    Ok(Json(json!({"host": rows})).into_response())
}
