//! `/flavors`

use super::view;
use super::wire::{CreateBody, UpdateBody, check_description};
use crate::compute::envelope::{Answer, Compute};
use crate::compute::links;
use crate::compute::microversion::{Microversion, since};
use crate::compute::versions::Root;
use crate::http::body::Json;
use crate::http::caller::By;
use crate::http::paging;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use hatchery_control::Error;
use hatchery_control::compute::{FlavorQuery, FlavorVerbs};
use hatchery_model::compute::Flavor;
use hatchery_model::id::FlavorId;
use hatchery_model::page::Direction;
use serde_json::json;
use std::sync::Arc;

type Pairs = Query<Vec<(String, String)>>;
type View = fn(&Root, Microversion, &Flavor) -> serde_json::Value;

fn query(pairs: &[(String, String)]) -> Result<FlavorQuery, Error> {
    let mut query = FlavorQuery {
        is_public: Some(true),
        page: paging::page(pairs, Some(paging::MAX_LIMIT))?,
        ..FlavorQuery::default()
    };
    // Ascending unless said otherwise; elsewhere it is the other way about.
    if pairs.iter().all(|(key, _)| key != "sort_dir") {
        query.page.sort.iter_mut().for_each(|sort| sort.1 = Direction::Ascending);
    }
    let number = |key: &str, value: &str| {
        value.parse().map_err(|_| Error::Invalid(format!("Invalid {key} filter [{value}]")))
    };
    for (key, value) in pairs {
        match key.as_str() {
            "is_public" => {
                query.is_public = match value.to_ascii_lowercase().as_str() {
                    "none" => None,
                    "true" | "1" | "t" | "yes" => Some(true),
                    "false" | "0" | "f" | "no" => Some(false),
                    _ => {
                        return Err(Error::Invalid(format!("Invalid is_public filter [{value}]")));
                    }
                }
            }
            "minRam" => query.min_memory_mib = number(key, value)?,
            "minDisk" => query.min_root_gib = number(key, value)?,
            _ => {}
        }
    }
    Ok(query)
}

async fn listed(
    verbs: &FlavorVerbs,
    root: &Root,
    (caller, version): (&hatchery_model::caller::Caller, Microversion),
    pairs: &[(String, String)],
    (path, view): (&str, View),
) -> Answer {
    let query = query(pairs)?;
    let flavors = verbs.list(caller, &query).await?;
    let shown: Vec<_> = flavors.iter().map(|flavor| view(root, version, flavor)).collect();
    let full = query.page.limit.is_some_and(|limit| limit > 0 && shown.len() >= limit as usize);
    let last = flavors.last().map(|flavor| flavor.id.as_str());
    let mut body = json!({"flavors": shown});
    if let Some(next) = links::next(root, path, pairs, last, full) {
        body["flavors_links"] = next;
    }
    Ok(axum::Json(body).into_response())
}

/// Ids and names.
pub async fn brief(
    State(verbs): State<Arc<FlavorVerbs>>,
    State(root): State<Root>,
    By(caller, _): By<Compute>,
    version: Microversion,
    Query(pairs): Pairs,
) -> Answer {
    listed(&verbs, &root, (&caller, version), &pairs, ("flavors", view::brief)).await
}

/// Everything.
pub async fn detail(
    State(verbs): State<Arc<FlavorVerbs>>,
    State(root): State<Root>,
    By(caller, _): By<Compute>,
    version: Microversion,
    Query(pairs): Pairs,
) -> Answer {
    listed(&verbs, &root, (&caller, version), &pairs, ("flavors/detail", view::whole)).await
}

fn one(root: &Root, version: Microversion, flavor: &Flavor) -> Response {
    axum::Json(json!({"flavor": view::whole(root, version, flavor)})).into_response()
}

/// Shows one.
pub async fn show(
    State(verbs): State<Arc<FlavorVerbs>>,
    State(root): State<Root>,
    By(caller, _): By<Compute>,
    version: Microversion,
    Path(id): Path<String>,
) -> Answer {
    let flavor = verbs.show(&caller, &FlavorId(id)).await?;
    Ok(one(&root, version, &flavor))
}

/// Makes one.
pub async fn create(
    State(verbs): State<Arc<FlavorVerbs>>,
    State(root): State<Root>,
    By(caller, _): By<Compute>,
    version: Microversion,
    Json(body, _): Json<CreateBody, Compute>,
) -> Answer {
    let flavor = verbs.create(&caller, body.parse(version)?).await?;
    Ok(one(&root, version, &flavor))
}

/// Sets the description.
pub async fn update(
    State(verbs): State<Arc<FlavorVerbs>>,
    State(root): State<Root>,
    By(caller, _): By<Compute>,
    version: Microversion,
    Path(id): Path<String>,
    Json(body, _): Json<UpdateBody, Compute>,
) -> Answer {
    since(version, 55)?;
    body.flavor.description.as_deref().map_or(Ok(()), check_description)?;
    let flavor = verbs.update(&caller, &FlavorId(id), body.flavor.description).await?;
    Ok(one(&root, version, &flavor))
}

/// Deletes one.
pub async fn delete(
    State(verbs): State<Arc<FlavorVerbs>>,
    By(caller, _): By<Compute>,
    Path(id): Path<String>,
) -> Answer<StatusCode> {
    verbs.delete(&caller, &FlavorId(id)).await?;
    Ok(StatusCode::ACCEPTED)
}
