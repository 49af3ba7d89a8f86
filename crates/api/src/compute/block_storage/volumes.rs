//! `/os-volumes`

use super::{is_spoken, part};
use crate::compute::envelope::{Answer, Compute};
use crate::compute::fields::present;
use crate::compute::microversion::Microversion;
use crate::compute::versions::Root;
use crate::http::body::Json;
use crate::http::caller::By;
use crate::http::time;
use crate::volume::fields::{id_of, pairs as check_pairs, short, whole};
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use hatchery_control::Error;
use hatchery_control::volume::{
    VolumeDetail, VolumeQuery, VolumeRemoval, VolumeRequest, VolumeSource, VolumeVerbs,
};
use hatchery_model::page::Page;
use hatchery_model::volume::{Attachment, AttachmentState};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// `{"volume": {…}}`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateBody {
    volume: NewVolume,
}

/// No field may be null.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewVolume {
    size: Value,
    #[serde(default, deserialize_with = "present")]
    display_name: Option<String>,
    #[serde(default, deserialize_with = "present")]
    display_description: Option<String>,
    #[serde(default, deserialize_with = "present")]
    volume_type: Option<String>,
    #[serde(default, deserialize_with = "present")]
    availability_zone: Option<String>,
    #[serde(default)]
    metadata: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "present")]
    snapshot_id: Option<String>,
}

impl NewVolume {
    fn parse(self) -> Result<VolumeRequest, Error> {
        let size = whole("size", &self.size, 1)?.unsigned_abs();
        let source = match &self.snapshot_id {
            None => VolumeSource::Empty,
            Some(id) => VolumeSource::Snapshot(id_of("Snapshot", id)?),
        };
        for (field, text) in [
            ("display_name", &self.display_name),
            ("display_description", &self.display_description),
            ("volume_type", &self.volume_type),
            ("availability_zone", &self.availability_zone),
        ] {
            text.as_deref().map_or(Ok(()), |text| short(field, text))?;
        }
        check_pairs("metadata", &self.metadata)?;
        Ok(VolumeRequest {
            name: self.display_name,
            description: self.display_description,
            size_gib: Some(size),
            source,
            volume_type: self.volume_type.filter(|name| !name.is_empty()),
            availability_zone: self.availability_zone.filter(|name| !name.is_empty()),
            metadata: self.metadata,
            group: None,
        })
    }
}

/// A volume, as Nova shows it. One that nothing has shows one attachment that is empty.
fn view(detail: &VolumeDetail) -> Value {
    let volume = &detail.volume;
    let mut attached = detail.attachments.iter();
    let attached = attached.find(|one| one.state == AttachmentState::Attached);
    json!({
        "id": volume.id,
        "status": volume.state.status(),
        "size": volume.size_gib,
        "availabilityZone": volume.availability_zone,
        "createdAt": time::micros(volume.created_at),
        "displayName": volume.name,
        "displayDescription": volume.description,
        "volumeType": detail.type_name,
        "snapshotId": volume.source_snapshot,
        "metadata": volume.metadata,
        "attachments": [attached.map_or_else(|| json!({}), attachment)],
    })
}

fn attachment(one: &Attachment) -> Value {
    let mut shown = json!({"id": one.volume, "volumeId": one.volume});
    if let Some(server) = one.server {
        shown["serverId"] = json!(server);
    }
    if let Some(device) = &one.mountpoint {
        shown["device"] = json!(device);
    }
    shown
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
    let query = VolumeQuery { page, ..VolumeQuery::default() };
    let found = verbs.list_volumes(&caller, &query).await?;
    let shown: Vec<Value> = found.iter().skip(offset).map(view).collect();
    Ok(axum::Json(json!({"volumes": shown})).into_response())
}

/// Shows one.
pub async fn show(
    State(verbs): State<Arc<VolumeVerbs>>,
    By(caller, _): By<Compute>,
    version: Microversion,
    Path(id): Path<String>,
) -> Answer {
    is_spoken(version)?;
    let found = verbs.find_volume(&caller, id_of("Volume", &id)?).await?;
    Ok(axum::Json(json!({"volume": view(&found)})).into_response())
}

/// Asks for one.
pub async fn create(
    State(verbs): State<Arc<VolumeVerbs>>,
    State(root): State<Root>,
    By(caller, _): By<Compute>,
    version: Microversion,
    Json(body, _): Json<CreateBody, Compute>,
) -> Answer {
    is_spoken(version)?;
    let made = verbs.create_volume(&caller, body.volume.parse()?).await?;
    let at = format!("{}/v2.1/os-volumes/{}", root.0, made.volume.id);
    let shown = axum::Json(json!({"volume": view(&made)}));
    Ok(([(header::LOCATION, at)], shown).into_response())
}

/// Promises that one goes.
pub async fn delete(
    State(verbs): State<Arc<VolumeVerbs>>,
    By(caller, _): By<Compute>,
    version: Microversion,
    Path(id): Path<String>,
) -> Answer<StatusCode> {
    is_spoken(version)?;
    let how = VolumeRemoval::default();
    verbs.delete_volume(&caller, id_of("Volume", &id)?, how).await?;
    Ok(StatusCode::ACCEPTED)
}
