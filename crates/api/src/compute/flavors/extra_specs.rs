//! `/flavors/{id}/os-extra_specs`, `/flavors/{id}/os-flavor-access`

use crate::compute::envelope::{Answer, Compute};
use crate::http::body::Json;
use crate::http::caller::By;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use hatchery_control::compute::FlavorVerbs;
use hatchery_control::{Error, policy};
use hatchery_model::id::FlavorId;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// `{"extra_specs": {…}}`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Body {
    extra_specs: Specs,
}

/// Texts by name. Numbers are taken for texts, as Nova does.
#[derive(Debug)]
pub struct Specs(BTreeMap<String, String>);

impl<'de> Deserialize<'de> for Specs {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let values = BTreeMap::<String, Value>::deserialize(from)?;
        let text = |(name, value): (String, Value)| match value {
            Value::String(text) => Ok((name, text)),
            Value::Number(number) => Ok((name, number.to_string())),
            other => Err(D::Error::custom(format!("{name}: {other} is not a text"))),
        };
        values.into_iter().map(text).collect::<Result<_, _>>().map(Self)
    }
}

/// All specs.
pub async fn list(
    State(verbs): State<Arc<FlavorVerbs>>,
    By(caller, _): By<Compute>,
    Path(id): Path<String>,
) -> Answer {
    policy::reader_project(&caller, "os_compute_api:os-flavor-extra-specs:index")?;
    let flavor = verbs.show(&caller, &FlavorId(id)).await?;
    Ok(axum::Json(json!({"extra_specs": flavor.extra_specs})).into_response())
}

/// One spec.
pub async fn show(
    State(verbs): State<Arc<FlavorVerbs>>,
    By(caller, _): By<Compute>,
    Path((id, name)): Path<(String, String)>,
) -> Answer {
    policy::reader_project(&caller, "os_compute_api:os-flavor-extra-specs:show")?;
    let flavor = verbs.show(&caller, &FlavorId(id)).await?;
    match flavor.extra_specs.get(&name) {
        Some(value) => Ok(axum::Json(json!({name: value})).into_response()),
        None => Err(Error::not_found("Flavor extra spec", name).into()),
    }
}

/// Adds and replaces.
pub async fn set(
    State(verbs): State<Arc<FlavorVerbs>>,
    By(caller, _): By<Compute>,
    Path(id): Path<String>,
    Json(body, _): Json<Body, Compute>,
) -> Answer {
    verbs.set_extra_specs(&caller, &FlavorId(id), body.extra_specs.0.clone()).await?;
    Ok(axum::Json(json!({"extra_specs": body.extra_specs.0})).into_response())
}

/// Sets one, named in path and body.
pub async fn set_one(
    State(verbs): State<Arc<FlavorVerbs>>,
    By(caller, _): By<Compute>,
    Path((id, name)): Path<(String, String)>,
    Json(specs, _): Json<Specs, Compute>,
) -> Answer {
    if specs.0.len() != 1 || !specs.0.contains_key(&name) {
        return Err(Error::Invalid("Request body and URI mismatch".into()).into());
    }
    verbs.set_extra_specs(&caller, &FlavorId(id), specs.0.clone()).await?;
    Ok(axum::Json(json!(specs.0)).into_response())
}

/// Removes one.
pub async fn delete(
    State(verbs): State<Arc<FlavorVerbs>>,
    By(caller, _): By<Compute>,
    Path((id, name)): Path<(String, String)>,
) -> Answer<()> {
    verbs.delete_extra_spec(&caller, &FlavorId(id), &name).await?;
    Ok(())
}

/// Who may use a flavor that is not public: nobody can be given it yet.
pub async fn access(
    State(verbs): State<Arc<FlavorVerbs>>,
    By(caller, _): By<Compute>,
    Path(id): Path<String>,
) -> Answer {
    policy::admin(&caller, "os_compute_api:os-flavor-access")?;
    let flavor = verbs.show(&caller, &FlavorId(id)).await?;
    if flavor.is_public {
        return Err(Error::not_found("Access list of public flavor", flavor.id).into());
    }
    Ok(axum::Json(json!({"flavor_access": []})).into_response())
}
