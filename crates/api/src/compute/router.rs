//! All routes of the service on a page.

use super::envelope::{Answer, Compute};
use super::microversion::negotiate;
use super::servers::{create, list, show};
use super::versions::{self, Root};
use crate::http::body::no_route;
use crate::http::caller::require;
use axum::Router;
use axum::extract::FromRef;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use hatchery_control::Error;
use hatchery_control::compute::{CreateServer, DeleteServer, ListServers, ShowServer};
use hatchery_control::identity::CheckToken;
use std::sync::Arc;

macro_rules! verbs {
    ($($(#[$doc:meta])* $field:ident: $verb:ty,)*) => {
        /// What can be done. Each handler takes the one that it needs.
        #[derive(Clone)]
        pub struct ComputeVerbs {
            $($(#[$doc])* pub $field: Arc<$verb>,)*
        }

        $(impl FromRef<Shared> for Arc<$verb> {
            fn from_ref(shared: &Shared) -> Self {
                shared.verbs.$field.clone()
            }
        })*
    };
}

verbs! {
    /// `POST /servers`
    create: CreateServer,
    /// `DELETE /servers/{id}`
    delete: DeleteServer,
    /// `GET /servers/{id}`
    show: ShowServer,
    /// `GET /servers[/detail]`
    list: ListServers,
}

/// What handlers take from.
#[derive(Clone)]
pub struct Shared {
    verbs: ComputeVerbs,
    root: Root,
}

impl FromRef<Shared> for Root {
    fn from_ref(shared: &Shared) -> Self {
        shared.root.clone()
    }
}

/// The service, to be nested at `/compute`.
pub fn router(verbs: ComputeVerbs, check: Arc<dyn CheckToken>, root: Root) -> Router {
    let open = Router::new()
        .route("/", get(versions::list))
        .route("/v2.1", get(versions::show))
        .route("/v2.1/", get(versions::show));
    open.merge(closed().route_layer(from_fn_with_state(check, require::<Compute>)))
        .method_not_allowed_fallback(no_method)
        .fallback(no_route::<Compute>)
        .layer(from_fn(negotiate))
        .with_state(Shared { verbs, root })
}

fn closed() -> Router<Shared> {
    Router::new()
        .route("/v2.1/servers", get(list::brief).post(create::create))
        .route("/v2.1/servers/detail", get(list::detail))
        .route("/v2.1/servers/{id}", get(show::show).delete(show::delete))
}

async fn no_method() -> Answer {
    Err(Error::not_found("The resource", "with this method").into())
}
