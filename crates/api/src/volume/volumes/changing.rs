//! `/volumes/{id}`

use super::create::trimmed;
use super::view::{Viewer, volume_id};
use crate::http::body::Json;
use crate::http::caller::By;
use crate::volume::address::Address;
use crate::volume::envelope::{Answer, Volume};
use crate::volume::fields::{self, present};
use crate::volume::microversion::Microversion;
use crate::volume::paging::{Pairs, flag};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use hatchery_control::Error;
use hatchery_control::volume::{VolumeChanges, VolumeRemoval, VolumeVerbs};
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;

/// `{"volume": {…}}`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpdateBody {
    volume: UpdateVolume,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct UpdateVolume {
    #[serde(default, deserialize_with = "present")]
    name: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    display_name: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    description: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    display_description: Option<Option<String>>,
    #[serde(default)]
    metadata: Option<BTreeMap<String, String>>,
}

impl UpdateVolume {
    fn parse(self, version: Microversion) -> Result<VolumeChanges, Error> {
        let name = self.name.or(self.display_name);
        let description = self.description.or(self.display_description);
        if version.0 >= 53 && name.is_none() && description.is_none() && self.metadata.is_none() {
            return Err(Error::Invalid(
                "Invalid input for field/attribute volume: one of name, description and metadata is required.".into(),
            ));
        }
        if let Some(metadata) = &self.metadata {
            fields::pairs("metadata", metadata)?;
        }
        Ok(VolumeChanges {
            name: name.map(|text| trimmed("name", text)).transpose()?,
            description: description.map(|text| trimmed("description", text)).transpose()?,
            metadata: self.metadata,
            bootable: None,
        })
    }
}

/// Shows one.
pub async fn show(
    State(verbs): State<Arc<VolumeVerbs>>,
    By(caller, _): By<Volume>,
    address: Address,
    version: Microversion,
    Path(id): Path<String>,
) -> Answer {
    let found = verbs.find_volume(&caller, volume_id(&id)?).await?;
    let viewer = Viewer { address: &address, version, caller: &caller };
    Ok(axum::Json(json!({"volume": viewer.whole(&found)})).into_response())
}

/// Changes what is written on one.
pub async fn update(
    State(verbs): State<Arc<VolumeVerbs>>,
    By(caller, _): By<Volume>,
    address: Address,
    version: Microversion,
    Path(id): Path<String>,
    Json(body, _): Json<UpdateBody, Volume>,
) -> Answer {
    let changes = body.volume.parse(version)?;
    let changed = verbs.update_volume(&caller, volume_id(&id)?, changes).await?;
    let viewer = Viewer { address: &address, version, caller: &caller };
    Ok(axum::Json(json!({"volume": viewer.made(&changed)})).into_response())
}

/// Promises that one goes.
pub async fn delete(
    State(verbs): State<Arc<VolumeVerbs>>,
    By(caller, _): By<Volume>,
    version: Microversion,
    Path(id): Path<String>,
    Query(pairs): Pairs,
) -> Answer<StatusCode> {
    let cascade = flag(&pairs, "cascade")?.unwrap_or(false);
    let force = version.0 >= 23 && flag(&pairs, "force")?.unwrap_or(false);
    let how = VolumeRemoval { cascade, force, ..VolumeRemoval::default() };
    verbs.delete_volume(&caller, volume_id(&id)?, how).await?;
    Ok(StatusCode::ACCEPTED)
}
