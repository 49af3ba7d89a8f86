//! `/os-snapshots`

use super::{is_spoken, part};
use crate::compute::envelope::{Answer, Compute};
use crate::compute::fields::{flexible_bool, present};
use crate::compute::microversion::Microversion;
use crate::http::body::Json;
use crate::http::caller::By;
use crate::http::time;
use crate::volume::fields::{id_of, short};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use hatchery_control::Error;
use hatchery_control::volume::{SnapshotQuery, SnapshotRequest, VolumeVerbs};
use hatchery_model::page::Page;
use hatchery_model::volume::Snapshot;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// `{"snapshot": {…}}`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateBody {
    snapshot: NewSnapshot,
}

/// No field may be null.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewSnapshot {
    volume_id: String,
    #[serde(default, deserialize_with = "flexible_bool")]
    force: Option<bool>,
    #[serde(default, deserialize_with = "present")]
    display_name: Option<String>,
    #[serde(default, deserialize_with = "present")]
    display_description: Option<String>,
}

impl NewSnapshot {
    fn parse(self) -> Result<SnapshotRequest, Error> {
        for (field, text) in [
            ("display_name", &self.display_name),
            ("display_description", &self.display_description),
        ] {
            text.as_deref().map_or(Ok(()), |text| short(field, text))?;
        }
        Ok(SnapshotRequest {
            volume: id_of("Volume", &self.volume_id)?,
            name: self.display_name,
            description: self.display_description,
            metadata: BTreeMap::new(),
            while_used: self.force == Some(true),
        })
    }
}

fn view(snapshot: &Snapshot) -> Value {
    json!({
        "id": snapshot.id,
        "volumeId": snapshot.volume,
        "status": snapshot.state.status(),
        "size": snapshot.size_gib,
        "createdAt": time::micros(snapshot.created_at),
        "displayName": snapshot.name,
        "displayDescription": snapshot.description,
    })
}

/// Lists, with all that there is to tell, also where no details were wanted.
pub async fn list(
    State(verbs): State<Arc<VolumeVerbs>>,
    By(caller, _): By<Compute>,
    version: Microversion,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Answer {
    is_spoken(version)?;
    let (offset, limit) = part(&pairs)?;
    let rows = u32::try_from(offset.saturating_add(limit)).unwrap_or(u32::MAX);
    let page = Page { limit: Some(rows), ..Page::default() };
    let query = SnapshotQuery { page, ..SnapshotQuery::default() };
    let found = verbs.list_snapshots(&caller, &query).await?;
    let shown: Vec<Value> = found.iter().skip(offset).map(view).collect();
    Ok(axum::Json(json!({"snapshots": shown})).into_response())
}

/// Shows one.
pub async fn show(
    State(verbs): State<Arc<VolumeVerbs>>,
    By(caller, _): By<Compute>,
    version: Microversion,
    Path(id): Path<String>,
) -> Answer {
    is_spoken(version)?;
    let found = verbs.find_snapshot(&caller, id_of("Snapshot", &id)?).await?;
    Ok(axum::Json(json!({"snapshot": view(&found)})).into_response())
}

/// Asks for one; with `force` also of a volume that is used.
pub async fn create(
    State(verbs): State<Arc<VolumeVerbs>>,
    By(caller, _): By<Compute>,
    version: Microversion,
    Json(body, _): Json<CreateBody, Compute>,
) -> Answer {
    is_spoken(version)?;
    let made = verbs.create_snapshot(&caller, body.snapshot.parse()?).await?;
    Ok(axum::Json(json!({"snapshot": view(&made)})).into_response())
}

/// Promises that one goes.
pub async fn delete(
    State(verbs): State<Arc<VolumeVerbs>>,
    By(caller, _): By<Compute>,
    version: Microversion,
    Path(id): Path<String>,
) -> Answer<StatusCode> {
    is_spoken(version)?;
    verbs.delete_snapshot(&caller, id_of("Snapshot", &id)?, false).await?;
    Ok(StatusCode::ACCEPTED)
}
