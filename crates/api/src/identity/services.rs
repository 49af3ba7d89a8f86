//! `/v3/services`, `/v3/endpoints`, `/v3/regions` and `/v3/groups`: what the settings fix, to be looked at.

use super::catalog::{Endpoint, Service};
use super::envelope::{Asked, Refusal};
use super::listing::Listing;
use super::state::IdentityState;
use axum::Json;
use axum::extract::{Path, State};
use hatchery_control::Error;
use hatchery_control::identity::{may_change_catalog, may_list_groups, may_read_catalog};
use serde_json::{Value, json};

type Shown = Result<Json<Value>, Refusal>;

/// `GET /v3/services`
pub async fn list_services(
    State(state): State<IdentityState>,
    by: Asked,
    listing: Listing,
) -> Shown {
    may_read_catalog(&by.0, "list_services")?;
    let services = state.catalog.services();
    let items = services
        .iter()
        .filter(|service| listing.text("type").is_none_or(|kind| kind == service.kind))
        .filter(|service| listing.text("name").is_none_or(|name| name == service.name))
        .map(|service| service_view(&state, service))
        .collect();
    listing.answer(&state, "services", items)
}

/// `GET /v3/services/{id}`
pub async fn show_service(
    State(state): State<IdentityState>,
    by: Asked,
    Path(id): Path<String>,
) -> Shown {
    may_read_catalog(&by.0, "get_service")?;
    let services = state.catalog.services();
    let found = services.iter().find(|service| service.id == id);
    let service = found.ok_or_else(|| Error::not_found("service", id))?;
    Ok(Json(json!({"service": service_view(&state, service)})))
}

/// `GET /v3/endpoints`
pub async fn list_endpoints(
    State(state): State<IdentityState>,
    by: Asked,
    listing: Listing,
) -> Shown {
    may_read_catalog(&by.0, "list_endpoints")?;
    let region = state.catalog.region.as_str();
    let endpoints = state.catalog.endpoints();
    let items = endpoints
        .iter()
        .filter(|at| listing.text("interface").is_none_or(|wanted| wanted == at.interface))
        .filter(|at| listing.text("service_id").is_none_or(|wanted| wanted == at.service))
        .filter(|_| listing.text("region_id").is_none_or(|wanted| wanted == region))
        .map(|endpoint| endpoint_view(&state, endpoint))
        .collect();
    listing.answer(&state, "endpoints", items)
}

/// `GET /v3/endpoints/{id}`
pub async fn show_endpoint(
    State(state): State<IdentityState>,
    by: Asked,
    Path(id): Path<String>,
) -> Shown {
    may_read_catalog(&by.0, "get_endpoint")?;
    let endpoints = state.catalog.endpoints();
    let found = endpoints.iter().find(|endpoint| endpoint.id == id);
    let endpoint = found.ok_or_else(|| Error::not_found("endpoint", id))?;
    Ok(Json(json!({"endpoint": endpoint_view(&state, endpoint)})))
}

/// `GET /v3/regions`, for everyone who has a token.
pub async fn list_regions(State(state): State<IdentityState>, _: Asked, listing: Listing) -> Shown {
    let items = match listing.text("parent_region_id") {
        None => vec![region_view(&state)],
        Some(_) => Vec::new(),
    };
    listing.answer(&state, "regions", items)
}

/// `GET /v3/regions/{id}`, for everyone who has a token.
pub async fn show_region(
    State(state): State<IdentityState>,
    _: Asked,
    Path(id): Path<String>,
) -> Shown {
    if id != state.catalog.region {
        return Err(Error::not_found("region", id).into());
    }
    Ok(Json(json!({"region": region_view(&state)})))
}

/// All that would change the catalog.
pub async fn refuse_change(by: Asked) -> Result<(), Refusal> {
    Ok(may_change_catalog(&by.0, "change_catalog")?)
}

/// `GET /v3/groups`: there are none.
pub async fn list_groups(State(state): State<IdentityState>, by: Asked, listing: Listing) -> Shown {
    may_list_groups(&by.0)?;
    listing.answer(&state, "groups", Vec::new())
}

fn service_view(state: &IdentityState, service: &Service) -> Value {
    json!({
        "id": service.id,
        "type": service.kind,
        "name": service.name,
        "description": "",
        "enabled": true,
        "links": {"self": state.url(&format!("/services/{}", service.id))},
    })
}

fn endpoint_view(state: &IdentityState, endpoint: &Endpoint) -> Value {
    json!({
        "id": endpoint.id,
        "interface": endpoint.interface,
        "region": state.catalog.region,
        "region_id": state.catalog.region,
        "service_id": endpoint.service,
        "url": endpoint.url,
        "enabled": true,
        "links": {"self": state.url(&format!("/endpoints/{}", endpoint.id))},
    })
}

fn region_view(state: &IdentityState) -> Value {
    let region = &state.catalog.region;
    json!({
        "id": region,
        "description": "",
        "parent_region_id": null,
        "links": {"self": state.url(&format!("/regions/{region}"))},
    })
}
