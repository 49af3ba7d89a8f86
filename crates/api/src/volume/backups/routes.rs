//! `/backups`

use super::view;
use super::wire::{CreateBody, RestoreBody, UpdateBody};
use crate::http::body::Json;
use crate::http::caller::By;
use crate::volume::address::Address;
use crate::volume::envelope::{Answer, Volume};
use crate::volume::fields::{self, id_of};
use crate::volume::microversion::{Microversion, since};
use crate::volume::paging::{Pairs, flag, part};
use crate::volume::volumes::query::check_sort;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hatchery_control::volume::{BackupDetail, BackupQuery, BackupVerbs};
use hatchery_control::{Error, policy};
use hatchery_model::caller::Caller;
use hatchery_model::id::{BackupId, ProjectId};
use hatchery_model::page::Page;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// What the store sorts by.
const SORT_KEYS: [&str; 6] = ["name", "created_at", "updated_at", "id", "size", "status"];
/// Changing one came then.
const UPDATE: u32 = 9;
/// `with_count` came then.
const COUNT: u32 = 45;

/// The id of a backup in a path.
pub fn backup_id(text: &str) -> Result<BackupId, Error> {
    id_of("Backup", text)
}

/// Which are wanted; `None`: nothing can fit.
fn query(pairs: &[(String, String)], caller: &Caller) -> Option<BackupQuery> {
    let mut query = BackupQuery::default();
    for (key, value) in pairs {
        match key.as_str() {
            "all_tenants" => query.all_projects = fields::bool_of(value).unwrap_or(false),
            "project_id" if caller.is_admin() => {
                query.project = Some(ProjectId::from(value.as_str()));
            }
            "name" => query.name = Some(value.clone()),
            "status" => query.statuses = vec![value.clone()],
            "volume_id" => query.volume = Some(value.parse().ok()?),
            _ => {}
        }
    }
    Some(query)
}

async fn listed(
    verbs: &BackupVerbs,
    (caller, version, address): (&Caller, Microversion, &Address),
    pairs: &[(String, String)],
    path: &str,
    view: impl Fn(&BackupDetail) -> Value,
) -> Answer {
    let part = part(pairs)?;
    check_sort(&part.page.sort, &SORT_KEYS)?;
    let (mut found, mut count) = (Vec::new(), 0);
    if let Some(query) = query(pairs, caller) {
        let more = u32::try_from(part.offset).unwrap_or(u32::MAX);
        let limit = part.page.limit.map(|limit| limit.saturating_add(more));
        if limit != Some(0) {
            let page = Page { limit, ..part.page.clone() };
            found = verbs.list(caller, &BackupQuery { page, ..query.clone() }).await?;
            found.drain(..part.offset.min(found.len()));
        }
        if version.0 >= COUNT && flag(pairs, "with_count")? == Some(true) {
            count = verbs.list(caller, &query).await?.len();
        }
    }
    let shown: Vec<Value> = found.iter().map(view).collect();
    let last = found.last().map(|one| one.backup.id.to_string());
    let full = part.is_filled_by(shown.len());
    let mut body = json!({"backups": shown});
    if version.0 >= COUNT && flag(pairs, "with_count")? == Some(true) {
        body["count"] = json!(count);
    }
    if let Some(next) = address.next(path, pairs, last.as_deref(), full) {
        body["backup_links"] = next;
    }
    Ok(axum::Json(body).into_response())
}

/// A list.
pub async fn brief(
    State(verbs): State<Arc<BackupVerbs>>,
    By(caller, _): By<Volume>,
    address: Address,
    version: Microversion,
    Query(pairs): Pairs,
) -> Answer {
    let view = |one: &BackupDetail| view::brief(&address, &one.backup);
    listed(&verbs, (&caller, version, &address), &pairs, "backups", view).await
}

/// The same with all that there is to tell.
pub async fn detail(
    State(verbs): State<Arc<BackupVerbs>>,
    By(caller, _): By<Volume>,
    address: Address,
    version: Microversion,
    Query(pairs): Pairs,
) -> Answer {
    let view = |one: &BackupDetail| view::whole(&address, version, one);
    listed(&verbs, (&caller, version, &address), &pairs, "backups/detail", view).await
}

