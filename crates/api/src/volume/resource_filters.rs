//! `/resource_filters` (3.33): by what listings can be filtered.

use super::envelope::{Answer, Volume};
use super::microversion::{Microversion, since};
use super::paging::{Pairs, value};
use crate::http::caller::By;
use axum::Json;
use axum::extract::Query;
use axum::response::IntoResponse;
use serde_json::{Value, json};

/// They came then.
const FIRST: u32 = 33;

/// Those that listings here know.
const FILTERS: [(&str, &[&str]); 8] = [
    (
        "volume",
        &["name", "status", "metadata", "bootable", "availability_zone", "size", "group_id"],
    ),
    ("backup", &["name", "status", "volume_id"]),
    ("snapshot", &["name", "status", "volume_id", "metadata", "availability_zone"]),
    ("group", &["name"]),
    ("group_snapshot", &["name", "group_id"]),
    ("attachment", &["volume_id", "instance_id"]),
    ("pool", &["name"]),
    ("volume_type", &["is_public", "extra_specs"]),
];

/// All, or those of one resource.
pub async fn list(By(_, _): By<Volume>, version: Microversion, Query(pairs): Pairs) -> Answer {
    since(version, FIRST)?;
    let only = value(&pairs, "resource");
    let shown: Vec<Value> = FILTERS
        .iter()
        .filter(|(resource, _)| only.is_none_or(|only| only == *resource))
        .map(|(resource, filters)| json!({"resource": resource, "filters": filters}))
        .collect();
    Ok(Json(json!({"resource_filters": shown})).into_response())
}
