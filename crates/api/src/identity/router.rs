//! All routes of the service on a page.

use super::auth::{scopes, tokens};
use super::catalog::CatalogSettings;
use super::envelope::{Identity, no_method};
use super::guard::guard;
use super::state::IdentityState;
use super::{
    domains, grants, implied_roles, projects, role_assignments, roles, services, users, versions,
};
use crate::http::body::no_route;
use crate::http::caller::require;
use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{MethodRouter, get, post};
use hatchery_control::identity::{CheckToken, IdentityVerbs};
use std::sync::Arc;

/// The service, to be put at `/identity` with `nest_service`, which takes `/identity/` along. `check` is asked for the token of each request that needs one.
pub fn router(
    verbs: Arc<IdentityVerbs>,
    check: Arc<dyn CheckToken>,
    catalog: CatalogSettings,
) -> Router {
    let state = IdentityState { verbs, catalog: Arc::new(catalog) };
    let closed = closed().route_layer(from_fn_with_state(check, require::<Identity>));
    open()
        .merge(closed)
        .method_not_allowed_fallback(no_method)
        .fallback(no_route::<Identity>)
        .layer(from_fn(guard))
        .with_state(state)
}

/// The routes that need no token.
fn open() -> Router<IdentityState> {
    Router::new()
        .route("/", get(versions::list))
        .route("/v3", get(versions::show))
        .route("/v3/", get(versions::show))
        .route("/v3/auth/tokens", post(tokens::create))
        .route("/v3/users/{user}/password", post(users::change_password))
}

/// The routes that need a token.
fn closed() -> Router<IdentityState> {
    let read_only = |list: MethodRouter<IdentityState>| list.post(services::refuse_change);
    let member_read_only = |show: MethodRouter<IdentityState>| {
        show.patch(services::refuse_change)
            .put(services::refuse_change)
            .delete(services::refuse_change)
    };
    Router::new()
        .route("/v3/auth/tokens", get(tokens::show).delete(tokens::delete))
        .route("/v3/auth/catalog", get(scopes::catalog))
        .route("/v3/auth/projects", get(scopes::projects))
        .route("/v3/auth/domains", get(scopes::domains))
        .route("/v3/auth/system", get(scopes::system))
        .route("/v3/domains", get(domains::list).post(domains::create))
        .route(
            "/v3/domains/{domain}",
            get(domains::show).patch(domains::update).delete(domains::delete),
        )
        .route("/v3/projects", get(projects::list).post(projects::create))
        .route(
            "/v3/projects/{project}",
            get(projects::show).patch(projects::update).delete(projects::delete),
        )
        .route("/v3/users", get(users::list).post(users::create))
        .route("/v3/users/{user}", get(users::show).patch(users::update).delete(users::delete))
        .route("/v3/users/{user}/projects", get(users::list_projects))
        .route("/v3/users/{user}/groups", get(users::list_groups))
        .route("/v3/groups", get(services::list_groups))
        .route("/v3/roles", get(roles::list).post(roles::create))
        .route("/v3/roles/{role}", get(roles::show).patch(roles::update).delete(roles::delete))
        .route("/v3/roles/{prior}/implies", get(implied_roles::list))
        .route(
            "/v3/roles/{prior}/implies/{implied}",
            get(implied_roles::show)
                .head(implied_roles::check)
                .put(implied_roles::create)
                .delete(implied_roles::delete),
        )
        .route("/v3/role_inferences", get(implied_roles::list_all))
        .route("/v3/role_assignments", get(role_assignments::list))
        .merge(grants::routes())
        .route("/v3/services", read_only(get(services::list_services)))
        .route("/v3/services/{id}", member_read_only(get(services::show_service)))
        .route("/v3/endpoints", read_only(get(services::list_endpoints)))
        .route("/v3/endpoints/{id}", member_read_only(get(services::show_endpoint)))
        .route("/v3/regions", read_only(get(services::list_regions)))
        .route("/v3/regions/{id}", member_read_only(get(services::show_region)))
}
