//! `/group_types` (3.11), and their specs.

use super::routes::SORT_KEYS;
use super::wire::{SpecsBody, TypeBody, TypeChangesBody};
use crate::http::body::Json;
use crate::http::caller::By;
use crate::volume::address::Address;
use crate::volume::envelope::{Answer, Volume};
use crate::volume::fields::{self, bool_of, id_of};
use crate::volume::microversion::{Microversion, since};
use crate::volume::paging::{Pairs, part, value};
use crate::volume::volumes::query::check_sort;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use hatchery_control::Error;
use hatchery_control::volume::GroupTypeVerbs;
use hatchery_model::caller::Caller;
use hatchery_model::id::GroupTypeId;
use hatchery_model::volume::GroupType;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// They came then.
const FIRST: u32 = 11;

fn type_id(text: &str) -> Result<GroupTypeId, Error> {
    id_of("Group type", text)
}

fn view(caller: &Caller, group_type: &GroupType) -> Value {
    let mut shown = json!({
        "id": group_type.id,
        "name": group_type.name,
        "description": group_type.description,
        "is_public": group_type.is_public,
    });
    if caller.is_admin() {
        shown["group_specs"] = json!(group_type.specs);
    }
    shown
}

fn one(caller: &Caller, group_type: &GroupType) -> Response {
    axum::Json(json!({"group_type": view(caller, group_type)})).into_response()
}

/// Lists.
pub async fn list(
    State(verbs): State<Arc<GroupTypeVerbs>>,
    By(caller, _): By<Volume>,
    address: Address,
    version: Microversion,
    Query(pairs): Pairs,
) -> Answer {
    since(version, FIRST)?;
    let part = part(&pairs)?;
    check_sort(&part.page.sort, &SORT_KEYS)?;
    let is_public = match value(&pairs, "is_public") {
        None => Some(true),
        Some(text) if text.eq_ignore_ascii_case("none") => None,
        Some(text) => Some(
            bool_of(text)
                .ok_or_else(|| Error::Invalid(format!("Invalid is_public filter [{text}]")))?,
        ),
    };
    let found = verbs.list(&caller, is_public, (&part.page, part.offset)).await?;
    let last = found.last().map(|one| one.id.to_string());
    let shown: Vec<Value> = found.iter().map(|one| view(&caller, one)).collect();
    let full = part.is_filled_by(shown.len());
    let mut body = json!({"group_types": shown});
    if let Some(next) = address.next("group_types", &pairs, last.as_deref(), full) {
        body["group_type_links"] = next;
    }
    Ok(axum::Json(body).into_response())
}

/// Shows one. None is the default.
pub async fn show(
    State(verbs): State<Arc<GroupTypeVerbs>>,
    By(caller, _): By<Volume>,
    version: Microversion,
    Path(id): Path<String>,
) -> Answer {
    since(version, FIRST)?;
    Ok(one(&caller, &verbs.show(&caller, type_id(&id)?).await?))
}

/// Makes one.
pub async fn create(
    State(verbs): State<Arc<GroupTypeVerbs>>,
    By(caller, _): By<Volume>,
    version: Microversion,
    Json(body, _): Json<TypeBody, Volume>,
) -> Answer {
    since(version, FIRST)?;
    let made = verbs.create(&caller, body.parse()?).await?;
    Ok((StatusCode::ACCEPTED, one(&caller, &made)).into_response())
}

/// Changes one.
pub async fn update(
    State(verbs): State<Arc<GroupTypeVerbs>>,
    By(caller, _): By<Volume>,
    version: Microversion,
    Path(id): Path<String>,
    Json(body, _): Json<TypeChangesBody, Volume>,
) -> Answer {
    since(version, FIRST)?;
    Ok(one(&caller, &verbs.update(&caller, type_id(&id)?, body.parse()?).await?))
}

/// Removes one.
pub async fn delete(
    State(verbs): State<Arc<GroupTypeVerbs>>,
    By(caller, _): By<Volume>,
    version: Microversion,
    Path(id): Path<String>,
) -> Answer<StatusCode> {
    since(version, FIRST)?;
    verbs.delete(&caller, type_id(&id)?).await?;
    Ok(StatusCode::ACCEPTED)
}

/// The specs of one.
pub async fn specs(
    State(verbs): State<Arc<GroupTypeVerbs>>,
    By(caller, _): By<Volume>,
    version: Microversion,
    Path(id): Path<String>,
) -> Answer {
    since(version, FIRST)?;
    let specs = verbs.specs(&caller, type_id(&id)?).await?;
    Ok(axum::Json(json!({"group_specs": specs})).into_response())
}

/// One of them.
pub async fn show_spec(
    State(verbs): State<Arc<GroupTypeVerbs>>,
    By(caller, _): By<Volume>,
    version: Microversion,
    Path((id, name)): Path<(String, String)>,
) -> Answer {
    since(version, FIRST)?;
    let specs = verbs.specs(&caller, type_id(&id)?).await?;
    match specs.get(&name) {
        Some(value) => Ok(axum::Json(json!({name: value})).into_response()),
        None => Err(Error::not_found("Group type spec", name).into()),
    }
}

/// Adds and replaces.
pub async fn set_specs(
    State(verbs): State<Arc<GroupTypeVerbs>>,
    By(caller, _): By<Volume>,
    version: Microversion,
    Path(id): Path<String>,
    Json(body, _): Json<SpecsBody, Volume>,
) -> Answer {
    since(version, FIRST)?;
    let specs = body.group_specs;
    fields::pairs("group_specs", &specs)?;
    verbs.set_specs(&caller, type_id(&id)?, specs.clone()).await?;
    let shown = json!({"group_specs": specs});
    Ok((StatusCode::ACCEPTED, axum::Json(shown)).into_response())
}

/// Sets one, named in path and body.
pub async fn set_spec(
    State(verbs): State<Arc<GroupTypeVerbs>>,
    By(caller, _): By<Volume>,
    version: Microversion,
    Path((id, name)): Path<(String, String)>,
    Json(specs, _): Json<BTreeMap<String, String>, Volume>,
) -> Answer {
    since(version, FIRST)?;
    fields::pairs("group_specs", &specs)?;
    if specs.len() != 1 || !specs.contains_key(&name) {
        return Err(Error::Invalid("Request body and URI mismatch".into()).into());
    }
    verbs.set_specs(&caller, type_id(&id)?, specs.clone()).await?;
    Ok(axum::Json(json!(specs)).into_response())
}

/// Removes one.
pub async fn delete_spec(
    State(verbs): State<Arc<GroupTypeVerbs>>,
    By(caller, _): By<Volume>,
    version: Microversion,
    Path((id, name)): Path<(String, String)>,
) -> Answer<StatusCode> {
    since(version, FIRST)?;
    verbs.delete_spec(&caller, type_id(&id)?, &name).await?;
    Ok(StatusCode::ACCEPTED)
}
