//! `/limits`, `/os-quota-sets`: nothing is limited, so that every limit reads -1; what is used is counted.

use super::envelope::{Answer, Compute};
use super::microversion::Microversion;
use crate::http::caller::By;
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::response::IntoResponse;
use hatchery_control::compute::{ShowUsage, Usage};
use hatchery_control::{Error, policy};
use hatchery_model::caller::Caller;
use hatchery_model::id::ProjectId;
use serde_json::{Map, Value, json};
use std::sync::Arc;

type Pairs = Query<Vec<(String, String)>>;

/// What is limited elsewhere, with the microversion that took it away.
const LIMITS: [(&str, u32); 13] = [
    ("maxTotalInstances", u32::MAX),
    ("maxTotalCores", u32::MAX),
    ("maxTotalRAMSize", u32::MAX),
    ("maxTotalKeypairs", u32::MAX),
    ("maxServerMeta", u32::MAX),
    ("maxServerGroups", u32::MAX),
    ("maxServerGroupMembers", u32::MAX),
    ("maxPersonality", 57),
    ("maxPersonalitySize", 57),
    ("maxImageMeta", 39),
    ("maxSecurityGroups", 36),
    ("maxSecurityGroupRules", 36),
    ("maxTotalFloatingIps", 36),
];

/// The resources of a quota set, likewise.
const QUOTAS: [(&str, u32); 14] = [
    ("instances", u32::MAX),
    ("cores", u32::MAX),
    ("ram", u32::MAX),
    ("key_pairs", u32::MAX),
    ("metadata_items", u32::MAX),
    ("server_groups", u32::MAX),
    ("server_group_members", u32::MAX),
    ("injected_files", 57),
    ("injected_file_content_bytes", 57),
    ("injected_file_path_bytes", 57),
    ("security_groups", 36),
    ("security_group_rules", 36),
    ("floating_ips", 36),
    ("fixed_ips", 36),
];

/// Limits and use of the caller's project, or for administrators of another.
pub async fn limits(
    State(usage): State<Arc<ShowUsage>>,
    By(caller, _): By<Compute>,
    version: Microversion,
    Query(pairs): Pairs,
) -> Answer {
    let other = pairs.iter().find(|(key, _)| key == "tenant_id");
    let project = match other {
        Some((_, id)) => Some(ProjectId::from(id.as_str())),
        None => caller.project().cloned(),
    };
    let used = match project {
        Some(project) => usage.run(&caller, &project).await?,
        None => Usage::default(),
    };
    let mut absolute = there(&LIMITS, version, |_| json!(-1));
    absolute.insert("totalInstancesUsed".into(), json!(used.servers));
    absolute.insert("totalCoresUsed".into(), json!(used.vcpus));
    absolute.insert("totalRAMUsed".into(), json!(used.memory_mib));
    absolute.insert("totalServerGroupsUsed".into(), json!(0));
    if version.0 < 36 {
        absolute.insert("totalSecurityGroupsUsed".into(), json!(0));
        absolute.insert("totalFloatingIpsUsed".into(), json!(0));
    }
    Ok(Json(json!({"limits": {"rate": [], "absolute": absolute}})).into_response())
}

/// The limits of a project; also its defaults, which are the same.
pub async fn quotas(
    By(caller, _): By<Compute>,
    version: Microversion,
    Path(project): Path<String>,
) -> Answer {
    may_read(&caller, &project, "show")?;
    Ok(quota_set(project, there(&QUOTAS, version, |_| json!(-1))))
}

/// The limits that a project has until it gets others.
pub async fn defaults(
    By(_, _): By<Compute>,
    version: Microversion,
    Path(project): Path<String>,
) -> Answer {
    Ok(quota_set(project, there(&QUOTAS, version, |_| json!(-1))))
}

/// Limits and use of a project.
pub async fn detail(
    State(usage): State<Arc<ShowUsage>>,
    By(caller, _): By<Compute>,
    version: Microversion,
    Path(project): Path<String>,
) -> Answer {
    may_read(&caller, &project, "detail")?;
    let used = usage.run(&caller, &ProjectId::from(project.as_str())).await?;
    let quotas = there(&QUOTAS, version, |name| {
        let in_use = match name {
            "instances" => used.servers,
            "cores" => used.vcpus,
            "ram" => used.memory_mib,
            _ => 0,
        };
        json!({"limit": -1, "in_use": in_use, "reserved": 0})
    });
    Ok(quota_set(project, quotas))
}

fn may_read(caller: &Caller, project: &str, verb: &str) -> Result<(), Error> {
    let project = ProjectId::from(project);
    if policy::may_read(caller, &project) {
        return Ok(());
    }
    policy::admin(caller, &format!("os_compute_api:os-quota-sets:{verb}"))
}

fn there(
    all: &[(&str, u32)],
    version: Microversion,
    value: impl Fn(&str) -> Value,
) -> Map<String, Value> {
    let there = all.iter().filter(|(_, gone)| version.0 < *gone);
    there.map(|(name, _)| ((*name).to_owned(), value(name))).collect()
}

fn quota_set(project: String, mut quotas: Map<String, Value>) -> axum::response::Response {
    quotas.insert("id".into(), json!(project));
    Json(json!({"quota_set": quotas})).into_response()
}
