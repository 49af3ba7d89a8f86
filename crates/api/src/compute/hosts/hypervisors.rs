//! `/os-hypervisors`

use super::numbered::{Numbered, find, numbered};
use crate::compute::envelope::{Answer, Compute};
use crate::compute::fields::bool_of;
use crate::compute::links;
use crate::compute::microversion::{Microversion, until};
use crate::compute::versions::Root;
use crate::http::caller::By;
use crate::http::paging;
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::response::IntoResponse;
use hatchery_control::Error;
use hatchery_control::compute::{HostStatus, HostVerbs};
use hatchery_model::caller::Caller;
use serde_json::{Value, json};
use std::sync::Arc;

type Pairs = Query<Vec<(String, String)>>;

/// Ids, names and states.
pub async fn brief(
    State(verbs): State<Arc<HostVerbs>>,
    State(root): State<Root>,
    By(caller, _): By<Compute>,
    version: Microversion,
    Query(pairs): Pairs,
) -> Answer {
    listed(&verbs, &root, (&caller, version), &pairs, ("os-hypervisors", short)).await
}

/// Everything.
pub async fn detail(
    State(verbs): State<Arc<HostVerbs>>,
    State(root): State<Root>,
    By(caller, _): By<Compute>,
    version: Microversion,
    Query(pairs): Pairs,
) -> Answer {
    listed(&verbs, &root, (&caller, version), &pairs, ("os-hypervisors/detail", whole)).await
}

/// Shows one.
pub async fn show(
    State(verbs): State<Arc<HostVerbs>>,
    By(caller, _): By<Compute>,
    version: Microversion,
    Path(id): Path<String>,
    Query(pairs): Pairs,
) -> Answer {
    let with_servers = with_servers(&pairs, version)?;
    let host = find(&verbs, &caller, version, &id).await?;
    let mut shown = whole(&host, version);
    if with_servers {
        add_servers(&verbs, &caller, &host.status, version, &mut shown).await?;
    }
    Ok(Json(json!({"hypervisor": shown})).into_response())
}

/// Seconds since the machine started, in words (until 2.87).
pub async fn uptime(
    State(verbs): State<Arc<HostVerbs>>,
    By(caller, _): By<Compute>,
    version: Microversion,
    Path(id): Path<String>,
) -> Answer {
    until(version, 87)?;
    let host = find(&verbs, &caller, version, &id).await?;
    let mut shown = short(&host, version);
    shown["uptime"] = json!(words(&host.status));
    Ok(Json(json!({"hypervisor": shown})).into_response())
}

/// Sums over all hosts (until 2.87).
pub async fn statistics(
    State(verbs): State<Arc<HostVerbs>>,
    By(caller, _): By<Compute>,
    version: Microversion,
) -> Answer {
    until(version, 87)?;
    let hosts = verbs.list(&caller).await?;
    let sum = |count: fn(&HostStatus) -> u64| hosts.iter().map(count).sum::<u64>();
    let (memory, memory_used) =
        (sum(|one| one.host.resources.memory_mib), sum(|one| one.host.claimed.memory_mib));
    let (disk, disk_used) =
        (sum(|one| one.host.resources.disk_gib), sum(|one| one.host.claimed.disk_gib));
    Ok(Json(json!({"hypervisor_statistics": {
        "count": hosts.len(),
        "vcpus": sum(|one| u64::from(one.host.resources.vcpus)),
        "vcpus_used": sum(|one| u64::from(one.host.claimed.vcpus)),
        "memory_mb": memory,
        "memory_mb_used": memory_used,
        "free_ram_mb": memory as i64 - memory_used as i64,
        "local_gb": disk,
        "local_gb_used": disk_used,
        "free_disk_gb": disk as i64 - disk_used as i64,
        "disk_available_least": sum(|one| one.host.resources.disk_free_gib),
        "current_workload": 0,
        "running_vms": sum(|one| u64::from(one.host.claimed.servers)),
    }}))
    .into_response())
}

/// `GET /os-hypervisors/{name}/search` (until 2.52)
pub async fn search(
    State(verbs): State<Arc<HostVerbs>>,
    By(caller, _): By<Compute>,
    version: Microversion,
    Path(name): Path<String>,
) -> Answer {
    until(version, 52)?;
    let hosts = named(&verbs, &caller, &name).await?;
    let shown: Vec<Value> = hosts.iter().map(|host| short(host, version)).collect();
    Ok(Json(json!({"hypervisors": shown})).into_response())
}

/// `GET /os-hypervisors/{name}/servers` (until 2.52)
pub async fn servers(
    State(verbs): State<Arc<HostVerbs>>,
    By(caller, _): By<Compute>,
    version: Microversion,
    Path(name): Path<String>,
) -> Answer {
    until(version, 52)?;
    let mut shown = Vec::new();
    for host in named(&verbs, &caller, &name).await? {
        let mut one = short(&host, version);
        add_servers(&verbs, &caller, &host.status, version, &mut one).await?;
        shown.push(one);
    }
    Ok(Json(json!({"hypervisors": shown})).into_response())
}

