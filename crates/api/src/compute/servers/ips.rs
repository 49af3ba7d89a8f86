//! `/servers/{id}/ips`

use super::show::id_of;
use super::view::brief_addresses;
use crate::compute::envelope::{Answer, Compute};
use crate::http::caller::By;
use axum::Json;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use hatchery_control::Error;
use hatchery_control::compute::ShowServer;
use serde_json::json;
use std::sync::Arc;

/// The addresses, network by network.
pub async fn list(
    State(show): State<Arc<ShowServer>>,
    By(caller, _): By<Compute>,
    Path(id): Path<String>,
) -> Answer {
    let detail = show.run(&caller, id_of(&id)?).await?;
    Ok(Json(json!({"addresses": brief_addresses(&detail.addresses)})).into_response())
}

/// Those of one network, by its name.
pub async fn show(
    State(show): State<Arc<ShowServer>>,
    By(caller, _): By<Compute>,
    Path((id, network)): Path<(String, String)>,
) -> Answer {
    let mut detail = show.run(&caller, id_of(&id)?).await?;
    detail.addresses.retain(|address| address.network == network);
    if detail.addresses.is_empty() {
        return Err(Error::not_found("Network of the instance", network).into());
    }
    Ok(Json(brief_addresses(&detail.addresses)).into_response())
}
