//! `/v3/domains`

use super::envelope::{Asked, Body, Refusal};
use super::fields::Fields;
use super::listing::{Listing, check_no_options, check_same_id};
use super::state::IdentityState;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use hatchery_control::Error;
use hatchery_control::identity::{DomainChange, DomainQuery, NewDomain};
use hatchery_model::id::DomainId;
use hatchery_model::identity::Domain;
use serde_json::{Value, json};

type Shown = Result<Json<Value>, Refusal>;

/// `GET /v3/domains`
pub async fn list(State(state): State<IdentityState>, by: Asked, listing: Listing) -> Shown {
    let query = DomainQuery {
        name: listing.text("name").map(str::to_owned),
        enabled: listing.flag("enabled"),
    };
    let domains = state.verbs.list_domains.run(&by.0, &query).await?;
    let items = domains.iter().map(|domain| view(&state, domain)).collect();
    listing.answer(&state, "domains", items)
}

/// `GET /v3/domains/{id}`
pub async fn show(State(state): State<IdentityState>, by: Asked, Path(id): Path<String>) -> Shown {
    let domain = state.verbs.show_domain.run(&by.0, &DomainId(id)).await?;
    Ok(Json(json!({"domain": view(&state, &domain)})))
}

/// `POST /v3/domains`
pub async fn create(
    State(state): State<IdentityState>,
    by: Asked,
    body: Body,
) -> Result<(StatusCode, Json<Value>), Refusal> {
    let new = new_domain(body.0)?;
    let domain = state.verbs.create_domain.run(&by.0, new).await?;
    let shown = Json(json!({"domain": view(&state, &domain)}));
    Ok((StatusCode::CREATED, shown))
}

/// `PATCH /v3/domains/{id}`
pub async fn update(
    State(state): State<IdentityState>,
    by: Asked,
    Path(id): Path<String>,
    body: Body,
) -> Shown {
    let change = change(body.0, &id)?;
    let domain = state.verbs.update_domain.run(&by.0, &DomainId(id), change).await?;
    Ok(Json(json!({"domain": view(&state, &domain)})))
}

/// `DELETE /v3/domains/{id}`
pub async fn delete(
    State(state): State<IdentityState>,
    by: Asked,
    Path(id): Path<String>,
) -> Result<StatusCode, Refusal> {
    state.verbs.delete_domain.run(&by.0, &DomainId(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn new_domain(body: Value) -> Result<NewDomain, Error> {
    let mut fields = Fields::of_body(body, "domain")?;
    check_no_options(&mut fields)?;
    let id = fields.text("explicit_domain_id")?;
    let is_uuid =
        |id: &str| id.len() == 32 && id.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'));
    if id.as_deref().is_some_and(|id| !is_uuid(id)) {
        return Err(Error::Invalid(
            "Domain ID does not conform to required UUID format: 32 lower-case hex digits.".into(),
        ));
    }
    Ok(NewDomain {
        id: id.map(DomainId),
        name: fields.required_name("name", 1..=64)?,
        description: fields.nullable_text("description")?.flatten().unwrap_or_default(),
        enabled: fields.boolean("enabled")?.unwrap_or(true),
    })
}

fn change(body: Value, id: &str) -> Result<DomainChange, Error> {
    let mut fields = Fields::of_body(body, "domain")?;
    check_same_id(&mut fields, id)?;
    check_no_options(&mut fields)?;
    Ok(DomainChange {
        name: fields.name("name", 1..=64)?,
        description: fields.nullable_text("description")?.map(Option::unwrap_or_default),
        enabled: fields.boolean("enabled")?,
    })
}

/// A domain as Keystone shows it.
pub fn view(state: &IdentityState, domain: &Domain) -> Value {
    json!({
        "id": domain.id,
        "name": domain.name,
        "description": domain.description,
        "enabled": domain.enabled,
        "tags": [],
        "options": {},
        "links": {"self": state.url(&format!("/domains/{}", domain.id))},
    })
}
