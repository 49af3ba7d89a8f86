//! `/v3/users`

use super::envelope::{Asked, Body, Refusal};
use super::fields::Fields;
use super::listing::{Listing, check_no_options, check_same_id};
use super::projects;
use super::state::IdentityState;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use hatchery_control::Error;
use hatchery_control::identity::{NewUser, UserChange, UserQuery};
use hatchery_model::id::{DomainId, ProjectId, UserId};
use hatchery_model::identity::User;
use serde_json::{Value, json};

type Shown = Result<Json<Value>, Refusal>;

/// Members of a user that are ours to say.
const OURS: [&str; 4] = ["id", "links", "options", "password_expires_at"];

/// `GET /v3/users`
pub async fn list(State(state): State<IdentityState>, by: Asked, listing: Listing) -> Shown {
    let query = UserQuery {
        domain: listing.text("domain_id").map(DomainId::from),
        name: listing.text("name").map(str::to_owned),
        enabled: listing.flag("enabled"),
    };
    let users = state.verbs.list_users.run(&by.0, &query).await?;
    let items = users.iter().map(|user| view(&state, user)).collect();
    listing.answer(&state, "users", items)
}

/// `GET /v3/users/{id}`
pub async fn show(State(state): State<IdentityState>, by: Asked, Path(id): Path<String>) -> Shown {
    let user = state.verbs.show_user.run(&by.0, &UserId(id)).await?;
    Ok(Json(json!({"user": view(&state, &user)})))
}

/// `POST /v3/users`
pub async fn create(
    State(state): State<IdentityState>,
    by: Asked,
    body: Body,
) -> Result<(StatusCode, Json<Value>), Refusal> {
    let new = new_user(body.0)?;
    let user = state.verbs.create_user.run(&by.0, new).await?;
    let shown = Json(json!({"user": view(&state, &user)}));
    Ok((StatusCode::CREATED, shown))
}

/// `PATCH /v3/users/{id}`
pub async fn update(
    State(state): State<IdentityState>,
    by: Asked,
    Path(id): Path<String>,
    body: Body,
) -> Shown {
    let change = change(body.0, &id)?;
    let user = state.verbs.update_user.run(&by.0, &UserId(id), change).await?;
    Ok(Json(json!({"user": view(&state, &user)})))
}

/// `DELETE /v3/users/{id}`
pub async fn delete(
    State(state): State<IdentityState>,
    by: Asked,
    Path(id): Path<String>,
) -> Result<StatusCode, Refusal> {
    state.verbs.delete_user.run(&by.0, &UserId(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /v3/users/{id}/password`
pub async fn change_password(
    State(state): State<IdentityState>,
    Path(id): Path<String>,
    body: Body,
) -> Result<StatusCode, Refusal> {
    let mut fields = Fields::of_body(body.0, "user")?;
    let original = fields.required_text("original_password")?;
    let new = fields.required_text("password")?;
    state.verbs.change_password.run(&UserId(id), original, new).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /v3/users/{id}/projects`
pub async fn list_projects(
    State(state): State<IdentityState>,
    by: Asked,
    Path(id): Path<String>,
    listing: Listing,
) -> Shown {
    let scopes = state.verbs.list_user_scopes.run(&by.0, &UserId(id)).await?;
    let name = listing.text("name");
    let domain = listing.text("domain_id");
    let enabled = listing.flag("enabled");
    let items = scopes
        .projects
        .iter()
        .filter(|project| name.is_none_or(|name| name == project.name))
        .filter(|project| domain.is_none_or(|domain| domain == project.domain.as_str()))
        .filter(|project| enabled.is_none_or(|enabled| enabled == project.enabled))
        .map(|project| projects::view(&state, project))
        .collect();
    listing.answer(&state, "projects", items)
}

/// `GET /v3/users/{id}/groups`: there are no groups.
pub async fn list_groups(
    State(state): State<IdentityState>,
    by: Asked,
    Path(id): Path<String>,
    listing: Listing,
) -> Shown {
    state.verbs.show_user.run(&by.0, &UserId(id)).await?;
    listing.answer(&state, "groups", Vec::new())
}

fn new_user(body: Value) -> Result<NewUser, Error> {
    let mut fields = Fields::of_body(body, "user")?;
    check_offered(&mut fields)?;
    let name = fields.required_name("name", 1..=255)?;
    let domain = fields.nullable_id("domain_id")?.flatten().map(DomainId);
    let password = fields.nullable_text("password")?.flatten();
    let default_project = fields.nullable_text("default_project_id")?.flatten();
    let enabled = fields.boolean("enabled")?;
    let description = fields.nullable_text("description")?.flatten();
    let email = fields.nullable_text("email")?.flatten();
    Ok(NewUser {
        name,
        domain,
        password,
        default_project: default_project.map(ProjectId),
        enabled: enabled.unwrap_or(true),
        description,
        email,
        extra: fields.extra(&OURS),
    })
}

fn change(body: Value, id: &str) -> Result<UserChange, Error> {
    let mut fields = Fields::of_body(body, "user")?;
    if fields.is_empty() {
        return Err(Error::Invalid(
            "Invalid input for field 'user': name at least one property to change.".into(),
        ));
    }
    check_same_id(&mut fields, id)?;
    check_offered(&mut fields)?;
    let name = fields.name("name", 1..=255)?;
    let password = fields.nullable_text("password")?;
    let default_project = fields.nullable_text("default_project_id")?;
    let enabled = fields.boolean("enabled")?;
    let description = fields.nullable_text("description")?;
    let email = fields.nullable_text("email")?;
    let domain = fields.nullable_id("domain_id")?.flatten().map(DomainId);
    Ok(UserChange {
        name,
        password,
        default_project: default_project.map(|id| id.map(ProjectId)),
        enabled,
        description,
        email,
        domain,
        extra: fields.extra(&OURS),
    })
}

fn check_offered(fields: &mut Fields) -> Result<(), Error> {
    check_no_options(fields)?;
    match fields.take("federated") {
        None | Some(Value::Null) => Ok(()),
        Some(Value::Array(items)) if items.is_empty() => Ok(()),
        Some(_) => Err(Error::Invalid(
            "Invalid input for field 'user/federated': this service has no federated users.".into(),
        )),
    }
}

/// A user as Keystone shows it: what it does not have of the optional parts is left out.
fn view(state: &IdentityState, user: &User) -> Value {
    let mut shown = json!(user.extra);
    let optional = [
        ("default_project_id", user.default_project.as_ref().map(ProjectId::as_str)),
        ("description", user.description.as_deref()),
        ("email", user.email.as_deref()),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            shown[name] = json!(value);
        }
    }
    shown["id"] = json!(user.id);
    shown["name"] = json!(user.name);
    shown["domain_id"] = json!(user.domain);
    shown["enabled"] = json!(user.enabled);
    shown["password_expires_at"] = Value::Null;
    shown["options"] = json!({});
    shown["links"] = json!({"self": state.url(&format!("/users/{}", user.id))});
    shown
}
