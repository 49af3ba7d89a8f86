//! `/scheduler-stats/get_pools`, `/capabilities/{host}`

use crate::http::caller::By;
use crate::http::time;
use crate::volume::envelope::{Answer, Volume};
use crate::volume::microversion::Microversion;
use crate::volume::paging::{Pairs, flag};
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::response::IntoResponse;
use hatchery_control::Error;
use hatchery_control::volume::{BackendService, VolumeServiceVerbs};
use serde_json::{Value, json};
use std::sync::Arc;

/// Since then pools can be filtered.
const FILTER: u32 = 28;
const GIB: f64 = (1u64 << 30) as f64;

/// All pools that are up; with `detail=true` also what they can do.
pub async fn pools(
    State(verbs): State<Arc<VolumeServiceVerbs>>,
    By(caller, _): By<Volume>,
    version: Microversion,
    Query(pairs): Pairs,
) -> Answer {
    let mut all = verbs.list(&caller, "scheduler_extension:scheduler_stats:get_pools").await?;
    let detail = flag(&pairs, "detail")?.unwrap_or(false);
    all.retain(|one| one.up);
    if version.0 >= FILTER {
        for (key, wanted) in &pairs {
            match key.as_str() {
                "name" => all.retain(|one| one.name.to_string() == *wanted),
                "volume_backend_name" => all.retain(|one| one.name.pool == *wanted),
                _ => {}
            }
        }
    }
    let view = |one: &BackendService| {
        let mut shown = json!({"name": one.name.to_string()});
        if detail {
            shown["capabilities"] = capabilities(one);
        }
        shown
    };
    let shown: Vec<Value> = all.iter().map(view).collect();
    Ok(Json(json!({"pools": shown})).into_response())
}

fn capabilities(one: &BackendService) -> Value {
    let report = &one.report;
    let is_counted = report.total.0 > 0;
    let gib = |bytes: u64| match is_counted {
        true => json!((bytes as f64 / GIB * 100.0).round() / 100.0),
        false => json!("unknown"),
    };
    json!({
        "volume_backend_name": one.name.pool,
        "pool_name": one.name.pool,
        "storage_protocol": report.protocol,
        "vendor_name": "Open Source",
        "driver_version": env!("CARGO_PKG_VERSION"),
        "total_capacity_gb": gib(report.total.0),
        "free_capacity_gb": gib(report.free.0),
        "reserved_percentage": 0,
        "thin_provisioning_support": true,
        "thick_provisioning_support": false,
        "QoS_support": false,
        "multiattach": false,
        "replication_enabled": false,
        "backend_state": if one.up { "up" } else { "down" },
        "timestamp": time::micros(one.heard_at),
    })
}

/// What a backend can do.
pub async fn show(
    State(verbs): State<Arc<VolumeServiceVerbs>>,
    By(caller, _): By<Volume>,
    Path(host): Path<String>,
) -> Answer {
    let all = verbs.list(&caller, "volume_extension:capabilities").await?;
    let is_it = |one: &&BackendService| one.host() == host || one.name.to_string() == host;
    let found = all.iter().find(is_it);
    let one = found.ok_or_else(|| Error::not_found("Service", &host))?;
    let shown = json!({
        "namespace": format!("OS::Storage::Capabilities::{}", one.host()),
        "vendor_name": "Open Source",
        "volume_backend_name": one.name.pool,
        "pool_name": one.name.pool,
        "driver_version": env!("CARGO_PKG_VERSION"),
        "storage_protocol": one.report.protocol,
        "display_name": one.name.pool,
        "description": null,
        "visibility": null,
        "replication_targets": [],
        "properties": {
            "thin_provisioning": {
                "title": "Thin Provisioning",
                "description": "Sets thin provisioning.",
                "type": "boolean",
            },
        },
    });
    Ok(Json(shown).into_response())
}
