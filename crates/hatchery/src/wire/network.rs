//! Neutron's part.

use super::{Check, Ground};
use axum::Router;
use hatchery_model::id::ProjectId;

pub async fn join(
    _ground: &Ground,
    _check: Check,
    _admin_project: &ProjectId,
) -> anyhow::Result<Router> {
    Ok(Router::new())
}
