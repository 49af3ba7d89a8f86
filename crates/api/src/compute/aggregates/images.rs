//! `/os-aggregates/{id}/images` (2.81): `POST` is Nova's, but for `pin_until`; the others are ours.

use super::number_of;
use super::wire::CacheBody;
use crate::compute::envelope::{Answer, Compute};
use crate::compute::microversion::{Microversion, since};
use crate::http::body;
use crate::http::caller::By;
use crate::http::time;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use hatchery_control::Error;
use hatchery_control::compute::{AggregateVerbs, CachedImage};
use hatchery_model::base::{BaseOnHost, KnownBaseState};
use hatchery_model::id::HostName;
use serde_json::{Value, json};
use std::sync::Arc;

/// The first microversion that has them.
const FIRST: u32 = 81;

/// Has the hosts make bases.
pub async fn cache(
    State(verbs): State<Arc<AggregateVerbs>>,
    By(caller, _): By<Compute>,
    version: Microversion,
    Path(id): Path<String>,
    body::Json(body, _): body::Json<CacheBody, Compute>,
) -> Answer<StatusCode> {
    since(version, FIRST)?;
    let wishes = body.parse()?;
    verbs.cache_images(&caller, number_of(&id)?, &wishes).await?;
    Ok(StatusCode::ACCEPTED)
}

/// How the bases are, image by image and host by host.
pub async fn list(
    State(verbs): State<Arc<AggregateVerbs>>,
    By(caller, _): By<Compute>,
    version: Microversion,
    Path(id): Path<String>,
) -> Answer {
    since(version, FIRST)?;
    let images = verbs.list_cached(&caller, number_of(&id)?).await?;
    let shown: Vec<Value> = images.iter().map(view).collect();
    Ok(Json(json!({"images": shown})).into_response())
}

/// Ends a pin.
pub async fn unpin(
    State(verbs): State<Arc<AggregateVerbs>>,
    By(caller, _): By<Compute>,
    version: Microversion,
    Path((id, image)): Path<(String, String)>,
) -> Answer<StatusCode> {
    since(version, FIRST)?;
    let image = image.parse().map_err(|_| Error::not_found("Image", &image))?;
    verbs.unpin_image(&caller, number_of(&id)?, image).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn view(image: &CachedImage) -> Value {
    json!({
        "id": image.image,
        "name": image.name,
        "pinned_until": image.pinned_until.map(time::seconds),
        "hosts": image.hosts.iter().map(on_host).collect::<Vec<_>>(),
    })
}

/// A host that has never told of the base has none.
fn on_host((host, base): &(HostName, Option<BaseOnHost>)) -> Value {
    let state = base.as_ref().map_or(&KnownBaseState::Gone, |base| &base.state);
    json!({
        "host": host,
        "state": state.name(),
        "since": base.as_ref().map(|base| time::seconds(base.since)),
        "detail": state.detail(),
    })
}