async fn listed(
    verbs: &HostVerbs,
    root: &Root,
    (caller, version): (&Caller, Microversion),
    pairs: &[(String, String)],
    (path, view): (&str, fn(&Numbered, Microversion) -> Value),
) -> Answer {
    let with_servers = with_servers(pairs, version)?;
    let has = |wanted: &str| pairs.iter().any(|(key, _)| key == wanted);
    let pattern = pairs.iter().find(|(key, _)| key == "hypervisor_hostname_pattern");
    let (hosts, next) = match pattern.filter(|_| version.0 >= 53) {
        Some(_) if has("limit") || has("marker") => {
            let text = "Paging over hypervisors with the hypervisor_hostname_pattern query parameter is not supported.";
            return Err(Error::Invalid(text.into()).into());
        }
        Some((_, pattern)) => (named(verbs, caller, pattern).await?, None),
        None => {
            let hosts = numbered(verbs.list(caller).await?);
            page(root, path, hosts, version, pairs)?
        }
    };
    let mut shown = Vec::new();
    for host in &hosts {
        let mut one = view(host, version);
        if with_servers {
            add_servers(verbs, caller, &host.status, version, &mut one).await?;
        }
        shown.push(one);
    }
    let mut body = json!({"hypervisors": shown});
    if let Some(next) = next {
        body["hypervisors_links"] = next;
    }
    Ok(Json(body).into_response())
}

/// A page of the hosts, with the link to the next (2.33).
fn page(
    root: &Root,
    path: &str,
    mut hosts: Vec<Numbered>,
    version: Microversion,
    pairs: &[(String, String)],
) -> Result<(Vec<Numbered>, Option<Value>), Error> {
    if version.0 < 33 {
        return Ok((hosts, None));
    }
    let page = paging::page(pairs, Some(paging::MAX_LIMIT))?;
    if let Some(marker) = &page.marker {
        let place = hosts.iter().position(|host| host.id_text(version) == *marker);
        let place = place.ok_or_else(|| Error::Invalid(format!("marker [{marker}] not found")))?;
        hosts.drain(..=place);
    }
    let limit = page.limit.unwrap_or(paging::MAX_LIMIT) as usize;
    hosts.truncate(limit);
    let last = hosts.last().map(|host| host.id_text(version));
    let full = limit > 0 && hosts.len() >= limit;
    let next = links::next(root, path, pairs, last.as_deref(), full);
    Ok((hosts, next))
}

/// The hosts whose name has this in it.
async fn named(verbs: &HostVerbs, caller: &Caller, pattern: &str) -> Result<Vec<Numbered>, Error> {
    let mut hosts = numbered(verbs.list(caller).await?);
    hosts.retain(|host| host.status.host.name.as_str().contains(pattern));
    if hosts.is_empty() {
        return Err(Error::not_found("Hypervisor matching", format!("'{pattern}'")));
    }
    Ok(hosts)
}

/// Whether the servers of hosts are asked for too (2.53).
fn with_servers(pairs: &[(String, String)], version: Microversion) -> Result<bool, Error> {
    let given = pairs.iter().find(|(key, _)| key == "with_servers" && version.0 >= 53);
    given.map_or(Ok(false), |(_, value)| {
        bool_of(value).ok_or_else(|| {
            Error::Invalid(format!(
                "Invalid input for query parameters with_servers. Value: {value}. A boolean is wanted."
            ))
        })
    })
}

async fn add_servers(
    verbs: &HostVerbs,
    caller: &Caller,
    one: &HostStatus,
    version: Microversion,
    shown: &mut Value,
) -> Result<(), Error> {
    let servers = verbs.servers(caller, &one.host.name).await?;
    // A host without servers has no list of them until 2.75.
    if !servers.is_empty() || version.0 >= 75 {
        let brief = servers.iter().map(|one| json!({"uuid": one.id, "name": one.name}));
        shown["servers"] = brief.collect();
    }
    Ok(())
}

fn short(host: &Numbered, version: Microversion) -> Value {
    let one = &host.status;
    json!({
        "id": host.id(version),
        "hypervisor_hostname": one.host.name,
        "state": if one.up { "up" } else { "down" },
        "status": if one.host.disabled.is_some() { "disabled" } else { "enabled" },
    })
}

fn whole(host: &Numbered, version: Microversion) -> Value {
    let one = &host.status;
    let resources = &one.host.resources;
    let mut shown = short(host, version);
    shown["service"] = json!({
        "id": host.id(version),
        "host": one.host.name,
        "disabled_reason": one.host.disabled.as_ref().filter(|reason| !reason.is_empty()),
    });
    shown["hypervisor_type"] = json!(resources.hypervisor_type);
    shown["hypervisor_version"] = json!(resources.hypervisor_version);
    shown["host_ip"] = json!(resources.address);
    if version.0 < 88 {
        accounts(&mut shown, one, version);
    } else {
        shown["uptime"] = json!(words(one));
    }
    shown
}

/// What was removed with 2.88.
fn accounts(shown: &mut Value, one: &HostStatus, version: Microversion) {
    let (resources, claimed) = (&one.host.resources, &one.host.claimed);
    shown["vcpus"] = json!(resources.vcpus);
    shown["vcpus_used"] = json!(claimed.vcpus);
    shown["memory_mb"] = json!(resources.memory_mib);
    shown["memory_mb_used"] = json!(claimed.memory_mib);
    shown["free_ram_mb"] = json!(resources.memory_mib as i64 - claimed.memory_mib as i64);
    shown["local_gb"] = json!(resources.disk_gib);
    shown["local_gb_used"] = json!(claimed.disk_gib);
    shown["free_disk_gb"] = json!(resources.disk_gib as i64 - claimed.disk_gib as i64);
    shown["disk_available_least"] = json!(resources.disk_free_gib);
    shown["current_workload"] = json!(0);
    shown["running_vms"] = json!(claimed.servers);
    let cpu = json!({"arch": resources.arch, "model": resources.cpu_model});
    // A text until 2.28.
    shown["cpu_info"] = if version.0 >= 28 { cpu } else { json!(cpu.to_string()) };
}

fn words(one: &HostStatus) -> String {
    let seconds = one.host.resources.uptime_seconds;
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    format!("up {days} days, {hours:02}:{minutes:02}")
}
