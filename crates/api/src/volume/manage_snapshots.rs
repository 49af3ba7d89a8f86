//! `/os-snapshot-manage`, `/manageable_snapshots` (3.8): snapshots that volumes have in their backend under other names, and how they become ours.
//! For administrators.

use super::envelope::{Answer, Volume};
use super::fields::{self, id_of};
use super::manage::{Wanted, source_name};
use super::microversion::{Microversion, since};
use super::paging::Pairs;
use super::snapshots::view::brief as view;
use super::volumes::create::trimmed;
use crate::http::body::Json;
use crate::http::caller::By;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use hatchery_control::policy;
use hatchery_control::volume::{ManageableVerbs, SnapshotRequest, VolumeVerbs};
use hatchery_model::caller::Caller;
use hatchery_model::units::Bytes;
use hatchery_model::volume::ManageableSnapshot;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The newer path came then.
const FIRST: u32 = 8;

/// `{"snapshot": {…}}`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManageBody {
    snapshot: ManageSnapshot,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ManageSnapshot {
    volume_id: String,
    #[serde(rename = "ref")]
    reference: Map<String, Value>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    metadata: Option<BTreeMap<String, String>>,
}

/// Takes what a volume has there for a snapshot.
pub async fn create(
    State(verbs): State<Arc<VolumeVerbs>>,
    By(caller, _): By<Volume>,
    version: Microversion,
    Json(body, _): Json<ManageBody, Volume>,
) -> Answer {
    policy::admin(&caller, "snapshot_extension:snapshot_manage")?;
    let body = body.snapshot;
    let volume = id_of("Volume", &body.volume_id)?;
    let source = source_name(&body.reference, "the name that the snapshot has in the backend")?;
    let metadata = body.metadata.unwrap_or_default();
    fields::pairs("metadata", &metadata)?;
    let request = SnapshotRequest {
        volume,
        name: trimmed("name", body.name)?,
        description: trimmed("description", body.description)?,
        metadata,
        while_used: true,
    };
    let made = verbs.manage_snapshot(&caller, request, &source).await?;
    let shown = json!({"snapshot": view(version, &made)});
    Ok((StatusCode::ACCEPTED, axum::Json(shown)).into_response())
}

/// The same at the newer path.
pub async fn create_since(
    verbs: State<Arc<VolumeVerbs>>,
    by: By<Volume>,
    version: Microversion,
    body: Json<ManageBody, Volume>,
) -> Answer {
    since(version, FIRST)?;
    create(verbs, by, version, body).await
}

async fn listed(
    verbs: &ManageableVerbs,
    caller: &Caller,
    pairs: &[(String, String)],
    view: fn(&ManageableSnapshot) -> Value,
) -> Answer {
    policy::admin(caller, "snapshot_extension:list_manageable")?;
    let page = Wanted::read(pairs)?;
    let found = page.cut(verbs.list_snapshots(caller, page.host).await?, |one| one.size);
    let shown: Vec<Value> = found.iter().map(view).collect();
    Ok(axum::Json(json!({"manageable-snapshots": shown})).into_response())
}

fn brief(one: &ManageableSnapshot) -> Value {
    json!({
        "reference": {"source-name": one.name},
        "source_reference": {"source-name": one.of},
        "size": one.size.0.div_ceil(Bytes::from_gib(1).0),
        "safe_to_manage": one.refused_by.is_none(),
    })
}

fn whole(one: &ManageableSnapshot) -> Value {
    let mut shown = brief(one);
    shown["reason_not_safe"] = json!(one.refused_by);
    shown["cinder_id"] = json!(one.snapshot);
    shown["extra_info"] = Value::Null;
    shown
}

/// The snapshots that a backend holds.
pub async fn list(
    State(verbs): State<Arc<ManageableVerbs>>,
    By(caller, _): By<Volume>,
    Query(pairs): Pairs,
) -> Answer {
    listed(&verbs, &caller, &pairs, brief).await
}

/// The same with reasons.
pub async fn detail(
    State(verbs): State<Arc<ManageableVerbs>>,
    By(caller, _): By<Volume>,
    Query(pairs): Pairs,
) -> Answer {
    listed(&verbs, &caller, &pairs, whole).await
}

/// The snapshots that a backend holds, at the newer path.
pub async fn list_since(
    verbs: State<Arc<ManageableVerbs>>,
    by: By<Volume>,
    version: Microversion,
    pairs: Pairs,
) -> Answer {
    since(version, FIRST)?;
    list(verbs, by, pairs).await
}

/// The same with reasons.
pub async fn detail_since(
    verbs: State<Arc<ManageableVerbs>>,
    by: By<Volume>,
    version: Microversion,
    pairs: Pairs,
) -> Answer {
    since(version, FIRST)?;
    detail(verbs, by, pairs).await
}
