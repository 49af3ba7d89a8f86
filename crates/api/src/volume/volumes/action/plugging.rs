//! What Nova did before attachments were things of their own. Whatever the argument is, as in Cinder.

use super::Asked;
use crate::volume::envelope::Answer;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use hatchery_control::volume::VolumeVerbs;

pub(super) async fn reserve(verbs: &VolumeVerbs, asked: &Asked<'_>) -> Answer {
    verbs.reserve_volume(asked.caller, asked.volume()?).await?;
    Ok(StatusCode::ACCEPTED.into_response())
}

pub(super) async fn unreserve(verbs: &VolumeVerbs, asked: &Asked<'_>) -> Answer {
    verbs.unreserve_volume(asked.caller, asked.volume()?).await?;
    Ok(StatusCode::ACCEPTED.into_response())
}

pub(super) async fn begin_detaching(verbs: &VolumeVerbs, asked: &Asked<'_>) -> Answer {
    verbs.begin_detaching(asked.caller, asked.volume()?).await?;
    Ok(StatusCode::ACCEPTED.into_response())
}

pub(super) async fn roll_detaching(verbs: &VolumeVerbs, asked: &Asked<'_>) -> Answer {
    verbs.roll_detaching(asked.caller, asked.volume()?).await?;
    Ok(StatusCode::ACCEPTED.into_response())
}
