//! `/snapshots`

use super::view;
use crate::http::body::Json;
use crate::http::caller::By;
use crate::volume::address::Address;
use crate::volume::envelope::{Answer, Volume};
use crate::volume::fields::{self, flexible_bool, id_of, present};
use crate::volume::microversion::Microversion;
use crate::volume::paging::{Pairs, flag, part};
use crate::volume::volumes::create::trimmed;
use crate::volume::volumes::query::{check_sort, dictionary};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use hatchery_control::Error;
use hatchery_control::volume::{SnapshotChanges, SnapshotQuery, SnapshotRequest, VolumeVerbs};
use hatchery_model::caller::Caller;
use hatchery_model::id::{ProjectId, SnapshotId};
use hatchery_model::page::Page;
use hatchery_model::volume::Snapshot;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What the store sorts by.
const SORT_KEYS: [&str; 6] = ["name", "created_at", "updated_at", "id", "size", "status"];
/// Since then a snapshot may be made of a volume that is used, and `force` means nothing.
const IN_USE: u32 = 66;

/// `{"snapshot": {…}}`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateBody {
    snapshot: CreateSnapshot,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CreateSnapshot {
    #[serde(deserialize_with = "present")]
    volume_id: Option<Option<String>>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    display_name: Option<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    metadata: Option<BTreeMap<String, String>>,
    #[serde(default, deserialize_with = "flexible_bool")]
    force: Option<bool>,
}

/// `{"snapshot": {…}}`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpdateBody {
    snapshot: UpdateSnapshot,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct UpdateSnapshot {
    #[serde(default, deserialize_with = "present")]
    name: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    display_name: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    description: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    display_description: Option<Option<String>>,
}

/// The id of a snapshot in a path.
pub fn snapshot_id(text: &str) -> Result<SnapshotId, Error> {
    id_of("Snapshot", text)
}

impl CreateSnapshot {
    fn parse(self, version: Microversion) -> Result<SnapshotRequest, Error> {
        if version.0 >= IN_USE && self.force == Some(false) {
            return Err(Error::Invalid(
                "Since microversion 3.66 the 'force' flag is invalid for this request. For backward compatibility, however, when the 'force' flag is passed with a value evaluating to True, it is silently ignored.".into(),
            ));
        }
        // Cinder takes null, and finds no such volume.
        let id = self.volume_id.flatten().ok_or_else(|| Error::not_found("Volume", "None"))?;
        let volume = id.parse().map_err(|_| {
            Error::Invalid(format!(
                "Invalid input for field/attribute volume_id. Value: {id}. '{id}' is not a 'uuid'."
            ))
        })?;
        let metadata = self.metadata.unwrap_or_default();
        fields::pairs("metadata", &metadata)?;
        Ok(SnapshotRequest {
            volume,
            name: trimmed("name", self.name.or(self.display_name))?,
            description: trimmed("description", self.description)?,
            metadata,
            while_used: version.0 >= IN_USE || self.force == Some(true),
        })
    }
}

impl UpdateSnapshot {
    fn parse(self) -> Result<SnapshotChanges, Error> {
        let name = self.name.or(self.display_name);
        let description = self.description.or(self.display_description);
        if name.is_none() && description.is_none() {
            return Err(Error::Invalid(
                "Invalid input for field/attribute snapshot: name or description is required."
                    .into(),
            ));
        }
        Ok(SnapshotChanges {
            name: name.map(|text| trimmed("name", text)).transpose()?,
            description: description.map(|text| trimmed("description", text)).transpose()?,
        })
    }
}

/// Which are wanted; `None`: nothing can fit.
fn query(
    pairs: &[(String, String)],
    version: Microversion,
    caller: &Caller,
) -> Result<Option<SnapshotQuery>, Error> {
    let mut query = SnapshotQuery::default();
    let mut nothing = false;
    for (key, value) in pairs {
        match key.as_str() {
            "all_tenants" => query.all_projects = fields::bool_of(value).unwrap_or(false),
            "project_id" if caller.is_admin() => {
                query.project = Some(ProjectId::from(value.as_str()));
            }
            "name" | "display_name" => query.name = Some(value.clone()),
            "status" => query.statuses = vec![value.clone()],
            "metadata" if version.0 >= 22 => query.metadata = dictionary(key, value)?,
            "volume_id" => match value.parse() {
                Ok(id) => query.volume = Some(id),
                Err(_) => nothing = true,
            },
            "consumes_quota" if version.0 >= 65 => {
                nothing |= !fields::bool_of(value).unwrap_or(false);
            }
            _ => {}
        }
    }
    Ok((!nothing).then_some(query))
}

