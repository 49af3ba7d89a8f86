//! `/os-availability-zone`

use crate::compute::envelope::{Answer, Compute};
use crate::http::caller::By;
use crate::http::time;
use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use hatchery_control::compute::{HostVerbs, Zone};
use hatchery_control::policy;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// Names and states.
pub async fn brief(State(verbs): State<Arc<HostVerbs>>, By(caller, _): By<Compute>) -> Answer {
    let zones = verbs.zones(&caller).await?;
    let shown: Vec<Value> = zones.iter().map(|zone| view(zone, Value::Null)).collect();
    Ok(Json(json!({"availabilityZoneInfo": shown})).into_response())
}

/// With hosts; administrators only.
pub async fn detail(State(verbs): State<Arc<HostVerbs>>, By(caller, _): By<Compute>) -> Answer {
    policy::admin(&caller, "os_compute_api:os-availability-zone:detail")?;
    let zones = verbs.zones(&caller).await?;
    let shown: Vec<Value> = zones.iter().map(|zone| view(zone, hosts(zone))).collect();
    Ok(Json(json!({"availabilityZoneInfo": shown})).into_response())
}

fn view(zone: &Zone, hosts: Value) -> Value {
    json!({"zoneName": zone.name, "zoneState": {"available": zone.available}, "hosts": hosts})
}

fn hosts(zone: &Zone) -> Value {
    let mut shown = Map::new();
    for host in &zone.hosts {
        let service = json!({
            "active": host.disabled.is_none(),
            "available": zone.available,
            "updated_at": time::micros(host.heard_at),
        });
        shown.insert(host.name.to_string(), json!({"nova-compute": service}));
    }
    Value::Object(shown)
}
