//! `/v3/{projects/P|domains/D|system}/users/{user}/roles[/{role}]`

use super::envelope::{Asked, Refusal};
use super::listing::Listing;
use super::roles;
use super::state::IdentityState;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use hatchery_model::id::{DomainId, ProjectId, RoleId, UserId};
use hatchery_model::identity::{Assignment, AssignmentTarget};
use serde::Deserialize;
use serde_json::Value;

/// The parts of the address; a target without project and domain is the system.
#[derive(Deserialize)]
struct Place {
    project: Option<String>,
    domain: Option<String>,
    user: String,
    role: Option<String>,
}

impl Place {
    fn target(&self) -> AssignmentTarget {
        match (&self.project, &self.domain) {
            (Some(id), _) => AssignmentTarget::Project(ProjectId(id.clone())),
            (None, Some(id)) => AssignmentTarget::Domain(DomainId(id.clone())),
            (None, None) => AssignmentTarget::System,
        }
    }

    fn assignment(&self) -> Assignment {
        Assignment {
            user: UserId(self.user.clone()),
            role: RoleId(self.role.clone().unwrap_or_default()),
            target: self.target(),
        }
    }
}

/// The routes of all three kinds of target.
pub fn routes() -> Router<IdentityState> {
    let targets = ["/v3/projects/{project}", "/v3/domains/{domain}", "/v3/system"];
    targets.into_iter().fold(Router::new(), |router, target| {
        router.route(&format!("{target}/users/{{user}}/roles"), get(list)).route(
            &format!("{target}/users/{{user}}/roles/{{role}}"),
            get(check).put(create).delete(delete),
        )
    })
}

async fn list(
    State(state): State<IdentityState>,
    by: Asked,
    Path(place): Path<Place>,
    listing: Listing,
) -> Result<Json<Value>, Refusal> {
    let user = UserId(place.user.clone());
    let found = state.verbs.list_grants.run(&by.0, &user, &place.target()).await?;
    let items = found.iter().map(|role| roles::view(&state, role)).collect();
    listing.answer(&state, "roles", items)
}

async fn check(
    State(state): State<IdentityState>,
    by: Asked,
    Path(place): Path<Place>,
) -> Result<StatusCode, Refusal> {
    state.verbs.check_grant.run(&by.0, &place.assignment()).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn create(
    State(state): State<IdentityState>,
    by: Asked,
    Path(place): Path<Place>,
) -> Result<StatusCode, Refusal> {
    state.verbs.grant.run(&by.0, &place.assignment()).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn delete(
    State(state): State<IdentityState>,
    by: Asked,
    Path(place): Path<Place>,
) -> Result<StatusCode, Refusal> {
    state.verbs.ungrant.run(&by.0, &place.assignment()).await?;
    Ok(StatusCode::NO_CONTENT)
}