type View = fn(Microversion, &Snapshot) -> Value;

async fn listed(
    verbs: &VolumeVerbs,
    (caller, version, address): (&Caller, Microversion, &Address),
    pairs: &[(String, String)],
    (path, view): (&str, View),
) -> Answer {
    let part = part(pairs)?;
    check_sort(&part.page.sort, &SORT_KEYS)?;
    let (mut found, mut count) = (Vec::new(), 0);
    if let Some(query) = query(pairs, version, caller)? {
        let more = u32::try_from(part.offset).unwrap_or(u32::MAX);
        let limit = part.page.limit.map(|limit| limit.saturating_add(more));
        if limit != Some(0) {
            let page = Page { limit, ..part.page.clone() };
            found = verbs.list_snapshots(caller, &SnapshotQuery { page, ..query.clone() }).await?;
            found.drain(..part.offset.min(found.len()));
        }
        if version.0 >= 45 && flag(pairs, "with_count")? == Some(true) {
            count = verbs.list_snapshots(caller, &query).await?.len();
        }
    }
    let shown: Vec<Value> = found.iter().map(|one| view(version, one)).collect();
    let last = found.last().map(|one| one.id.to_string());
    let full = part.is_filled_by(shown.len());
    let mut body = json!({"snapshots": shown});
    if let Some(next) = address.next(path, pairs, last.as_deref(), full) {
        body["snapshots_links"] = next;
    }
    if version.0 >= 45 && flag(pairs, "with_count")? == Some(true) {
        body["count"] = json!(count);
    }
    Ok(axum::Json(body).into_response())
}

/// A list.
pub async fn brief(
    State(verbs): State<Arc<VolumeVerbs>>,
    By(caller, _): By<Volume>,
    address: Address,
    version: Microversion,
    Query(pairs): Pairs,
) -> Answer {
    listed(&verbs, (&caller, version, &address), &pairs, ("snapshots", view::brief)).await
}

/// The same with all that there is to tell.
pub async fn detail(
    State(verbs): State<Arc<VolumeVerbs>>,
    By(caller, _): By<Volume>,
    address: Address,
    version: Microversion,
    Query(pairs): Pairs,
) -> Answer {
    listed(&verbs, (&caller, version, &address), &pairs, ("snapshots/detail", view::whole)).await
}

/// What was made or changed, without what Cinder adds when it is looked at.
fn one(version: Microversion, snapshot: &Snapshot) -> Response {
    axum::Json(json!({"snapshot": view::brief(version, snapshot)})).into_response()
}

/// Shows one.
pub async fn show(
    State(verbs): State<Arc<VolumeVerbs>>,
    By(caller, _): By<Volume>,
    version: Microversion,
    Path(id): Path<String>,
) -> Answer {
    let found = verbs.find_snapshot(&caller, snapshot_id(&id)?).await?;
    Ok(axum::Json(json!({"snapshot": view::whole(version, &found)})).into_response())
}

/// Asks for one.
pub async fn create(
    State(verbs): State<Arc<VolumeVerbs>>,
    By(caller, _): By<Volume>,
    version: Microversion,
    Json(body, _): Json<CreateBody, Volume>,
) -> Answer {
    let made = verbs.create_snapshot(&caller, body.snapshot.parse(version)?).await?;
    Ok((StatusCode::ACCEPTED, one(version, &made)).into_response())
}

/// Changes what is written on one.
pub async fn update(
    State(verbs): State<Arc<VolumeVerbs>>,
    By(caller, _): By<Volume>,
    version: Microversion,
    Path(id): Path<String>,
    Json(body, _): Json<UpdateBody, Volume>,
) -> Answer {
    let changes = body.snapshot.parse()?;
    Ok(one(version, &verbs.update_snapshot(&caller, snapshot_id(&id)?, changes).await?))
}

/// Promises that one goes.
pub async fn delete(
    State(verbs): State<Arc<VolumeVerbs>>,
    By(caller, _): By<Volume>,
    Path(id): Path<String>,
) -> Answer<StatusCode> {
    verbs.delete_snapshot(&caller, snapshot_id(&id)?, false).await?;
    Ok(StatusCode::ACCEPTED)
}
