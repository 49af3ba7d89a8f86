//! All routes of the service on a page.

use super::auth::tokens;
use super::catalog::CatalogSettings;
use super::envelope::{Identity, no_method};
use super::guard::guard;
use super::state::IdentityState;
use super::versions;
use crate::http::body::no_route;
use crate::http::caller::require;
use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};
use hatchery_control::identity::{CheckToken, IdentityVerbs};
use std::sync::Arc;

/// The service, to be nested at `/identity`. `check` is asked for the token of each request that needs one.
pub fn router(
    verbs: Arc<IdentityVerbs>,
    check: Arc<dyn CheckToken>,
    catalog: CatalogSettings,
) -> Router {
    let state = IdentityState {
        verbs,
        catalog: Arc::new(catalog),
    };
    let open = Router::new()
        .route("/", get(versions::list))
        .route("/v3", get(versions::show))
        .route("/v3/", get(versions::show))
        .route("/v3/auth/tokens", post(tokens::create));
    let closed = Router::new()
        .route("/v3/auth/tokens", get(tokens::show).delete(tokens::delete))
        .route_layer(from_fn_with_state(check, require::<Identity>));
    open.merge(closed)
        .method_not_allowed_fallback(no_method)
        .fallback(no_route::<Identity>)
        .layer(from_fn(guard))
        .with_state(state)
}
