//! `/os-services`

use crate::compute::envelope::{Answer, Compute};
use crate::compute::microversion::{Microversion, since};
use crate::http::body;
use crate::http::caller::By;
use crate::http::time;
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::response::IntoResponse;
use hatchery_control::Error;
use hatchery_control::compute::{HostStatus, HostVerbs};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// `PUT /os-services/{id}` (2.53)
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpdateBody {
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    disabled_reason: Option<String>,
}

/// Lists; every host has a `nova-compute`.
pub async fn list(
    State(verbs): State<Arc<HostVerbs>>,
    By(caller, _): By<Compute>,
    version: Microversion,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Answer {
    let hosts = verbs.list(&caller).await?;
    let fits = |one: &&HostStatus| {
        pairs.iter().all(|(key, value)| match key.as_str() {
            "host" => one.host.name.as_str() == value,
            "binary" => value == "nova-compute",
            _ => true,
        })
    };
    let shown: Vec<Value> = hosts.iter().filter(fits).map(|one| view(one, version)).collect();
    Ok(Json(json!({"services": shown})).into_response())
}

/// Enables or disables.
pub async fn update(
    State(verbs): State<Arc<HostVerbs>>,
    By(caller, _): By<Compute>,
    version: Microversion,
    Path(id): Path<String>,
    body::Json(body, _): body::Json<UpdateBody, Compute>,
) -> Answer {
    since(version, 53)?;
    let id = id.parse().map_err(|_| Error::Invalid(format!("Invalid uuid {id}")))?;
    let reason = match (body.status.as_deref(), body.disabled_reason) {
        (Some("enabled"), None) => None,
        (Some("enabled"), Some(_)) => {
            let text = "Specifying disabled_reason when status is 'enabled' is invalid.";
            return Err(Error::Invalid(text.into()).into());
        }
        (Some("disabled"), reason) => Some(reason.unwrap_or_default()),
        _ => {
            let text = "Invalid input: status must be 'enabled' or 'disabled'.";
            return Err(Error::Invalid(text.into()).into());
        }
    };
    let one = verbs.set_disabled(&caller, id, reason).await?;
    Ok(Json(json!({"service": view(&one, version)})).into_response())
}

fn view(one: &HostStatus, version: Microversion) -> Value {
    let host = &one.host;
    let id = if version.0 >= 53 { json!(host.id) } else { json!(1) };
    let mut shown = json!({
        "id": id,
        "binary": "nova-compute",
        "host": host.name,
        "zone": host.availability_zone,
        "status": if host.disabled.is_some() { "disabled" } else { "enabled" },
        "state": if one.up { "up" } else { "down" },
        "updated_at": time::micros(host.heard_at),
        "disabled_reason": host.disabled.as_ref().filter(|reason| !reason.is_empty()),
    });
    if version.0 >= 11 {
        shown["forced_down"] = json!(false);
    }
    shown
}
