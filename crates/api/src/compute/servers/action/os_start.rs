//! `os-start`: starts a server that is stopped. Whatever the argument is, as in Nova.

use super::Asked;
use crate::compute::envelope::Answer;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use hatchery_control::compute::PowerVerbs;

pub(super) async fn run(power: &PowerVerbs, asked: &Asked<'_>) -> Answer {
    power.start(asked.caller, asked.server()?).await?;
    Ok(StatusCode::ACCEPTED.into_response())
}
