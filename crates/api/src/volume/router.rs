//! All routes of the service on a page.

use super::address::{Root, check_project, take_project};
use super::attachments::routes as attachments;
use super::backups::{action as backup_action, routes as backups};
use super::envelope::{Volume, no_method};
use super::groups::{routes as groups, snapshots as group_snapshots, types as group_types};
use super::microversion::negotiate;
use super::qos::routes as qos;
use super::services::{explain, hosts, pools, routes as services, zones};
use super::snapshots::{
    action as snapshot_action, metadata as snapshot_metadata, routes as snapshots,
};
use super::transfers::routes as transfers;
use super::types::{access, defaults, extra_specs, routes as types};
use super::volumes::{self, action, create, metadata};
use super::{
    extensions, limits, manage, manage_snapshots, messages, quotas, resource_filters, versions,
};
use crate::http::body::no_route;
use crate::http::caller::require;
use axum::Router;
use axum::extract::FromRef;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{any, get, post, put};
use hatchery_control::identity::CheckToken;
use hatchery_control::volume::{
    BackupVerbs, GroupTypeVerbs, GroupVerbs, ManageableVerbs, MessageVerbs, QosVerbs, QuotaVerbs,
    TransferVerbs, VolumeServiceVerbs, VolumeTypeVerbs, VolumeVerbs,
};
use std::sync::Arc;
use tower::Layer;

