//! `/os-services`

use super::numbered::{Numbered, numbered};
use crate::compute::envelope::{Answer, Compute};
use crate::compute::fields::{flexible_bool, present};
use crate::compute::microversion::Microversion;
use crate::http::body;
use crate::http::caller::By;
use crate::http::time;
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use hatchery_control::Error;
use hatchery_control::compute::HostVerbs;
use hatchery_model::caller::Caller;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// The only service that there is: every host has one.
const BINARY: &str = "nova-compute";

/// `PUT /os-services/{id}`: by id since 2.53, before that by host and binary with the action's name in the path.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpdateBody {
    #[serde(default, deserialize_with = "present")]
    status: Option<String>,
    #[serde(default, deserialize_with = "present")]
    disabled_reason: Option<String>,
    #[serde(default, deserialize_with = "flexible_bool")]
    forced_down: Option<bool>,
    #[serde(default, deserialize_with = "present")]
    host: Option<String>,
    #[serde(default, deserialize_with = "present")]
    binary: Option<String>,
}

/// Lists; every host has a `nova-compute`.
pub async fn list(
    State(verbs): State<Arc<HostVerbs>>,
    By(caller, _): By<Compute>,
    version: Microversion,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Answer {
    let mut hosts = numbered(verbs.list(&caller).await?);
    for (key, value) in pairs.iter().filter(|(_, value)| !value.is_empty()) {
        match key.as_str() {
            "host" => hosts.retain(|one| one.status.host.name.as_str() == value),
            "binary" => hosts.retain(|_| value == BINARY),
            _ => {}
        }
    }
    let shown: Vec<Value> = hosts.iter().map(|one| view(one, version)).collect();
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
    let has_fitting_reason =
        body.disabled_reason.as_ref().is_none_or(|text| (1..=255).contains(&text.chars().count()));
    if !has_fitting_reason {
        return Err(invalid("Invalid input: disabled_reason has 1 to 255 characters.").into());
    }
    if body.forced_down.is_some() || id == "force-down" {
        let text = "Services cannot be forced down here: what a host reports is believed.";
        return Err(Error::Unsupported(text.into()).into());
    }
    if version.0 >= 53 {
        by_id(&verbs, &caller, version, &id, body).await
    } else {
        by_name(&verbs, &caller, &id, body).await
    }
}

async fn by_id(
    verbs: &HostVerbs,
    caller: &Caller,
    version: Microversion,
    id: &str,
    body: UpdateBody,
) -> Answer {
    let id = id.parse().map_err(|_| Error::Invalid(format!("Invalid uuid {id}")))?;
    if body.host.is_some() || body.binary.is_some() {
        let text = "Additional properties are not allowed: the service is named by its id.";
        return Err(invalid(text).into());
    }
    let reason = match (body.status.as_deref(), body.disabled_reason) {
        (Some("enabled"), None) => None,
        (Some("enabled"), Some(_)) => {
            let text = "Specifying 'disabled_reason' with status 'enabled' is invalid.";
            return Err(invalid(text).into());
        }
        (Some("disabled"), reason) => Some(reason.unwrap_or_default()),
        (Some(other), _) => {
            let text = format!("Invalid input: '{other}' is not one of ['enabled', 'disabled']");
            return Err(Error::Invalid(text).into());
        }
        (None, _) => {
            let text =
                "No updates were requested. Fields 'status' or 'forced_down' should be specified.";
            return Err(invalid(text).into());
        }
    };
    let status = verbs.set_disabled(caller, id, reason).await?;
    // Its number is not shown any more.
    Ok(Json(json!({"service": view(&Numbered { number: 0, status }, version)})).into_response())
}

async fn by_name(verbs: &HostVerbs, caller: &Caller, action: &str, body: UpdateBody) -> Answer {
    let hosts = verbs.list(caller).await?;
    let (Some(host), Some(binary), None) = (&body.host, &body.binary, &body.status) else {
        return Err(invalid("Invalid input: give 'host' and 'binary', and nothing else.").into());
    };
    let (status, reason) = match (action, &body.disabled_reason) {
        ("enable", _) => ("enabled", None),
        ("disable", _) => ("disabled", Some(String::new())),
        ("disable-log-reason", Some(reason)) => ("disabled", Some(reason.clone())),
        ("disable-log-reason", None) => return Err(invalid("Missing disabled reason field").into()),
        _ => return Err(Error::not_found("Action", action).into()),
    };
    if binary != BINARY {
        let text = format!(
            "Updating a {binary} service is not supported. Only {BINARY} services can be updated."
        );
        return Err(Error::Invalid(text).into());
    }
    let found = hosts.into_iter().find(|one| one.host.name.as_str() == host);
    let found = found.ok_or_else(|| Error::not_found("Compute host", host))?;
    verbs.set_disabled(caller, found.host.id, reason.clone()).await?;
    Ok(named(host, status, reason.filter(|reason| !reason.is_empty())))
}

fn named(host: &str, status: &str, reason: Option<String>) -> Response {
    let mut shown = json!({"host": host, "binary": BINARY, "status": status});
    if let Some(reason) = reason {
        shown["disabled_reason"] = json!(reason);
    }
    Json(json!({"service": shown})).into_response()
}

fn view(one: &Numbered, version: Microversion) -> Value {
    let host = &one.status.host;
    let mut shown = json!({
        "id": one.id(version),
        "binary": BINARY,
        "host": host.name,
        "zone": host.availability_zone,
        "status": if host.disabled.is_some() { "disabled" } else { "enabled" },
        "state": if one.status.up { "up" } else { "down" },
        "updated_at": time::micros(host.heard_at),
        "disabled_reason": host.disabled.as_ref().filter(|reason| !reason.is_empty()),
    });
    if version.0 >= 11 {
        shown["forced_down"] = json!(false);
    }
    shown
}

fn invalid(text: &str) -> Error {
    Error::Invalid(text.into())
}
