//! `/servers/{id}/tags` (2.26)

use super::show::id_of;
use crate::compute::envelope::{Answer, Compute};
use crate::compute::microversion::{Microversion, since};
use crate::compute::versions::Root;
use crate::http::body::Json;
use crate::http::caller::By;
use crate::http::paging::escape;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use hatchery_control::Error;
use hatchery_control::compute::{ChangeServer, ShowServer};
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::Arc;

const FIRST: u32 = 26;

/// `{"tags": […]}`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Body {
    tags: BTreeSet<String>,
}

fn all(tags: &BTreeSet<String>) -> Response {
    axum::Json(json!({"tags": tags})).into_response()
}

/// All tags.
pub async fn list(
    State(show): State<Arc<ShowServer>>,
    By(caller, _): By<Compute>,
    version: Microversion,
    Path(id): Path<String>,
) -> Answer {
    since(version, FIRST)?;
    Ok(all(&show.run(&caller, id_of(&id)?).await?.server.tags))
}

/// Whether the server has a tag.
pub async fn show(
    State(show): State<Arc<ShowServer>>,
    By(caller, _): By<Compute>,
    version: Microversion,
    Path((id, tag)): Path<(String, String)>,
) -> Answer<StatusCode> {
    since(version, FIRST)?;
    let server = show.run(&caller, id_of(&id)?).await?.server;
    if server.tags.contains(&tag) {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Error::not_found("Tag", tag).into())
    }
}

/// Puts these in the place of all others.
pub async fn replace(
    State(change): State<Arc<ChangeServer>>,
    By(caller, _): By<Compute>,
    version: Microversion,
    Path(id): Path<String>,
    Json(body, _): Json<Body, Compute>,
) -> Answer {
    since(version, FIRST)?;
    Ok(all(&change.replace_tags(&caller, id_of(&id)?, &body.tags).await?))
}

/// Adds one: 201 with its address, or 204 when it was there.
pub async fn add(
    State(change): State<Arc<ChangeServer>>,
    State(root): State<Root>,
    By(caller, _): By<Compute>,
    version: Microversion,
    Path((id, tag)): Path<(String, String)>,
) -> Answer {
    since(version, FIRST)?;
    if !change.add_tag(&caller, id_of(&id)?, &tag).await? {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let location = format!("{}/v2.1/servers/{id}/tags/{}", root.0, escape(&tag));
    Ok((StatusCode::CREATED, [(header::LOCATION, location)]).into_response())
}

/// Removes one.
pub async fn delete(
    State(change): State<Arc<ChangeServer>>,
    By(caller, _): By<Compute>,
    version: Microversion,
    Path((id, tag)): Path<(String, String)>,
) -> Answer<StatusCode> {
    since(version, FIRST)?;
    change.delete_tag(&caller, id_of(&id)?, &tag).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Removes all.
pub async fn clear(
    State(change): State<Arc<ChangeServer>>,
    By(caller, _): By<Compute>,
    version: Microversion,
    Path(id): Path<String>,
) -> Answer<StatusCode> {
    since(version, FIRST)?;
    change.replace_tags(&caller, id_of(&id)?, &BTreeSet::new()).await?;
    Ok(StatusCode::NO_CONTENT)
}
