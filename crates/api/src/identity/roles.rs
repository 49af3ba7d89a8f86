//! `/v3/roles`

use super::envelope::{Asked, Body, Refusal};
use super::fields::Fields;
use super::listing::{Listing, check_no_options, check_same_id};
use super::state::IdentityState;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use hatchery_control::Error;
use hatchery_control::identity::{NewRole, RoleChange, RoleQuery};
use hatchery_model::id::{DomainId, RoleId};
use hatchery_model::identity::Role;
use serde_json::{Value, json};

type Shown = Result<Json<Value>, Refusal>;

/// `GET /v3/roles`
pub async fn list(State(state): State<IdentityState>, by: Asked, listing: Listing) -> Shown {
    let query = RoleQuery {
        domain: listing.text("domain_id").map(DomainId::from),
        name: listing.text("name").map(str::to_owned),
    };
    let roles = state.verbs.list_roles.run(&by.0, &query).await?;
    let items = roles.iter().map(|role| view(&state, role)).collect();
    listing.answer(&state, "roles", items)
}

/// `GET /v3/roles/{id}`
pub async fn show(State(state): State<IdentityState>, by: Asked, Path(id): Path<String>) -> Shown {
    let role = state.verbs.show_role.run(&by.0, &RoleId(id)).await?;
    Ok(Json(json!({"role": view(&state, &role)})))
}

/// `POST /v3/roles`
pub async fn create(
    State(state): State<IdentityState>,
    by: Asked,
    body: Body,
) -> Result<(StatusCode, Json<Value>), Refusal> {
    let new = new_role(body.0)?;
    let role = state.verbs.create_role.run(&by.0, new).await?;
    let shown = Json(json!({"role": view(&state, &role)}));
    Ok((StatusCode::CREATED, shown))
}

/// `PATCH /v3/roles/{id}`
pub async fn update(
    State(state): State<IdentityState>,
    by: Asked,
    Path(id): Path<String>,
    body: Body,
) -> Shown {
    let change = change(body.0, &id)?;
    let role = state.verbs.update_role.run(&by.0, &RoleId(id), change).await?;
    Ok(Json(json!({"role": view(&state, &role)})))
}

/// `DELETE /v3/roles/{id}`
pub async fn delete(
    State(state): State<IdentityState>,
    by: Asked,
    Path(id): Path<String>,
) -> Result<StatusCode, Refusal> {
    state.verbs.delete_role.run(&by.0, &RoleId(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn new_role(body: Value) -> Result<NewRole, Error> {
    let mut fields = Fields::of_body(body, "role")?;
    check_no_options(&mut fields)?;
    Ok(NewRole {
        name: fields.required_name("name", 1..=255)?,
        domain: fields.nullable_id("domain_id")?.flatten().map(DomainId),
        description: fields.nullable_text("description")?.flatten(),
    })
}

fn change(body: Value, id: &str) -> Result<RoleChange, Error> {
    let mut fields = Fields::of_body(body, "role")?;
    if fields.is_empty() {
        return Err(Error::Invalid(
            "Invalid input for field 'role': name at least one property to change.".into(),
        ));
    }
    check_same_id(&mut fields, id)?;
    check_no_options(&mut fields)?;
    Ok(RoleChange {
        name: fields.name("name", 1..=255)?,
        description: fields.nullable_text("description")?,
        domain: fields.nullable_id("domain_id")?.map(|id| id.map(DomainId)),
    })
}

/// A role as Keystone shows it.
pub fn view(state: &IdentityState, role: &Role) -> Value {
    json!({
        "id": role.id,
        "name": role.name,
        "domain_id": role.domain,
        "description": role.description,
        "options": {},
        "links": {"self": state.url(&format!("/roles/{}", role.id))},
    })
}
