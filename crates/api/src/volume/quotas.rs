//! `/os-quota-sets`, `/os-quota-class-sets`

use super::envelope::{Answer, Volume};
use super::fields::whole;
use super::paging::{Pairs, flag};
use crate::http::body::Json;
use crate::http::caller::By;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use hatchery_control::volume::{ProjectUse, QuotaVerbs, VolumeLimits};
use hatchery_control::{Error, policy};
use hatchery_model::id::ProjectId;
use hatchery_model::volume::VolumeQuota;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The only class: the limits of all projects without limits of their own.
const CLASS: &str = "default";

/// `{"quota_set": {…}}`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetBody {
    quota_set: Map<String, Value>,
}

fn changes(given: &Map<String, Value>) -> Result<BTreeMap<String, i64>, Error> {
    if given.is_empty() {
        return Err(Error::Invalid(
            "Invalid input for field/attribute quota_set: it does not have enough properties."
                .into(),
        ));
    }
    given
        .iter()
        .filter(|(key, _)| !matches!(key.as_str(), "id" | "tenant_id" | "class_name"))
        .map(|(key, value)| Ok((key.clone(), whole(key, value, -1)?)))
        .collect()
}

/// Every limit by its name.
fn limits(quota: &VolumeQuota) -> [(&'static str, i64); 7] {
    [
        ("volumes", quota.volumes),
        ("snapshots", quota.snapshots),
        ("gigabytes", quota.gigabytes),
        ("per_volume_gigabytes", quota.per_volume_gigabytes),
        ("backups", quota.backups),
        ("backup_gigabytes", quota.backup_gigabytes),
        ("groups", quota.groups),
    ]
}

fn shown(found: &VolumeLimits) -> Map<String, Value> {
    let general = limits(&found.quota).into_iter().map(|(name, limit)| (name.to_owned(), limit));
    let of_types = found.of_types.iter().map(|(name, limit)| (name.clone(), *limit));
    general.chain(of_types).map(|(name, limit)| (name, json!(limit))).collect()
}

fn shown_with_use(found: &ProjectUse) -> Map<String, Value> {
    let used = |name: &str| match name {
        "volumes" => found.usage.volumes,
        "snapshots" => found.usage.snapshots,
        "groups" => found.groups,
        "backups" => found.backups.backups,
        "backup_gigabytes" => found.backups.gib,
        "gigabytes" => found.usage.volume_gib + found.usage.snapshot_gib,
        of_type => found.of_types.get(of_type).copied().unwrap_or_default(),
    };
    let mut all = shown(&found.limits);
    for (name, limit) in &mut all {
        *limit = json!({"limit": limit, "in_use": used(name), "reserved": 0});
    }
    all
}

fn answer(kind: &str, id: Option<&str>, mut set: Map<String, Value>) -> Response {
    if let Some(id) = id {
        set.insert("id".into(), json!(id));
    }
    axum::Json(json!({kind: set})).into_response()
}

/// The limits of a project; with `usage=true` also what it has.
pub async fn show(
    State(verbs): State<Arc<QuotaVerbs>>,
    By(caller, _): By<Volume>,
    Path(project): Path<String>,
    Query(pairs): Pairs,
) -> Answer {
    let found = verbs.show(&caller, &ProjectId::from(project.as_str())).await?;
    let set = match flag(&pairs, "usage")? {
        Some(true) => shown_with_use(&found),
        Some(false) | None => shown(&found.limits),
    };
    Ok(answer("quota_set", Some(&project), set))
}

/// The limits that a project has until it gets others.
pub async fn defaults(
    State(verbs): State<Arc<QuotaVerbs>>,
    By(caller, _): By<Volume>,
    Path(project): Path<String>,
) -> Answer {
    let limits = verbs.defaults(&caller, &ProjectId::from(project.as_str())).await?;
    Ok(answer("quota_set", Some(&project), shown(&limits)))
}

/// Sets them.
pub async fn update(
    State(verbs): State<Arc<QuotaVerbs>>,
    By(caller, _): By<Volume>,
    Path(project): Path<String>,
    Json(body, _): Json<SetBody, Volume>,
) -> Answer {
    let changes = changes(&body.quota_set)?;
    let limits = verbs.update(&caller, &ProjectId::from(project.as_str()), &changes).await?;
    Ok(answer("quota_set", None, shown(&limits)))
}

/// Takes them back.
pub async fn delete(
    State(verbs): State<Arc<QuotaVerbs>>,
    By(caller, _): By<Volume>,
    Path(project): Path<String>,
) -> Answer<()> {
    verbs.delete(&caller, &ProjectId::from(project.as_str())).await?;
    Ok(())
}

/// The limits of all projects without limits of their own.
pub async fn show_class(
    State(verbs): State<Arc<QuotaVerbs>>,
    By(caller, _): By<Volume>,
    Path(class): Path<String>,
) -> Answer {
    let limits = verbs.class(&caller).await?;
    only_class(&class)?;
    Ok(answer("quota_class_set", Some(&class), shown(&limits)))
}

/// `{"quota_class_set": {…}}`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassBody {
    quota_class_set: Map<String, Value>,
}

/// Sets them, in the place of the operator's settings.
pub async fn update_class(
    State(verbs): State<Arc<QuotaVerbs>>,
    By(caller, _): By<Volume>,
    Path(class): Path<String>,
    Json(body, _): Json<ClassBody, Volume>,
) -> Answer {
    policy::admin(&caller, "volume_extension:quota_classes:update")?;
    only_class(&class)?;
    let limits = verbs.update_class(&caller, &changes(&body.quota_class_set)?).await?;
    Ok(answer("quota_class_set", None, shown(&limits)))
}

fn only_class(class: &str) -> Result<(), Error> {
    if class == CLASS { Ok(()) } else { Err(Error::not_found("Quota class", class)) }
}
