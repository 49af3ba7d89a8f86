//! `reboot`: `{"type": "SOFT"}` or `{"type": "HARD"}`.

use super::{Asked, wrong};
use crate::compute::envelope::Answer;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use hatchery_control::compute::PowerVerbs;
use hatchery_model::compute::RebootKind;

pub(super) async fn run(power: &PowerVerbs, asked: &Asked<'_>) -> Answer {
    let kind = match asked.only_text("reboot", "type")? {
        "SOFT" | "Soft" | "soft" => RebootKind::Soft,
        "HARD" | "Hard" | "hard" => RebootKind::Hard,
        _ => return Err(wrong("type").into()),
    };
    power.reboot(asked.caller, asked.server()?, kind).await?;
    Ok(StatusCode::ACCEPTED.into_response())
}
