//! `/v2.0/security-groups`: each project has its default group, which lets everything through. Nothing filters traffic yet, and the
//! rules shown say so; groups cannot be made or changed.

use super::fault::{Asked, Fault};
use super::listing::Listing;
use super::router::NetworkState;
use super::view::default_group;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use hatchery_control::{Error, policy};
use hatchery_model::id::ProjectId;
use serde_json::{Value, json};
use uuid::Uuid;

const ATTRIBUTES: [&str; 7] =
    ["id", "name", "description", "tenant_id", "project_id", "stateful", "revision_number"];
const RULE_ATTRIBUTES: [&str; 10] = [
    "id",
    "security_group_id",
    "tenant_id",
    "project_id",
    "direction",
    "ethertype",
    "protocol",
    "remote_group_id",
    "remote_ip_prefix",
    "revision_number",
];

/// `GET /v2.0/security-groups`
pub async fn list(
    State(state): State<NetworkState>,
    asked: Asked,
    uri: Uri,
) -> Result<Json<Value>, Fault> {
    let listing = Listing::read(&uri)?;
    let project = policy::reader_project(&asked.0, "get_security_group")?;
    // An administrator who names a project gets that project's group.
    let named = listing.only("project_id").or(listing.only("tenant_id"));
    let project = match named {
        Some(named) if asked.0.is_admin() => ProjectId::from(named),
        Some(_) | None => project.clone(),
    };
    let rows = vec![group(&project)];
    Ok(Json(listing.answer(&state, "security_groups", &ATTRIBUTES, rows)?))
}

/// `GET /v2.0/security-groups/{id}`
pub async fn show(asked: Asked, Path(id): Path<String>) -> Result<Json<Value>, Fault> {
    let project = policy::reader_project(&asked.0, "get_security_group")?;
    if default_group(project).to_string() != id {
        return Err(Error::not_found("Security group", id).into());
    }
    Ok(Json(json!({"security_group": group(project)})))
}

/// `DELETE /v2.0/security-groups/{id}`: default groups cannot go. An administrator's wish is granted as in Neutron, where the project gets another
/// one when it is needed next.
pub async fn delete(asked: Asked, Path(id): Path<String>) -> Result<StatusCode, Fault> {
    let project = policy::reader_project(&asked.0, "delete_security_group")?;
    if asked.0.is_admin() && id.parse::<Uuid>().is_ok() {
        return Ok(StatusCode::NO_CONTENT);
    }
    if default_group(project).to_string() != id {
        return Err(Error::not_found("Security group", id).into());
    }
    Err(Error::Conflict("Removing default security group not allowed.".into()).into())
}

/// `GET /v2.0/security-group-rules`
pub async fn rules(
    State(state): State<NetworkState>,
    asked: Asked,
    uri: Uri,
) -> Result<Json<Value>, Fault> {
    let project = policy::reader_project(&asked.0, "get_security_group_rule")?;
    let listing = Listing::read(&uri)?;
    let rows = rules_of(project);
    let body = listing.answer(&state, "security_group_rules", &RULE_ATTRIBUTES, rows)?;
    Ok(Json(body))
}

fn group(project: &ProjectId) -> Value {
    json!({
        "id": default_group(project).to_string(),
        "name": "default",
        "description": "Lets everything through: traffic is not filtered.",
        "tenant_id": project.as_str(),
        "project_id": project.as_str(),
        "stateful": true,
        "shared": false,
        "tags": [],
        "revision_number": 1,
        "security_group_rules": rules_of(project),
    })
}

fn rules_of(project: &ProjectId) -> Vec<Value> {
    let group = default_group(project);
    [("ingress", "IPv4"), ("ingress", "IPv6"), ("egress", "IPv4"), ("egress", "IPv6")]
        .iter()
        .map(|(direction, ethertype)| {
            let name = format!("{direction} {ethertype}");
            json!({
                "id": Uuid::new_v5(&group, name.as_bytes()).to_string(),
                "security_group_id": group.to_string(),
                "tenant_id": project.as_str(),
                "project_id": project.as_str(),
                "direction": direction,
                "ethertype": ethertype,
                "protocol": null,
                "port_range_min": null,
                "port_range_max": null,
                "remote_ip_prefix": null,
                "remote_group_id": null,
                "description": "",
                "revision_number": 1,
            })
        })
        .collect()
}
