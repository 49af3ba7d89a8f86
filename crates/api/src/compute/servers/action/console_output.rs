//! `os-getConsoleOutput`: the end of what the guest wrote on its console.

use super::{Asked, wrong};
use crate::compute::envelope::Answer;
use axum::Json;
use axum::response::IntoResponse;
use hatchery_control::compute::ConsoleOutput;
use serde_json::{Value, json};

pub(super) async fn run(console: &ConsoleOutput, asked: &Asked<'_>) -> Answer {
    let argument = asked.argument.as_object().ok_or_else(|| wrong("os-getConsoleOutput"))?;
    if let Some(other) = argument.keys().find(|key| *key != "length") {
        return Err(wrong(other).into());
    }
    let lines = match argument.get("length") {
        None | Some(Value::Null) => None,
        // Nova takes -1 for everything, and digits for a number.
        Some(Value::Number(number)) if number.as_i64() == Some(-1) => None,
        Some(Value::String(text)) if text == "-1" => None,
        Some(Value::Number(number)) => {
            let lines = number.as_u64().and_then(|lines| u32::try_from(lines).ok());
            Some(lines.ok_or_else(|| wrong("length"))?)
        }
        Some(Value::String(text)) => Some(text.parse().map_err(|_| wrong("length"))?),
        Some(_) => return Err(wrong("length").into()),
    };
    let output = console.run(asked.caller, asked.server()?, lines).await?;
    Ok(Json(json!({"output": output})).into_response())
}
