//! `/qos-specs`

use super::wire::{KeysBody, SpecsBody};
use crate::http::body::Json;
use crate::http::caller::By;
use crate::volume::address::Address;
use crate::volume::envelope::{Answer, Volume};
use crate::volume::fields::id_of;
use crate::volume::paging::{Pairs, flag, part, value};
use crate::volume::types::routes::type_id;
use crate::volume::volumes::query::check_sort;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use hatchery_control::Error;
use hatchery_control::volume::{QosQuery, QosVerbs};
use hatchery_model::id::{QosSpecsId, VolumeTypeId};
use hatchery_model::volume::QosSpecs;
use serde_json::{Value, json};
use std::sync::Arc;

const SORT_KEYS: [&str; 3] = ["name", "created_at", "id"];

fn specs_id(text: &str) -> Result<QosSpecsId, Error> {
    id_of("QoS specs", text)
}

fn view(specs: &QosSpecs) -> Value {
    json!({
        "id": specs.id,
        "name": specs.name,
        "consumer": specs.consumer.as_str(),
        "specs": specs.specs,
    })
}

fn one(address: &Address, specs: &QosSpecs) -> Response {
    let links = address.links(&format!("qos-specs/{}", specs.id));
    axum::Json(json!({"qos_specs": view(specs), "links": links})).into_response()
}

/// Lists.
pub async fn list(
    State(verbs): State<Arc<QosVerbs>>,
    By(caller, _): By<Volume>,
    address: Address,
    Query(pairs): Pairs,
) -> Answer {
    let wanted = part(&pairs)?;
    check_sort(&wanted.page.sort, &SORT_KEYS)?;
    let query = QosQuery {
        name: value(&pairs, "name").map(str::to_owned),
        consumer: value(&pairs, "consumer").map(str::to_owned),
        page: wanted.page.clone(),
        offset: wanted.offset,
    };
    let found = verbs.list(&caller, &query).await?;
    let last = found.last().map(|one| one.id.to_string());
    let full = wanted.is_filled_by(found.len());
    let shown: Vec<Value> = found.iter().map(view).collect();
    let mut body = json!({"qos_specs": shown});
    if let Some(next) = address.next("qos-specs", &pairs, last.as_deref(), full) {
        body["qos_specs_links"] = next;
    }
    Ok(axum::Json(body).into_response())
}

/// Shows one.
pub async fn show(
    State(verbs): State<Arc<QosVerbs>>,
    By(caller, _): By<Volume>,
    address: Address,
    Path(id): Path<String>,
) -> Answer {
    let found = verbs.show(&caller, specs_id(&id)?).await?;
    Ok(one(&address, &found))
}

/// Makes one.
pub async fn create(
    State(verbs): State<Arc<QosVerbs>>,
    By(caller, _): By<Volume>,
    address: Address,
    Json(body, _): Json<SpecsBody, Volume>,
) -> Answer {
    let made = verbs.create(&caller, body.new_specs()?).await?;
    Ok(one(&address, &made))
}

/// Adds and replaces single specs.
pub async fn update(
    State(verbs): State<Arc<QosVerbs>>,
    By(caller, _): By<Volume>,
    Path(id): Path<String>,
    Json(body, _): Json<SpecsBody, Volume>,
) -> Answer {
    let (consumer, specs) = body.changes()?;
    verbs.update(&caller, specs_id(&id)?, consumer, specs).await?;
    Ok(axum::Json(json!({"qos_specs": body.given()})).into_response())
}

/// Removes single specs.
pub async fn delete_keys(
    State(verbs): State<Arc<QosVerbs>>,
    By(caller, _): By<Volume>,
    Path(id): Path<String>,
    Json(body, _): Json<KeysBody, Volume>,
) -> Answer<StatusCode> {
    verbs.delete_keys(&caller, specs_id(&id)?, &body.keys).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Removes one.
pub async fn delete(
    State(verbs): State<Arc<QosVerbs>>,
    By(caller, _): By<Volume>,
    Path(id): Path<String>,
    Query(pairs): Pairs,
) -> Answer<StatusCode> {
    let force = flag(&pairs, "force")? == Some(true);
    verbs.delete(&caller, specs_id(&id)?, force).await?;
    Ok(StatusCode::ACCEPTED)
}

/// The volume types that it holds for.
pub async fn associations(
    State(verbs): State<Arc<QosVerbs>>,
    By(caller, _): By<Volume>,
    Path(id): Path<String>,
) -> Answer {
    let types = verbs.associations(&caller, specs_id(&id)?).await?;
    let shown: Vec<Value> = types
        .iter()
        .map(|one| json!({"association_type": "volume_type", "name": one.name, "id": one.id}))
        .collect();
    Ok(axum::Json(json!({"qos_associations": shown})).into_response())
}

fn named_type(pairs: &[(String, String)]) -> Result<VolumeTypeId, Error> {
    match value(pairs, "vol_type_id").filter(|text| !text.is_empty()) {
        Some(text) => type_id(text),
        None => Err(Error::Invalid("Volume Type id must not be None.".into())),
    }
}

/// Has it hold for one.
pub async fn associate(
    State(verbs): State<Arc<QosVerbs>>,
    By(caller, _): By<Volume>,
    Path(id): Path<String>,
    Query(pairs): Pairs,
) -> Answer<StatusCode> {
    hatchery_control::policy::admin(&caller, "volume_extension:qos_specs_manage:update")?;
    verbs.associate(&caller, specs_id(&id)?, named_type(&pairs)?).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Takes that back.
pub async fn disassociate(
    State(verbs): State<Arc<QosVerbs>>,
    By(caller, _): By<Volume>,
    Path(id): Path<String>,
    Query(pairs): Pairs,
) -> Answer<StatusCode> {
    hatchery_control::policy::admin(&caller, "volume_extension:qos_specs_manage:update")?;
    verbs.disassociate(&caller, specs_id(&id)?, Some(named_type(&pairs)?)).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Takes all back.
pub async fn disassociate_all(
    State(verbs): State<Arc<QosVerbs>>,
    By(caller, _): By<Volume>,
    Path(id): Path<String>,
) -> Answer<StatusCode> {
    verbs.disassociate(&caller, specs_id(&id)?, None).await?;
    Ok(StatusCode::ACCEPTED)
}
