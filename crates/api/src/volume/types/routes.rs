//! `/types`

use super::view;
use super::wire::{CreateBody, UpdateBody};
use crate::http::body::Json;
use crate::http::caller::By;
use crate::volume::address::Address;
use crate::volume::envelope::{Answer, Volume};
use crate::volume::fields::{bool_of, id_of};
use crate::volume::microversion::Microversion;
use crate::volume::paging::{Pairs, part, value};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use hatchery_control::Error;
use hatchery_control::volume::{TypeQuery, VolumeTypeVerbs};
use hatchery_model::caller::Caller;
use hatchery_model::id::VolumeTypeId;
use hatchery_model::volume::VolumeType;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The id of a type in a path.
pub fn type_id(text: &str) -> Result<VolumeTypeId, Error> {
    id_of("Volume type", text)
}

fn query(pairs: &[(String, String)], version: Microversion) -> Result<TypeQuery, Error> {
    let part = part(pairs)?;
    let is_public = match value(pairs, "is_public") {
        None => Some(true),
        Some(text) if text.eq_ignore_ascii_case("none") => None,
        Some(text) => Some(
            bool_of(text)
                .ok_or_else(|| Error::Invalid(format!("Invalid is_public filter [{text}]")))?,
        ),
    };
    let mut extra_specs = BTreeMap::new();
    if let Some(text) = value(pairs, "extra_specs").filter(|_| version.0 >= 52) {
        // A Python dictionary, as clients write it.
        extra_specs = serde_json::from_str(&text.replace('\'', "\"")).map_err(|_| {
            Error::Invalid(format!(
                "Invalid extra_specs filter [{text}]: {{'key': 'value'}} is wanted"
            ))
        })?;
    }
    Ok(TypeQuery { is_public, extra_specs, page: part.page, offset: part.offset })
}

/// Lists.
pub async fn list(
    State(verbs): State<Arc<VolumeTypeVerbs>>,
    By(caller, _): By<Volume>,
    address: Address,
    version: Microversion,
    Query(pairs): Pairs,
) -> Answer {
    let types = verbs.list(&caller, &query(&pairs, version)?).await?;
    let shown: Vec<_> = types.iter().map(|one| view::whole(&caller, one)).collect();
    let last = types.last().map(|one| one.id.to_string());
    let full = part(&pairs)?.is_filled_by(shown.len());
    let mut body = json!({"volume_types": shown});
    if let Some(next) = address.next("types", &pairs, last.as_deref(), full) {
        body["volume_type_links"] = next;
    }
    Ok(axum::Json(body).into_response())
}

/// Cinder's answers lack what it adds only where types are looked at.
fn one(caller: &Caller, volume_type: &VolumeType, without: &[&str]) -> Response {
    let mut shown = view::whole(caller, volume_type);
    if let Some(shown) = shown.as_object_mut() {
        shown.retain(|key, _| !without.contains(&key.as_str()));
    }
    axum::Json(json!({"volume_type": shown})).into_response()
}

/// Shows one, or the default.
pub async fn show(
    State(verbs): State<Arc<VolumeTypeVerbs>>,
    By(caller, _): By<Volume>,
    Path(id): Path<String>,
) -> Answer {
    let found = match id.as_str() {
        "default" => verbs.show_default(&caller).await?,
        id => verbs.show(&caller, type_id(id)?).await?,
    };
    Ok(one(&caller, &found, &[]))
}

/// Makes one.
pub async fn create(
    State(verbs): State<Arc<VolumeTypeVerbs>>,
    By(caller, _): By<Volume>,
    Json(body, _): Json<CreateBody, Volume>,
) -> Answer {
    let made = verbs.create(&caller, body.parse()?).await?;
    Ok(one(&caller, &made, &["qos_specs_id"]))
}

/// Changes one.
pub async fn update(
    State(verbs): State<Arc<VolumeTypeVerbs>>,
    By(caller, _): By<Volume>,
    Path(id): Path<String>,
    Json(body, _): Json<UpdateBody, Volume>,
) -> Answer {
    let changed = verbs.update(&caller, type_id(&id)?, body.parse()?).await?;
    Ok(one(&caller, &changed, &["qos_specs_id", "os-volume-type-access:is_public"]))
}

/// Removes one.
pub async fn delete(
    State(verbs): State<Arc<VolumeTypeVerbs>>,
    By(caller, _): By<Volume>,
    Path(id): Path<String>,
) -> Answer<StatusCode> {
    verbs.delete(&caller, type_id(&id)?).await?;
    Ok(StatusCode::ACCEPTED)
}
