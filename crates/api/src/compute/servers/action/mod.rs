//! `POST /servers/{id}/action`: one action a file.

mod console_output;
mod create_image;
mod os_start;
mod os_stop;
mod reboot;
mod reset_state;

use super::show::id_of;
use crate::compute::envelope::{Answer, Compute};
use crate::compute::microversion::Microversion;
use crate::compute::versions::Root;
use crate::http::body::Json;
use crate::http::caller::By;
use axum::extract::{Path, State};
use hatchery_control::Error;
use hatchery_control::compute::{ConsoleOutput, CreateImage, PowerVerbs};
use hatchery_model::caller::Caller;
use hatchery_model::id::ServerId;
use serde_json::{Map, Value};
use std::sync::Arc;

/// Who asks for what to be done to which server.
struct Asked<'a> {
    caller: &'a Caller,
    version: Microversion,
    id: &'a str,
    argument: &'a Value,
}

impl Asked<'_> {
    /// The server's id. To be read after the argument: a body that makes no sense is refused first, as in Nova.
    fn server(&self) -> Result<ServerId, Error> {
        id_of(self.id)
    }

    /// The one field that the argument has, which is a text.
    fn only_text(&self, action: &str, field: &str) -> Result<&str, Error> {
        let argument = self.argument.as_object().ok_or_else(|| wrong(action))?;
        if let Some(other) = argument.keys().find(|key| *key != field) {
            return Err(wrong(other));
        }
        argument.get(field).and_then(Value::as_str).ok_or_else(|| wrong(field))
    }
}

/// One action, named by the body's only key.
pub async fn action(
    State(console): State<Arc<ConsoleOutput>>,
    State(power): State<Arc<PowerVerbs>>,
    (State(images), State(root)): (State<Arc<CreateImage>>, State<Root>),
    By(caller, _): By<Compute>,
    version: Microversion,
    Path(id): Path<String>,
    Json(body, _): Json<Map<String, Value>, Compute>,
) -> Answer {
    let mut actions = body.into_iter();
    let (Some((name, argument)), None) = (actions.next(), actions.next()) else {
        return Err(
            Error::Invalid("Malformed request body: it must name one action.".into()).into()
        );
    };
    let asked = Asked { caller: &caller, version, id: &id, argument: &argument };
    match name.as_str() {
        "createImage" => create_image::run(&images, &root, &asked).await,
        "os-getConsoleOutput" => console_output::run(&console, &asked).await,
        "os-start" => os_start::run(&power, &asked).await,
        "os-stop" => os_stop::run(&power, &asked).await,
        "reboot" => reboot::run(&power, &asked).await,
        "os-resetState" => reset_state::run(&power, &asked).await,
        _ => Err(Error::Invalid(format!("There is no such action: {name}")).into()),
    }
}

fn wrong(what: &str) -> Error {
    Error::Invalid(format!("Invalid input for field/attribute {what}."))
}
