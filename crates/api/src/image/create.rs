//! `POST /v2/images`

use super::attributes::set;
use super::fault::{Asked, Body, Fault, invalid};
use super::router::ImageState;
use super::view;
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use hatchery_control::image::{Change, Presence};
use hatchery_model::id::ImageId;
use serde_json::Value;

/// A queued image.
pub async fn create(
    State(state): State<ImageState>,
    asked: Asked,
    body: Body,
) -> Result<Response, Fault> {
    let (id, changes) = parse(body.0)?;
    let image = state.verbs.create(&asked.0, id, changes).await?;
    let location = format!("{}/image/v2/images/{}", state.public_url, image.id);
    Ok((
        StatusCode::CREATED,
        [(header::LOCATION, location)],
        Json(view::image(&image, &state.shown)),
    )
        .into_response())
}

fn parse(body: Value) -> Result<(Option<ImageId>, Vec<Change>), Fault> {
    let Value::Object(fields) = body else {
        return Err(invalid("An image is wanted: a JSON object."));
    };
    let mut id = None;
    let mut changes = Vec::with_capacity(fields.len());
    for (key, value) in &fields {
        if key == "id" {
            id = Some(chosen_id(value)?);
        } else {
            changes.push(set(key, value, Presence::Indifferent)?);
        }
    }
    Ok((id, changes))
}

fn chosen_id(value: &Value) -> Result<ImageId, Fault> {
    let text = value.as_str().filter(|text| text.len() == 36);
    text.and_then(|text| text.parse().ok()).ok_or_else(|| {
        invalid(format!(
            "Provided object does not match schema 'image': id is {value}, and a UUID with dashes is wanted."
        ))
    })
}
