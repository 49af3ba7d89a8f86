//! `POST /os-aggregates/{id}/action`

use super::number_of;
use super::routes::one;
use super::wire::{HostBody, MetadataBody};
use crate::compute::envelope::{Answer, Compute};
use crate::compute::microversion::Microversion;
use crate::http::body::Json;
use crate::http::caller::By;
use axum::extract::{Path, State};
use hatchery_control::Error;
use hatchery_control::compute::AggregateVerbs;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::sync::Arc;

/// One action, named by the body's only key.
pub async fn action(
    State(verbs): State<Arc<AggregateVerbs>>,
    By(caller, _): By<Compute>,
    version: Microversion,
    Path(id): Path<String>,
    Json(body, _): Json<Map<String, Value>, Compute>,
) -> Answer {
    let mut actions = body.into_iter();
    let (Some((name, argument)), None) = (actions.next(), actions.next()) else {
        let text = "Malformed request body: it must name one action.";
        return Err(Error::Invalid(text.into()).into());
    };
    let number = || number_of(&id);
    let changed = match name.as_str() {
        "add_host" => {
            let host = read::<HostBody>(&name, argument)?.parse()?;
            verbs.add_host(&caller, number()?, host).await?
        }
        "remove_host" => {
            let host = read::<HostBody>(&name, argument)?.parse()?;
            verbs.remove_host(&caller, number()?, host).await?
        }
        "set_metadata" => {
            let metadata = read::<MetadataBody>(&name, argument)?.parse()?;
            verbs.set_metadata(&caller, number()?, metadata).await?
        }
        _ => return Err(Error::Invalid(format!("There is no such action: {name}")).into()),
    };
    Ok(one(version, &changed))
}

fn read<T: DeserializeOwned>(name: &str, argument: Value) -> Result<T, Error> {
    serde_json::from_value(argument).map_err(|error| {
        Error::Invalid(format!("Invalid input for field/attribute {name}: {error}"))
    })
}
