//! All routes of the service on a page.

use super::fault::{Neutron, no_method};
use super::{
    extensions, ip_availability, networks, ports, quotas, security_groups, service_lists, subnets,
    versions,
};
use crate::http::body::no_route;
use crate::http::caller::require;
use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{any, get};
use hatchery_control::identity::CheckToken;
use hatchery_control::network::NetworkVerbs;
use std::sync::Arc;

/// What handlers share.
#[derive(Clone)]
pub struct NetworkState {
    /// What can be done.
    pub verbs: NetworkVerbs,
    /// Where version 2.0 is, without a slash at the end.
    pub base: Arc<str>,
}

/// The service, to be nested at `/network`. `check` is asked for the token of each request that needs one; `public_url` is what users
/// put before `/network`.
pub fn router(verbs: NetworkVerbs, check: Arc<dyn CheckToken>, public_url: &str) -> Router {
    let state = NetworkState {
        verbs,
        base: format!("{}/network/v2.0", public_url.trim_end_matches('/')).into(),
    };
    let version = nouns()
        .merge(lists())
        .route("/", get(versions::resources))
        .route("/{*rest}", any(no_route::<Neutron>));
    let closed = Router::new()
        .nest("/v2.0", version)
        .route("/v2.0/", get(versions::resources))
        .route_layer(from_fn_with_state(check, require::<Neutron>));
    Router::new()
        .route("/", get(versions::list))
        .merge(closed)
        .method_not_allowed_fallback(no_method)
        .fallback(no_route::<Neutron>)
        .with_state(state)
}

/// What can be made, changed and deleted.
fn nouns() -> Router<NetworkState> {
    Router::new()
        .route("/networks", get(networks::list).post(networks::create))
        .route("/networks/{id}", get(networks::show).put(networks::update).delete(networks::delete))
        .route("/subnets", get(subnets::list).post(subnets::create))
        .route("/subnets/{id}", get(subnets::show).put(subnets::update).delete(subnets::delete))
        .route("/ports", get(ports::list).post(ports::create))
        .route("/ports/{id}", get(ports::show).put(ports::update).delete(ports::delete))
}

/// What can only be read.
fn lists() -> Router<NetworkState> {
    Router::new()
        .route("/extensions", get(extensions::list))
        .route("/extensions/{alias}", get(extensions::show))
        .route("/quotas", get(quotas::list))
        .route("/quotas/{project}", get(quotas::show))
        .route("/quotas/{project}/default", get(quotas::show))
        .route("/security-groups", get(security_groups::list))
        .route("/security-groups/{id}", get(security_groups::show).delete(security_groups::delete))
        .route("/security-group-rules", get(security_groups::rules))
        .route("/agents", get(service_lists::agents))
        .route("/availability_zones", get(service_lists::zones))
        .route("/network-ip-availabilities", get(ip_availability::list))
        .route("/network-ip-availabilities/{id}", get(ip_availability::show))
}
