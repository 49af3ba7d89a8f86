//! `/v3/auth/{catalog,projects,domains,system}`: what the user of a token may use.

use crate::identity::envelope::{Asked, Refusal};
use crate::identity::listing::Listing;
use crate::identity::state::IdentityState;
use crate::identity::{domains, projects};
use axum::Json;
use axum::extract::State;
use hatchery_control::Error;
use serde_json::{Value, json};

type Shown = Result<Json<Value>, Refusal>;

/// `GET /v3/auth/catalog`
pub async fn catalog(State(state): State<IdentityState>, by: Asked) -> Shown {
    if by.0.project().is_none() {
        return Err(Error::Denied(
            "A project-scoped token is required to produce a service catalog.".into(),
        )
        .into());
    }
    let links = json!({"self": state.url("/auth/catalog")});
    Ok(Json(json!({"catalog": state.catalog.view(), "links": links})))
}

/// `GET /v3/auth/projects`
pub async fn projects(State(state): State<IdentityState>, by: Asked, listing: Listing) -> Shown {
    let scopes = state.verbs.list_user_scopes.own(&by.0).await?;
    let items = scopes.projects.iter().map(|project| projects::view(&state, project));
    listing.answer(&state, "projects", items.collect())
}

/// `GET /v3/auth/domains`
pub async fn domains(State(state): State<IdentityState>, by: Asked, listing: Listing) -> Shown {
    let scopes = state.verbs.list_user_scopes.own(&by.0).await?;
    let items = scopes.domains.iter().map(|domain| domains::view(&state, domain));
    listing.answer(&state, "domains", items.collect())
}

/// `GET /v3/auth/system`
pub async fn system(State(state): State<IdentityState>, by: Asked) -> Shown {
    let scopes = state.verbs.list_user_scopes.own(&by.0).await?;
    let system = match scopes.system {
        true => json!([{"all": true}]),
        false => json!([]),
    };
    let links = json!({"self": state.url("/auth/system")});
    Ok(Json(json!({"system": system, "links": links})))
}
