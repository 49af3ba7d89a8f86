//! `os-resetState`: `{"state": "active"}` or `{"state": "error"}`, for administrators.

use super::{Asked, wrong};
use crate::compute::envelope::Answer;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use hatchery_control::compute::{PowerVerbs, ResetTo};

pub(super) async fn run(power: &PowerVerbs, asked: &Asked<'_>) -> Answer {
    let to = match asked.only_text("os-resetState", "state")? {
        "active" => ResetTo::Active,
        "error" => ResetTo::Error,
        _ => return Err(wrong("state").into()),
    };
    power.reset_state(asked.caller, asked.server()?, to).await?;
    Ok(StatusCode::ACCEPTED.into_response())
}
