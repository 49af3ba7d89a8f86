//! All routes of the service on a page.

use super::aggregates::{
    actions as aggregate_actions, images as aggregate_images, routes as aggregates,
};
use super::block_storage::{snapshots as proxied_snapshots, volumes as proxied_volumes};
use super::envelope::{Compute, no_method};
use super::flavors::{extra_specs, routes as flavors};
use super::hosts::{explain, figures, hypervisors, live, services, zones};
use super::keypairs::routes as keypairs;
use super::microversion::negotiate;
use super::pool::routes as pool;
use super::servers::{
    action, create, instance_actions, ips, list, metadata, show, tags, update, volumes,
};
use super::versions::{self, Root};
use super::{empty, limits};
use crate::http::body::no_route;
use crate::http::caller::require;
use axum::Router;
use axum::extract::FromRef;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{any, delete, get, post, put};
use hatchery_control::compute::{
    AggregateVerbs, ChangeServer, ConsoleOutput, CreateImage, CreateServer, DeleteServer, Explain,
    Figures, FlavorVerbs, HostVerbs, InstanceActions, KeypairVerbs, ListServers, Live, PowerVerbs,
    ServerVolumeVerbs, ShowServer, ShowUsage,
};
use hatchery_control::identity::CheckToken;
use hatchery_control::pool::PoolVerbs;
use hatchery_control::volume::VolumeVerbs;
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
    /// `PUT /servers/{id}`, `/servers/{id}/metadata`, `/servers/{id}/tags`
    change: ChangeServer,
    /// `createImage`
    images: CreateImage,
    /// `os-getConsoleOutput`
    console: ConsoleOutput,
    /// `os-stop`, `os-start`, `reboot`, `os-resetState`
    power: PowerVerbs,
    /// `/servers/{id}/os-volume_attachments`
    volumes: ServerVolumeVerbs,
    /// `/os-volumes`, `/os-snapshots`
    block_storage: VolumeVerbs,
    /// `/servers/{id}/os-instance-actions`
    actions: InstanceActions,
    /// `/flavors`
    flavors: FlavorVerbs,
    /// `/os-keypairs`
    keypairs: KeypairVerbs,
    /// `/os-hypervisors`, `/os-services`, `/os-availability-zone`
    hosts: HostVerbs,
    /// `/os-aggregates`
    aggregates: AggregateVerbs,
    /// `/os-hatchery-pool`
    pool: PoolVerbs,
    /// `/limits`, `/os-quota-sets`
    usage: ShowUsage,
    /// `/os-hatchery-explain`
    explain: Explain,
    /// `/os-hatchery-figures`
    figures: Figures,
    /// `/os-hatchery-live`
    live: Live,
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

/// The service, to be nested at `/compute`. All but the version documents needs a token, paths that are not there too.
pub fn router(verbs: ComputeVerbs, check: Arc<dyn CheckToken>, root: Root) -> Router {
    let v21 = servers()
        .merge(of_a_server())
        .merge(flavors_and_keys())
        .merge(hosts())
        .merge(aggregates_of_hosts())
        .merge(lists())
        .merge(block_storage())
        .route("/{*rest}", any(no_route::<Compute>))
        .method_not_allowed_fallback(no_method)
        .layer(from_fn_with_state(check, require::<Compute>));
    Router::new()
        .route("/", get(versions::list))
        .route("/v2.1", get(versions::show))
        .route("/v2.1/", get(versions::show))
        .nest("/v2.1", v21)
        .method_not_allowed_fallback(no_method)
        .fallback(no_route::<Compute>)
        .layer(from_fn(negotiate))
        .with_state(Shared { verbs, root })
}

fn servers() -> Router<Shared> {
    Router::new()
        .route("/servers", get(list::brief).post(create::create))
        .route("/servers/detail", get(list::detail))
        .route("/servers/{id}", get(show::show).put(update::update).delete(show::delete))
        .route("/servers/{id}/action", post(action::action))
        .route("/servers/{id}/os-instance-actions", get(instance_actions::list))
        .route("/servers/{id}/os-instance-actions/{request}", get(instance_actions::show))
}

