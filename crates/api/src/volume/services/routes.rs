//! `/os-services`

use crate::http::body;
use crate::http::caller::By;
use crate::http::time;
use crate::volume::envelope::{Answer, Volume};
use crate::volume::fields;
use crate::volume::microversion::Microversion;
use crate::volume::paging::Pairs;
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::response::IntoResponse;
use hatchery_control::volume::{BackendService, VolumeServiceVerbs};
use hatchery_control::{Error, policy};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// Every backend has one.
pub const BINARY: &str = "cinder-volume";

/// `PUT /os-services/{action}`
#[derive(Debug, Deserialize)]
pub struct UpdateBody {
    host: String,
    /// An older name of `binary`.
    #[serde(default)]
    service: Option<String>,
    #[serde(default)]
    binary: Option<String>,
    #[serde(default)]
    disabled_reason: Option<String>,
}

/// Lists.
pub async fn list(
    State(verbs): State<Arc<VolumeServiceVerbs>>,
    By(caller, _): By<Volume>,
    version: Microversion,
    Query(pairs): Pairs,
) -> Answer {
    let mut all = verbs.list(&caller, "volume_extension:services:index").await?;
    for (key, wanted) in &pairs {
        match key.as_str() {
            "host" => all.retain(|one| one.host() == *wanted || one.name.host.as_str() == wanted),
            "binary" => all.retain(|_| wanted == BINARY),
            _ => {}
        }
    }
    let shown: Vec<Value> = all.iter().map(|one| view(one, version)).collect();
    Ok(Json(json!({"services": shown})).into_response())
}

fn view(one: &BackendService, version: Microversion) -> Value {
    let state = if one.up { "up" } else { "down" };
    let mut shown = json!({
        "binary": BINARY,
        "host": one.host(),
        "zone": one.zone,
        "status": if one.disabled.is_some() { "disabled" } else { "enabled" },
        "state": state,
        "updated_at": time::micros(one.heard_at),
        "disabled_reason": one.disabled.as_ref().filter(|reason| !reason.is_empty()),
        "replication_status": "disabled",
        "active_backend_id": null,
        "frozen": false,
    });
    if version.0 >= 7 {
        shown["cluster"] = Value::Null;
    }
    if version.0 >= 49 {
        shown["backend_state"] = json!(state);
    }
    shown
}

/// Keeps new volumes away, or lets them come again.
pub async fn update(
    State(verbs): State<Arc<VolumeServiceVerbs>>,
    By(caller, _): By<Volume>,
    Path(action): Path<String>,
    body::Json(body, _): body::Json<UpdateBody, Volume>,
) -> Answer {
    policy::admin(&caller, "volume_extension:services:update")?;
    let reason = match (action.as_str(), &body.disabled_reason) {
        ("enable", _) => None,
        ("disable", _) => Some(String::new()),
        ("disable-log-reason", Some(reason)) => {
            fields::name("disabled_reason", reason)?;
            Some(reason.clone())
        }
        ("disable-log-reason", None) => {
            return Err(Error::Invalid("Missing required element disabled_reason.".into()).into());
        }
        ("freeze" | "thaw", _) => {
            let all = verbs.list(&caller, "volume:freeze_host").await?;
            if !all.iter().any(|one| one.host() == body.host) {
                let why = format!("No service found with host={}", body.host);
                return Err(Error::Invalid(why).into());
            }
            return Err(Error::Unsupported(format!("{action} is not served here.")).into());
        }
        ("failover_host" | "get-log" | "set-log", _) => {
            return Err(Error::Unsupported(format!("{action} is not served here.")).into());
        }
        _ => return Err(Error::not_found("Action", action).into()),
    };
    let service = body.service.unwrap_or_default();
    let binary = body.binary.unwrap_or_default();
    let named = if binary.is_empty() { &service } else { &binary };
    if named != BINARY {
        return Err(Error::not_found("Service", format!("{named} on host {}", body.host)).into());
    }
    let found = verbs.set_disabled(&caller, &body.host, reason).await?;
    let disabled = found.disabled.is_some();
    let mut shown = json!({
        "host": body.host,
        "service": service,
        "binary": binary,
        "status": if disabled { "disabled" } else { "enabled" },
        "disabled": disabled,
    });
    if action == "disable-log-reason" {
        shown["disabled_reason"] = json!(found.disabled);
    }
    Ok(Json(shown).into_response())
}
