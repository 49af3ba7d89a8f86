//! All routes of the service on a page.

use super::drain::drain;
use super::fault::{Glance, negotiate, no_method};
use super::view::Shown;
use super::{
    actions, create, data, delete, info, list, members, patch, schemas, show, tags, versions,
};
use crate::http::body::no_route;
use crate::http::caller::require;
use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{any, get, post, put};
use hatchery_control::identity::CheckToken;
use hatchery_control::image::ImageVerbs;
use std::sync::Arc;

/// What handlers share.
#[derive(Clone)]
pub struct ImageState {
    /// What can be done.
    pub verbs: ImageVerbs,
    /// What users put before `/image`, without a slash at the end.
    pub public_url: Arc<str>,
    /// What is shown of where bytes lie.
    pub shown: Arc<Shown>,
}

/// The service, to be nested at `/image`. `check` is asked for the token of each request that needs one.
pub fn router(
    verbs: ImageVerbs,
    check: Arc<dyn CheckToken>,
    public_url: &str,
    shown: Shown,
) -> Router {
    let public_url = public_url.trim_end_matches('/').into();
    let state = ImageState { verbs, public_url, shown: Arc::new(shown) };
    let open = Router::new()
        .route("/", get(versions::choices))
        .route("/versions", get(versions::list))
        .route("/versions/", get(versions::list));
    let images = Router::new()
        .route("/", get(list::list).post(create::create))
        .route("/{image}", get(show::show).patch(patch::patch).delete(delete::delete))
        .route("/{image}/file", get(data::download).put(data::upload))
        .route("/{image}/tags/{tag}", put(tags::add).delete(tags::remove))
        .route("/{image}/actions/deactivate", post(actions::deactivate))
        .route("/{image}/actions/reactivate", post(actions::reactivate))
        .route("/{image}/import", post(info::no_import))
        .route("/{image}/members", get(members::list).post(members::not_yet))
        .route(
            "/{image}/members/{member}",
            get(members::show).put(members::not_yet).delete(members::show),
        );
    let closed = Router::new()
        .nest("/v2/images", images)
        .route("/v2/schemas/{name}", get(schemas::show))
        .route("/v2/info/import", get(info::import_methods))
        .route("/v2/info/stores", get(info::stores))
        .route("/v2/info/usage", get(info::usage))
        .route("/v2", any(no_route::<Glance>))
        .route("/v2/", any(no_route::<Glance>))
        .route("/v2/{*rest}", any(no_route::<Glance>))
        .route_layer(from_fn_with_state(check, require::<Glance>));
    open.merge(closed)
        .method_not_allowed_fallback(no_method)
        .fallback(versions::choices)
        .layer(from_fn(negotiate))
        .layer(from_fn(drain))
        .with_state(state)
}