fn of_a_server() -> Router<Shared> {
    Router::new()
        .route("/servers/{id}/ips", get(ips::list))
        .route("/servers/{id}/ips/{network}", get(ips::show))
        .route(
            "/servers/{id}/metadata",
            get(metadata::list).post(metadata::add).put(metadata::replace),
        )
        .route(
            "/servers/{id}/metadata/{key}",
            get(metadata::show).put(metadata::set).delete(metadata::delete),
        )
        .route("/servers/{id}/tags", get(tags::list).put(tags::replace).delete(tags::clear))
        .route("/servers/{id}/tags/{tag}", get(tags::show).put(tags::add).delete(tags::delete))
        .route("/servers/{id}/os-volume_attachments", get(volumes::list).post(volumes::attach))
        .route(
            "/servers/{id}/os-volume_attachments/{volume}",
            get(volumes::show).put(volumes::update).delete(volumes::detach),
        )
}

fn flavors_and_keys() -> Router<Shared> {
    Router::new()
        .route("/flavors", get(flavors::brief).post(flavors::create))
        .route("/flavors/detail", get(flavors::detail))
        .route("/flavors/{id}", get(flavors::show).put(flavors::update).delete(flavors::delete))
        .route("/flavors/{id}/os-extra_specs", get(extra_specs::list).post(extra_specs::set))
        .route(
            "/flavors/{id}/os-extra_specs/{name}",
            get(extra_specs::show).put(extra_specs::set_one).delete(extra_specs::delete),
        )
        .route("/flavors/{id}/os-flavor-access", get(extra_specs::access))
        .route("/os-keypairs", get(keypairs::list).post(keypairs::create))
        .route("/os-keypairs/{name}", get(keypairs::show).delete(keypairs::delete))
}

fn hosts() -> Router<Shared> {
    Router::new()
        .route("/os-hypervisors", get(hypervisors::brief))
        .route("/os-hypervisors/detail", get(hypervisors::detail))
        .route("/os-hypervisors/statistics", get(hypervisors::statistics))
        .route("/os-hypervisors/{id}", get(hypervisors::show))
        .route("/os-hypervisors/{id}/uptime", get(hypervisors::uptime))
        .route("/os-hypervisors/{id}/search", get(hypervisors::search))
        .route("/os-hypervisors/{id}/servers", get(hypervisors::servers))
        .route("/os-services", get(services::list))
        .route("/os-services/{id}", put(services::update))
        .route("/os-availability-zone", get(zones::brief))
        .route("/os-availability-zone/detail", get(zones::detail))
        .route("/os-hatchery-pool", get(pool::list))
        .route("/os-hatchery-pool/{base}", get(pool::show))
        .route("/os-hatchery-pool/verify", post(pool::verify))
        .route("/os-hatchery-pool/heal", post(pool::heal))
        .route("/os-hatchery-figures", get(figures::figures))
        .route("/os-hatchery-live", get(live::live))
        .route("/os-hatchery-explain", get(explain::explain))
        .route("/os-hatchery-provision/{id}", get(explain::provision))
}

fn aggregates_of_hosts() -> Router<Shared> {
    Router::new()
        .route("/os-aggregates", get(aggregates::list).post(aggregates::create))
        .route(
            "/os-aggregates/{id}",
            get(aggregates::show).put(aggregates::update).delete(aggregates::delete),
        )
        .route("/os-aggregates/{id}/action", post(aggregate_actions::action))
        .route(
            "/os-aggregates/{id}/images",
            get(aggregate_images::list).post(aggregate_images::cache),
        )
        .route("/os-aggregates/{id}/images/{image}", delete(aggregate_images::unpin))
}

fn lists() -> Router<Shared> {
    Router::new()
        .route("/limits", get(limits::limits))
        .route("/os-quota-sets/{project}", get(limits::quotas))
        .route("/os-quota-sets/{project}/defaults", get(limits::defaults))
        .route("/os-quota-sets/{project}/detail", get(limits::detail))
        .route("/extensions", get(empty::extensions))
        .route("/os-server-groups", get(empty::server_groups))
}

/// Until microversion 2.35.
fn block_storage() -> Router<Shared> {
    Router::new()
        .route("/os-volumes", get(proxied_volumes::list).post(proxied_volumes::create))
        .route("/os-volumes/detail", get(proxied_volumes::list))
        .route("/os-volumes/{id}", get(proxied_volumes::show).delete(proxied_volumes::delete))
        .route("/os-snapshots", get(proxied_snapshots::list).post(proxied_snapshots::create))
        .route("/os-snapshots/detail", get(proxied_snapshots::list))
        .route("/os-snapshots/{id}", get(proxied_snapshots::show).delete(proxied_snapshots::delete))
}
