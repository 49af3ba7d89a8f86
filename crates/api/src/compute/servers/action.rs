//! `POST /servers/{id}/action`

use super::show::id_of;
use crate::compute::envelope::{Answer, Compute};
use crate::http::body::Json;
use crate::http::caller::By;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use hatchery_control::Error;
use hatchery_control::compute::ConsoleOutput;
use hatchery_model::caller::Caller;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// One action, named by the body's only key.
pub async fn action(
    State(console): State<Arc<ConsoleOutput>>,
    By(caller, _): By<Compute>,
    Path(id): Path<String>,
    Json(body, _): Json<Map<String, Value>, Compute>,
) -> Answer {
    let mut actions = body.into_iter();
    match (actions.next(), actions.next()) {
        (Some((name, argument)), None) if name == "os-getConsoleOutput" => {
            console_output(&console, &caller, &id, &argument).await
        }
        (Some((name, _)), None) => {
            Err(Error::Invalid(format!("There is no such action: {name}")).into())
        }
        _ => Err(Error::Invalid("Malformed request body: it must name one action.".into()).into()),
    }
}

async fn console_output(
    console: &ConsoleOutput,
    caller: &Caller,
    id: &str,
    argument: &Value,
) -> Answer {
    let wrong = |what: &str| Error::Invalid(format!("Invalid input for field/attribute {what}."));
    let argument = argument.as_object().ok_or_else(|| wrong("os-getConsoleOutput"))?;
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
    let output = console.run(caller, id_of(id)?, lines).await?;
    Ok(axum::Json(json!({"output": output})).into_response())
}
