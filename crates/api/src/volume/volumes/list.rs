//! `GET /volumes`, `/volumes/detail`, `/volumes/summary`

use super::query::{self, Wanted};
use super::view::{Viewer, metadata};
use crate::http::caller::By;
use crate::volume::address::Address;
use crate::volume::envelope::{Answer, Volume};
use crate::volume::microversion::{Microversion, since};
use crate::volume::paging::{Pairs, flag, part};
use axum::Json;
use axum::extract::{Query, State};
use axum::response::IntoResponse;
use hatchery_control::Error;
use hatchery_control::volume::{VolumeDetail, VolumeQuery, VolumeVerbs};
use hatchery_model::caller::Caller;
use hatchery_model::page::Page;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Since then a listing may say how many there are in all.
const COUNT: u32 = 45;

async fn page(
    verbs: &VolumeVerbs,
    caller: &Caller,
    wanted: Option<Wanted>,
) -> Result<Vec<VolumeDetail>, Error> {
    let Some(Wanted { mut query, offset }) = wanted else {
        return Ok(Vec::new());
    };
    let more = u32::try_from(offset).unwrap_or(u32::MAX);
    query.page.limit = query.page.limit.map(|limit| limit.saturating_add(more));
    if query.page.limit == Some(0) {
        return Ok(Vec::new());
    }
    let mut found = verbs.list_volumes(caller, &query).await?;
    found.drain(..offset.min(found.len()));
    Ok(found)
}

/// All that fit, on whatever page.
async fn all(
    verbs: &VolumeVerbs,
    caller: &Caller,
    wanted: Option<Wanted>,
) -> Result<Vec<VolumeDetail>, Error> {
    match wanted {
        None => Ok(Vec::new()),
        Some(wanted) => {
            let query = VolumeQuery { page: Page::default(), ..wanted.query };
            verbs.list_volumes(caller, &query).await
        }
    }
}

type View = fn(&Viewer<'_>, &VolumeDetail) -> Value;

async fn listed(
    verbs: &VolumeVerbs,
    viewer: &Viewer<'_>,
    pairs: &[(String, String)],
    (path, view): (&str, View),
) -> Answer {
    let wanted = || query::parse(pairs, viewer.version, viewer.caller);
    let found = page(verbs, viewer.caller, wanted()?).await?;
    let shown: Vec<Value> = found.iter().map(|one| view(viewer, one)).collect();
    let last = found.last().map(|one| one.volume.id.to_string());
    let full = part(pairs)?.is_filled_by(shown.len());
    let mut body = json!({"volumes": shown});
    if let Some(next) = viewer.address.next(path, pairs, last.as_deref(), full) {
        body["volumes_links"] = next;
    }
    if viewer.version.0 >= COUNT && flag(pairs, "with_count")? == Some(true) {
        body["count"] = json!(all(verbs, viewer.caller, wanted()?).await?.len());
    }
    Ok(Json(body).into_response())
}

/// Ids and names.
pub async fn brief(
    State(verbs): State<Arc<VolumeVerbs>>,
    By(caller, _): By<Volume>,
    address: Address,
    version: Microversion,
    Query(pairs): Pairs,
) -> Answer {
    let viewer = Viewer { address: &address, version, caller: &caller };
    listed(&verbs, &viewer, &pairs, ("volumes", |viewer, one| viewer.brief(one))).await
}

/// Everything.
pub async fn detail(
    State(verbs): State<Arc<VolumeVerbs>>,
    By(caller, _): By<Volume>,
    address: Address,
    version: Microversion,
    Query(pairs): Pairs,
) -> Answer {
    let viewer = Viewer { address: &address, version, caller: &caller };
    listed(&verbs, &viewer, &pairs, ("volumes/detail", |viewer, one| viewer.whole(one))).await
}

/// How many there are, and how large they are together (3.12).
pub async fn summary(
    State(verbs): State<Arc<VolumeVerbs>>,
    By(caller, _): By<Volume>,
    version: Microversion,
    Query(pairs): Pairs,
) -> Answer {
    since(version, 12)?;
    let found = all(&verbs, &caller, query::parse(&pairs, version, &caller)?).await?;
    let gib: u64 = found.iter().map(|one| one.volume.size_gib).sum();
    let mut shown = json!({"total_count": found.len(), "total_size": gib});
    if version.0 >= 36 {
        let mut values: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (key, value) in found.iter().flat_map(|one| metadata(&one.volume)) {
            values.entry(key).or_default().insert(value);
        }
        shown["metadata"] = json!(values);
    }
    Ok(Json(json!({"volume-summary": shown})).into_response())
}
