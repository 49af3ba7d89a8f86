//! `/v3/role_assignments`

use super::envelope::{Asked, Refusal};
use super::listing::Listing;
use super::state::IdentityState;
use axum::Json;
use axum::extract::State;
use hatchery_control::Error;
use hatchery_control::identity::{AssignmentDetail, AssignmentQuery};
use hatchery_model::id::{DomainId, ProjectId, RoleId, UserId};
use hatchery_model::identity::{AssignmentTarget, Domain};
use serde_json::{Value, json};

/// `GET /v3/role_assignments`
pub async fn list(
    State(state): State<IdentityState>,
    by: Asked,
    listing: Listing,
) -> Result<Json<Value>, Refusal> {
    let query = query(&listing)?;
    let found = state.verbs.list_assignments.run(&by.0, &query).await?;
    // Nobody is in a group, and nothing is inherited.
    let none = listing.text("group.id").is_some()
        || listing.text("scope.OS-INHERIT:inherited_to").is_some();
    let items = match none {
        true => Vec::new(),
        false => found.iter().map(|detail| view(&state, detail)).collect(),
    };
    listing.answer(&state, "role_assignments", items)
}

fn query(listing: &Listing) -> Result<AssignmentQuery, Error> {
    let project = listing.text("scope.project.id");
    let domain = listing.text("scope.domain.id");
    let system = listing.text("scope.system");
    let effective = listing.flag("effective").unwrap_or(false);
    let invalid = |text: &str| Err(Error::Invalid(text.into()));
    if listing.text("user.id").is_some() && listing.text("group.id").is_some() {
        return invalid("Specify a user or group, not both");
    }
    if effective && listing.text("group.id").is_some() {
        return invalid(
            "Combining effective and group filter will always result in an empty list.",
        );
    }
    let target = match (project, domain, system) {
        (Some(_), Some(_), _) => return invalid("Specify a domain or project, not both"),
        (_, Some(_), Some(_)) => return invalid("Specify system or domain, not both"),
        (Some(_), _, Some(_)) => return invalid("Specify system or project, not both"),
        (Some(id), None, None) => Some(AssignmentTarget::Project(ProjectId::from(id))),
        (None, Some(id), None) => Some(AssignmentTarget::Domain(DomainId::from(id))),
        (None, None, Some(_)) => Some(AssignmentTarget::System),
        (None, None, None) => None,
    };
    if listing.flag("include_subtree") == Some(true) {
        return invalid(
            "include_subtree is not offered: ask for each project by scope.project.id.",
        );
    }
    Ok(AssignmentQuery {
        user: listing.text("user.id").map(UserId::from),
        role: listing.text("role.id").map(RoleId::from),
        target,
        effective,
        names: listing.flag("include_names").unwrap_or(false),
    })
}

fn view(state: &IdentityState, detail: &AssignmentDetail) -> Value {
    let given = &detail.assignment;
    let names = detail.names.as_ref();
    let mut user = json!({"id": given.user});
    let mut role = json!({"id": given.role});
    let mut scope = match &given.target {
        AssignmentTarget::Project(id) => json!({"project": {"id": id}}),
        AssignmentTarget::Domain(id) => json!({"domain": {"id": id}}),
        AssignmentTarget::System => json!({"system": {"all": true}}),
    };
    if let Some(names) = names {
        user["name"] = json!(names.user.0.name);
        user["domain"] = domain(&names.user.1);
        role["name"] = json!(names.role.0.name);
        if let Some(of) = &names.role.1 {
            role["domain"] = domain(of);
        }
        if let Some((project, of)) = &names.project {
            scope["project"]["name"] = json!(project.name);
            scope["project"]["domain"] = domain(of);
        }
        if let Some(of) = &names.domain {
            scope["domain"]["name"] = json!(of.name);
        }
    }
    let mut links = json!({"assignment": state.url(&path(detail))});
    if let Some(prior) = &detail.prior {
        let path = format!("/prior_role/{prior}/implies/{}", given.role);
        links["prior_role"] = json!(state.url(&path));
    }
    json!({"scope": scope, "user": user, "role": role, "links": links})
}

fn domain(domain: &Domain) -> Value {
    json!({"id": domain.id, "name": domain.name})
}

/// The address of the grant that it comes from.
fn path(detail: &AssignmentDetail) -> String {
    let given = &detail.assignment;
    let target = match &given.target {
        AssignmentTarget::Project(id) => format!("/projects/{id}"),
        AssignmentTarget::Domain(id) => format!("/domains/{id}"),
        AssignmentTarget::System => "/system".to_owned(),
    };
    let role = detail.prior.as_ref().unwrap_or(&given.role);
    format!("{target}/users/{}/roles/{role}", given.user)
}