macro_rules! verbs {
    ($($(#[$doc:meta])* $field:ident: $verb:ty,)*) => {
        /// What can be done. Each handler takes the one that it needs.
        #[derive(Clone)]
        pub struct VolumeApi {
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
    /// `/volumes`
    volumes: VolumeVerbs,
    /// `/types`
    types: VolumeTypeVerbs,
    /// `/os-quota-sets`, `/limits`
    quotas: QuotaVerbs,
    /// `/os-services`, `/scheduler-stats`, `/capabilities`, `/os-hosts`, `/os-availability-zone`
    services: VolumeServiceVerbs,
    /// `/manageable_volumes`
    manageable: ManageableVerbs,
    /// `/messages`
    messages: MessageVerbs,
    /// `/backups`
    backups: BackupVerbs,
    /// `/groups`, `/group_snapshots`
    groups: GroupVerbs,
    /// `/group_types`
    group_types: GroupTypeVerbs,
    /// `/qos-specs`
    qos: QosVerbs,
    /// `/volume-transfers`, `/os-volume-transfer`
    transfers: TransferVerbs,
}

/// What handlers take from.
#[derive(Clone)]
pub struct Shared {
    verbs: VolumeApi,
    root: Root,
}

impl FromRef<Shared> for Root {
    fn from_ref(shared: &Shared) -> Self {
        shared.root.clone()
    }
}

/// The service, to be nested at `/volume`. All but the version documents needs a token, paths that are not there too. Every path may have the
/// project's id after `/v3`.
pub fn router(verbs: VolumeApi, check: Arc<dyn CheckToken>, root: Root) -> Router {
    let v3 = of_volumes()
        .merge(of_snapshots())
        .merge(of_attachments())
        .merge(of_backups())
        .merge(of_transfers())
        .merge(volume_types())
        .merge(of_qos())
        .merge(backends())
        .merge(lists())
        .merge(of_groups())
        .route("/{*rest}", any(no_route::<Volume>))
        .method_not_allowed_fallback(no_method)
        .layer(from_fn(check_project))
        .layer(from_fn_with_state(check, require::<Volume>));
    let routes = Router::new()
        .route("/", get(versions::all))
        .route("/v3", get(versions::show))
        .route("/v3/", get(versions::show))
        .nest("/v3", v3)
        .method_not_allowed_fallback(no_method)
        .fallback(no_route::<Volume>)
        .layer(from_fn(negotiate))
        .with_state(Shared { verbs, root });
    // The project is taken off before a route is looked for.
    Router::new().fallback_service(from_fn(take_project).layer(routes))
}

fn of_volumes() -> Router<Shared> {
    Router::new()
        .route("/volumes", get(volumes::brief).post(create::create))
        .route("/volumes/detail", get(volumes::detail))
        .route("/volumes/summary", get(volumes::summary))
        .route("/volumes/{id}", get(volumes::show).put(volumes::update).delete(volumes::delete))
        .route("/volumes/{id}/action", post(action::action))
        .route(
            "/volumes/{id}/metadata",
            get(metadata::list).post(metadata::add).put(metadata::replace),
        )
        .route(
            "/volumes/{id}/metadata/{key}",
            get(metadata::show).put(metadata::set_one).delete(metadata::delete),
        )
        .route("/volumes/{id}/encryption", get(metadata::encryption))
        .route("/os-volume-manage", get(manage::list).post(manage::create))
        .route("/os-volume-manage/detail", get(manage::detail))
        .route("/manageable_volumes", get(manage::list_since).post(manage::create_since))
        .route("/manageable_volumes/detail", get(manage::detail_since))
}

fn of_snapshots() -> Router<Shared> {
    Router::new()
        .route("/snapshots", get(snapshots::brief).post(snapshots::create))
        .route("/snapshots/detail", get(snapshots::detail))
        .route(
            "/snapshots/{id}",
            get(snapshots::show).put(snapshots::update).delete(snapshots::delete),
        )
        .route("/snapshots/{id}/action", post(snapshot_action::action))
        .route("/os-snapshot-manage", get(manage_snapshots::list).post(manage_snapshots::create))
        .route("/os-snapshot-manage/detail", get(manage_snapshots::detail))
        .route(
            "/manageable_snapshots",
            get(manage_snapshots::list_since).post(manage_snapshots::create_since),
        )
        .route("/manageable_snapshots/detail", get(manage_snapshots::detail_since))
        .route(
            "/snapshots/{id}/metadata",
            get(snapshot_metadata::list)
                .post(snapshot_metadata::add)
                .put(snapshot_metadata::replace),
        )
        .route(
            "/snapshots/{id}/metadata/{key}",
            get(snapshot_metadata::show)
                .put(snapshot_metadata::set_one)
                .delete(snapshot_metadata::delete),
        )
}

fn of_attachments() -> Router<Shared> {
    Router::new()
        .route("/attachments", get(attachments::brief).post(attachments::create))
        .route("/attachments/summary", get(attachments::brief))
        .route("/attachments/detail", get(attachments::detail))
        .route(
            "/attachments/{id}",
            get(attachments::show).put(attachments::update).delete(attachments::delete),
        )
        .route("/attachments/{id}/action", post(attachments::action))
}

fn of_backups() -> Router<Shared> {
    Router::new()
        .route("/backups", get(backups::brief).post(backups::create))
        .route("/backups/detail", get(backups::detail))
        .route("/backups/{id}", get(backups::show).put(backups::update).delete(backups::delete))
        .route("/backups/{id}/restore", post(backups::restore))
        .route("/backups/{id}/action", post(backup_action::action))
        .route("/backups/import_record", post(backups::import))
        .route("/backups/{id}/export_record", get(backups::record))
}

fn of_transfers() -> Router<Shared> {
    Router::new()
        .route("/os-volume-transfer", get(transfers::brief).post(transfers::create))
        .route("/os-volume-transfer/detail", get(transfers::detail))
        .route("/os-volume-transfer/{id}", get(transfers::show).delete(transfers::delete))
        .route("/os-volume-transfer/{id}/accept", post(transfers::accept))
        .route("/volume-transfers", get(transfers::brief).post(transfers::create))
        .route("/volume-transfers/detail", get(transfers::detail))
        .route("/volume-transfers/{id}", get(transfers::show).delete(transfers::delete))
        .route("/volume-transfers/{id}/accept", post(transfers::accept))
}

fn volume_types() -> Router<Shared> {
    Router::new()
        .route("/types", get(types::list).post(types::create))
        .route("/types/{id}", get(types::show).put(types::update).delete(types::delete))
        .route("/default-types", get(defaults::list))
        .route(
            "/default-types/{project}",
            get(defaults::show).put(defaults::set).delete(defaults::unset),
        )
        .route("/types/{id}/action", post(access::action))
        .route("/types/{id}/os-volume-type-access", get(access::list))
        .route("/types/{id}/encryption", get(access::encryption).post(access::encrypt))
        .route("/types/{id}/extra_specs", get(extra_specs::list).post(extra_specs::set))
        .route(
            "/types/{id}/extra_specs/{name}",
            get(extra_specs::show).put(extra_specs::set_one).delete(extra_specs::delete),
        )
}

fn of_qos() -> Router<Shared> {
    Router::new()
        .route("/qos-specs", get(qos::list).post(qos::create))
        .route("/qos-specs/{id}", get(qos::show).put(qos::update).delete(qos::delete))
        .route("/qos-specs/{id}/delete_keys", put(qos::delete_keys))
        .route("/qos-specs/{id}/associations", get(qos::associations))
        .route("/qos-specs/{id}/associate", get(qos::associate))
        .route("/qos-specs/{id}/disassociate", get(qos::disassociate))
        .route("/qos-specs/{id}/disassociate_all", get(qos::disassociate_all))
}

fn backends() -> Router<Shared> {
    Router::new()
        .route("/os-services", get(services::list))
        .route("/os-services/{action}", put(services::update))
        .route("/scheduler-stats/get_pools", get(pools::pools))
        .route("/capabilities/{host}", get(pools::show))
        .route("/os-hatchery-explain", get(explain::explain))
        .route("/os-hosts", get(hosts::list))
        .route("/os-hosts/{host}", get(hosts::show))
        .route("/os-availability-zone", get(zones::list))
}

fn lists() -> Router<Shared> {
    Router::new()
        .route("/limits", get(limits::limits))
        .route(
            "/os-quota-sets/{project}",
            get(quotas::show).put(quotas::update).delete(quotas::delete),
        )
        .route("/os-quota-sets/{project}/defaults", get(quotas::defaults))
        .route("/os-quota-class-sets/{class}", get(quotas::show_class).put(quotas::update_class))
        .route("/resource_filters", get(resource_filters::list))
        .route("/messages", get(messages::list))
        .route("/messages/{id}", get(messages::show).delete(messages::delete))
        .route("/extensions", get(extensions::list))
        .route("/extensions/{alias}", get(extensions::show))
}

fn of_groups() -> Router<Shared> {
    Router::new()
        .route("/groups", get(groups::brief).post(groups::create))
        .route("/groups/detail", get(groups::detail))
        .route("/groups/action", post(groups::create_from))
        .route("/groups/{id}", get(groups::show).put(groups::update))
        .route("/groups/{id}/action", post(groups::action))
        .route("/group_snapshots", get(group_snapshots::brief).post(group_snapshots::create))
        .route("/group_snapshots/detail", get(group_snapshots::detail))
        .route("/group_snapshots/{id}/action", post(group_snapshots::action))
        .route("/group_snapshots/{id}", get(group_snapshots::show).delete(group_snapshots::delete))
        .route("/group_types", get(group_types::list).post(group_types::create))
        .route(
            "/group_types/{id}",
            get(group_types::show).put(group_types::update).delete(group_types::delete),
        )
        .route(
            "/group_types/{id}/group_specs",
            get(group_types::specs).post(group_types::set_specs),
        )
        .route(
            "/group_types/{id}/group_specs/{name}",
            get(group_types::show_spec).put(group_types::set_spec).delete(group_types::delete_spec),
        )
}
