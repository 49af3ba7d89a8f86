//! `/v2.0/extensions`: what this deployment really serves beyond networks, subnets and ports.

use super::fault::{Asked, Fault};
use axum::Json;
use axum::extract::Path;
use hatchery_control::Error;
use serde_json::{Value, json};

/// Alias, Neutron's name for it, what is served, and when Neutron last changed its meaning.
const EXTENSIONS: [(&str, &str, &str, &str); 16] = [
    (
        "binding",
        "Port Binding",
        "The host and the kind of interface of a port",
        "2014-02-03T10:00:00-00:00",
    ),
    (
        "external-net",
        "Neutron external network",
        "Networks that lead outside",
        "2013-01-14T10:00:00-00:00",
    ),
    (
        "filter-validation",
        "Filter parameters validation",
        "Unknown filters are refused",
        "2018-03-21T10:00:00-00:00",
    ),
    ("net-mtu", "Network MTU", "The largest packet of a network", "2015-03-25T10:00:00-00:00"),
    ("net-mtu-writable", "Network MTU (writable)", "It can be set", "2017-07-12T00:00:00-00:00"),
    (
        "network-ip-availability",
        "Network IP Availability",
        "How full subnets are",
        "2015-09-24T00:00:00-00:00",
    ),
    ("pagination", "Pagination support", "Listings in pages", "2016-06-12T00:00:00-00:00"),
    (
        "port-security",
        "Port Security",
        "Whether a port may only use its own addresses",
        "2012-07-23T10:00:00-00:00",
    ),
    (
        "project-id",
        "project_id field enabled",
        "tenant_id under its new name",
        "2016-09-09T09:09:09-09:09",
    ),
    ("provider", "Provider Network", "How a network is provided", "2012-09-07T10:00:00-00:00"),
    (
        "quotas",
        "Quota management support",
        "Limits of a project, to be read",
        "2012-07-29T10:00:00-00:00",
    ),
    (
        "revision-if-match",
        "If-Match constraints based on revision_number",
        "Changes of one revision only",
        "2016-12-11T00:00:00-00:00",
    ),
    ("sorting", "Sorting support", "Listings in order", "2016-06-12T00:00:00-00:00"),
    (
        "standard-attr-description",
        "standard-attr-description",
        "Everything has a description",
        "2016-02-10T10:00:00-00:00",
    ),
    (
        "standard-attr-timestamp",
        "Resource timestamps",
        "When a thing was made and changed",
        "2016-09-12T10:00:00-00:00",
    ),
    (
        "standard-attr-revisions",
        "Resource revision numbers",
        "Every change is counted",
        "2016-04-11T10:00:00-00:00",
    ),
];

/// `GET /v2.0/extensions`
pub async fn list(_: Asked) -> Json<Value> {
    let all: Vec<Value> = EXTENSIONS.iter().map(view).collect();
    Json(json!({"extensions": all}))
}

/// `GET /v2.0/extensions/{alias}`
pub async fn show(_: Asked, Path(alias): Path<String>) -> Result<Json<Value>, Fault> {
    let found = EXTENSIONS.iter().find(|(known, ..)| *known == alias);
    let found = found.ok_or_else(|| Error::not_found("Extension", alias))?;
    Ok(Json(json!({"extension": view(found)})))
}

fn view((alias, name, description, updated): &(&str, &str, &str, &str)) -> Value {
    json!({
        "alias": alias,
        "name": name,
        "description": description,
        "updated": updated,
        "links": [],
    })
}
