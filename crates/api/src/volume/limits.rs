//! `/limits`

use super::envelope::{Answer, Volume};
use super::microversion::Microversion;
use super::paging::{Pairs, value};
use crate::http::caller::By;
use axum::Json;
use axum::extract::{Query, State};
use axum::response::IntoResponse;
use hatchery_control::policy;
use hatchery_control::volume::QuotaVerbs;
use hatchery_model::id::ProjectId;
use serde_json::json;
use std::sync::Arc;

/// Limits and use of the caller's project; since 3.39 an administrator may name another.
pub async fn limits(
    State(verbs): State<Arc<QuotaVerbs>>,
    By(caller, _): By<Volume>,
    version: Microversion,
    Query(pairs): Pairs,
) -> Answer {
    let own = policy::reader_project(&caller, "limits:show")?;
    let other = value(&pairs, "project_id").or_else(|| value(&pairs, "tenant_id"));
    let other = other.filter(|_| caller.is_admin() && version.0 >= 39).map(ProjectId::from);
    let found = verbs.show(&caller, &other.unwrap_or_else(|| own.clone())).await?;
    let (quota, usage, backups) = (found.limits.quota, found.usage, found.backups);
    let absolute = json!({
        "maxTotalVolumes": quota.volumes,
        "maxTotalSnapshots": quota.snapshots,
        "maxTotalVolumeGigabytes": quota.gigabytes,
        "maxTotalBackups": quota.backups,
        "maxTotalBackupGigabytes": quota.backup_gigabytes,
        "totalVolumesUsed": usage.volumes,
        "totalSnapshotsUsed": usage.snapshots,
        "totalGigabytesUsed": usage.volume_gib + usage.snapshot_gib,
        "totalBackupsUsed": backups.backups,
        "totalBackupGigabytesUsed": backups.gib,
    });
    Ok(Json(json!({"limits": {"rate": [], "absolute": absolute}})).into_response())
}
