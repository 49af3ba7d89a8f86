//! `GET /servers`, `GET /servers/detail`

use super::query;
use super::view::Viewer;
use crate::compute::envelope::{Answer, Compute};
use crate::compute::links;
use crate::compute::microversion::Microversion;
use crate::compute::versions::Root;
use crate::http::caller::By;
use axum::Json;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use hatchery_control::compute::ListServers;
use hatchery_model::id::ServerId;
use serde_json::{Value, json};
use std::sync::Arc;

type Pairs = Query<Vec<(String, String)>>;

/// Ids and names.
pub async fn brief(
    State(list): State<Arc<ListServers>>,
    State(root): State<Root>,
    By(caller, _): By<Compute>,
    version: Microversion,
    Query(pairs): Pairs,
) -> Answer {
    let Some(wanted) = query::parse(&pairs, version, &caller)? else {
        return Ok(Json(json!({"servers": []})).into_response());
    };
    let servers = list.run(&caller, &wanted).await?;
    let viewer = Viewer { root: &root, version, caller: &caller };
    let shown = servers.iter().map(|server| viewer.brief(server)).collect();
    let last = servers.last().map(|server| server.id);
    Ok(page(&root, "servers", &pairs, shown, last, wanted.page.limit))
}

/// Everything.
pub async fn detail(
    State(list): State<Arc<ListServers>>,
    State(root): State<Root>,
    By(caller, _): By<Compute>,
    version: Microversion,
    Query(pairs): Pairs,
) -> Answer {
    let Some(wanted) = query::parse(&pairs, version, &caller)? else {
        return Ok(Json(json!({"servers": []})).into_response());
    };
    let details = list.detail(&caller, &wanted).await?;
    let viewer = Viewer { root: &root, version, caller: &caller };
    let shown = details.iter().map(|detail| viewer.listed(detail)).collect();
    let last = details.last().map(|detail| detail.server.id);
    Ok(page(&root, "servers/detail", &pairs, shown, last, wanted.page.limit))
}

fn page(
    root: &Root,
    path: &str,
    pairs: &[(String, String)],
    shown: Vec<Value>,
    last: Option<ServerId>,
    limit: Option<u32>,
) -> Response {
    let full = limit.is_some_and(|limit| limit > 0 && shown.len() >= limit as usize);
    let last = last.map(|id| id.to_string());
    let mut body = json!({"servers": shown});
    if let Some(next) = links::next(root, path, pairs, last.as_deref(), full) {
        body["servers_links"] = next;
    }
    Json(body).into_response()
}
