//! `/v2/images/{image}/members`: sharing with single projects is not there yet, so that no image has members.

use super::fault::{Asked, Fault, denied};
use super::path;
use super::router::ImageState;
use axum::Json;
use axum::extract::{Path, State};
use hatchery_control::Error;
use hatchery_model::image::Visibility;
use serde_json::{Value, json};

/// The members of a shared image: none.
pub async fn list(
    State(state): State<ImageState>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<Json<Value>, Fault> {
    let image = state.verbs.show(&asked.0, path::image(&id)?).await?;
    if image.visibility != Visibility::Shared {
        return Err(denied("Only shared images have members."));
    }
    Ok(Json(json!({"members": [], "schema": "/v2/schemas/members"})))
}

/// One member: there is none.
pub async fn show(
    State(state): State<ImageState>,
    asked: Asked,
    Path((id, member)): Path<(String, String)>,
) -> Result<Json<Value>, Fault> {
    state.verbs.show(&asked.0, path::image(&id)?).await?;
    Err(Error::not_found("Member", member).into())
}

/// Sharing with one project.
pub async fn not_yet(asked: Asked) -> Fault {
    drop(asked);
    Error::Unsupported(
        "Images cannot be shared with single projects yet; set visibility to community or public."
            .into(),
    )
    .into()
}