/// Shows one.
pub async fn show(
    State(verbs): State<Arc<BackupVerbs>>,
    By(caller, _): By<Volume>,
    address: Address,
    version: Microversion,
    Path(id): Path<String>,
) -> Answer {
    let found = verbs.show(&caller, backup_id(&id)?).await?;
    Ok(axum::Json(json!({"backup": view::whole(&address, version, &found)})).into_response())
}

/// Asks for one.
pub async fn create(
    State(verbs): State<Arc<BackupVerbs>>,
    By(caller, _): By<Volume>,
    address: Address,
    version: Microversion,
    Json(body, _): Json<CreateBody, Volume>,
) -> Answer {
    let made = verbs.create(&caller, body.parse(version)?).await?;
    let shown = json!({"backup": view::brief(&address, &made)});
    Ok((StatusCode::ACCEPTED, axum::Json(shown)).into_response())
}

/// Changes what is written on one (3.9).
pub async fn update(
    State(verbs): State<Arc<BackupVerbs>>,
    By(caller, _): By<Volume>,
    address: Address,
    version: Microversion,
    Path(id): Path<String>,
    Json(body, _): Json<UpdateBody, Volume>,
) -> Answer {
    since(version, UPDATE)?;
    let changed = verbs.update(&caller, backup_id(&id)?, body.parse(version)?).await?;
    Ok(axum::Json(json!({"backup": view::brief(&address, &changed)})).into_response())
}

/// Has a volume hold what one kept.
pub async fn restore(
    State(verbs): State<Arc<BackupVerbs>>,
    By(caller, _): By<Volume>,
    Path(id): Path<String>,
    Json(body, _): Json<RestoreBody, Volume>,
) -> Answer {
    let restored = verbs.restore(&caller, backup_id(&id)?, body.parse()?).await?;
    let shown = json!({"restore": {
        "backup_id": restored.backup,
        "volume_id": restored.volume,
        "volume_name": restored.volume_name,
    }});
    Ok((StatusCode::ACCEPTED, axum::Json(shown)).into_response())
}

/// Promises that one goes.
pub async fn delete(
    State(verbs): State<Arc<BackupVerbs>>,
    By(caller, _): By<Volume>,
    Path(id): Path<String>,
) -> Answer<StatusCode> {
    verbs.delete(&caller, backup_id(&id)?, false).await?;
    Ok(StatusCode::ACCEPTED)
}

/// What the record of a backup says of who keeps it: clients look for how Cinder's drivers begin.
const SERVICE: &str = "cinder.backup.drivers.hatchery";

/// `{"backup-record": {"backup_service": …, "backup_url": …}}`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordBody {
    #[serde(rename = "backup-record")]
    record: BackupRecord,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct BackupRecord {
    backup_service: String,
    backup_url: String,
}

/// `GET /backups/{id}/export_record`: the row, in base64.
pub async fn record(
    State(verbs): State<Arc<BackupVerbs>>,
    By(caller, _): By<Volume>,
    Path(id): Path<String>,
) -> Answer {
    let backup = verbs.export(&caller, backup_id(&id)?).await?;
    let url = STANDARD.encode(json!(backup).to_string());
    let shown = json!({"backup-record": {"backup_service": SERVICE, "backup_url": url}});
    Ok(axum::Json(shown).into_response())
}

/// `POST /backups/import_record`: a backup of which there is a record.
pub async fn import(
    State(verbs): State<Arc<BackupVerbs>>,
    By(caller, _): By<Volume>,
    address: Address,
    Json(body, _): Json<RecordBody, Volume>,
) -> Answer {
    policy::admin(&caller, "backup:export-import")?;
    let unreadable = |why: &dyn std::fmt::Display| {
        Error::Invalid(format!("Invalid backup: Can't parse backup record: {why}."))
    };
    if body.record.backup_service != SERVICE {
        return Err(unreadable(&format_args!("it is not of {SERVICE}")).into());
    }
    let bytes = STANDARD.decode(&body.record.backup_url).map_err(|why| unreadable(&why))?;
    let record = serde_json::from_slice(&bytes).map_err(|why| unreadable(&why))?;
    let made = verbs.import(&caller, record).await?;
    let shown = json!({"backup": view::brief(&address, &made)});
    Ok((StatusCode::CREATED, axum::Json(shown)).into_response())
}
