//! `/os-hypervisors`

use crate::compute::envelope::{Answer, Compute};
use crate::compute::microversion::{Microversion, since};
use crate::http::caller::By;
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
    By(caller, _): By<Compute>,
    version: Microversion,
    Query(pairs): Pairs,
) -> Answer {
    let hosts = chosen(&verbs, &caller, version, &pairs).await?;
    let shown: Vec<Value> = hosts.iter().map(|host| short(host, version)).collect();
    Ok(Json(json!({"hypervisors": shown})).into_response())
}

/// Everything.
pub async fn detail(
    State(verbs): State<Arc<HostVerbs>>,
    By(caller, _): By<Compute>,
    version: Microversion,
    Query(pairs): Pairs,
) -> Answer {
    let hosts = chosen(&verbs, &caller, version, &pairs).await?;
    let mut shown = Vec::new();
    for host in &hosts {
        shown.push(whole(&verbs, &caller, host, version, &pairs).await?);
    }
    Ok(Json(json!({"hypervisors": shown})).into_response())
}

/// Shows one.
pub async fn show(
    State(verbs): State<Arc<HostVerbs>>,
    By(caller, _): By<Compute>,
    version: Microversion,
    Path(id): Path<String>,
    Query(pairs): Pairs,
) -> Answer {
    let host = find(&verbs, &caller, version, &id).await?;
    let shown = whole(&verbs, &caller, &host, version, &pairs).await?;
    Ok(Json(json!({"hypervisor": shown})).into_response())
}

/// Seconds since the machine started, in words (until 2.87).
pub async fn uptime(
    State(verbs): State<Arc<HostVerbs>>,
    By(caller, _): By<Compute>,
    version: Microversion,
    Path(id): Path<String>,
) -> Answer {
    let host = find(&verbs, &caller, version, &id).await?;
    let mut shown = short(&host, version);
    shown["uptime"] = json!(words(&host));
    Ok(Json(json!({"hypervisor": shown})).into_response())
}

/// Sums over all hosts (until 2.87).
pub async fn statistics(
    State(verbs): State<Arc<HostVerbs>>,
    By(caller, _): By<Compute>,
    version: Microversion,
) -> Answer {
    if version.0 >= 88 {
        return Err(Error::not_found("The resource", "since microversion 2.88").into());
    }
    let hosts = verbs.list(&caller).await?;
    let sum = |count: fn(&HostStatus) -> u64| hosts.iter().map(count).sum::<u64>();
    Ok(Json(json!({"hypervisor_statistics": {
        "count": hosts.len(),
        "vcpus": sum(|one| u64::from(one.host.resources.vcpus)),
        "vcpus_used": sum(|one| u64::from(one.host.claimed.vcpus)),
        "memory_mb": sum(|one| one.host.resources.memory_mib),
        "memory_mb_used": sum(|one| one.host.claimed.memory_mib),
        "free_ram_mb": sum(|one| one.host.resources.memory_mib.saturating_sub(one.host.claimed.memory_mib)),
        "local_gb": sum(|one| one.host.resources.disk_gib),
        "local_gb_used": sum(|one| one.host.claimed.disk_gib),
        "free_disk_gb": sum(|one| one.host.resources.disk_gib.saturating_sub(one.host.claimed.disk_gib)),
        "disk_available_least": sum(|one| one.host.resources.disk_free_gib),
        "current_workload": 0,
        "running_vms": sum(|one| u64::from(one.host.claimed.servers)),
    }}))
    .into_response())
}

async fn chosen(
    verbs: &HostVerbs,
    caller: &Caller,
    version: Microversion,
    pairs: &[(String, String)],
) -> Result<Vec<HostStatus>, Error> {
    let mut hosts = verbs.list(caller).await?;
    let pattern = pairs.iter().find(|(key, _)| key == "hypervisor_hostname_pattern");
    if let Some((_, pattern)) = pattern.filter(|_| version.0 >= 53) {
        hosts.retain(|host| host.host.name.as_str().contains(pattern.as_str()));
        if hosts.is_empty() {
            return Err(Error::not_found("No hypervisor matching", format!("'{pattern}'")));
        }
    }
    Ok(hosts)
}

async fn find(
    verbs: &HostVerbs,
    caller: &Caller,
    version: Microversion,
    id: &str,
) -> Result<HostStatus, Error> {
    match id.parse() {
        Ok(id) => verbs.show(caller, id).await,
        // Numbers until 2.52: the place in the list.
        Err(_) => {
            let hosts = verbs.list(caller).await?;
            let place = id.parse::<usize>().ok().filter(|place| *place > 0 && version.0 < 53);
            let found = place.and_then(|place| hosts.into_iter().nth(place - 1));
            found.ok_or_else(|| Error::not_found("Compute host", id))
        }
    }
}

fn short(one: &HostStatus, version: Microversion) -> Value {
    let host = &one.host;
    let id = if version.0 >= 53 { json!(host.id) } else { json!(1) };
    json!({
        "id": id,
        "hypervisor_hostname": host.name,
        "state": if one.up { "up" } else { "down" },
        "status": if host.disabled.is_some() { "disabled" } else { "enabled" },
    })
}

async fn whole(
    verbs: &HostVerbs,
    caller: &Caller,
    one: &HostStatus,
    version: Microversion,
    pairs: &[(String, String)],
) -> Result<Value, Error> {
    let (host, resources) = (&one.host, &one.host.resources);
    let mut shown = short(one, version);
    shown["service"] = json!({
        "id": shown["id"],
        "host": host.name,
        "disabled_reason": host.disabled,
    });
    shown["hypervisor_type"] = json!(resources.hypervisor_type);
    shown["hypervisor_version"] = json!(resources.hypervisor_version);
    shown["host_ip"] = json!(resources.address);
    if version.0 < 88 {
        accounts(&mut shown, one, version);
    } else {
        shown["uptime"] = json!(words(one));
    }
    let asked = pairs.iter().any(|(key, value)| key == "with_servers" && value != "false");
    if asked && version.0 >= 53 {
        let servers = verbs.servers(caller, &host.name).await?;
        let brief = servers.iter().map(|server| json!({"uuid": server.id, "name": server.name}));
        shown["servers"] = brief.collect();
    }
    Ok(shown)
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
    format!("up {} days, {:02}:{:02}", seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60)
}

/// `GET /os-hypervisors/{name}/search` and `/servers` were removed with 2.53.
pub async fn search(
    State(verbs): State<Arc<HostVerbs>>,
    By(caller, _): By<Compute>,
    version: Microversion,
    Path(name): Path<String>,
) -> Answer {
    if version.0 >= 53 {
        return since(Microversion(0), 1).map(|()| ().into_response()).map_err(Into::into);
    }
    let hosts = verbs.list(&caller).await?;
    let shown: Vec<Value> = hosts
        .iter()
        .filter(|host| host.host.name.as_str().contains(&name))
        .map(|host| short(host, version))
        .collect();
    if shown.is_empty() {
        return Err(Error::not_found("No hypervisor matching", format!("'{name}'")).into());
    }
    Ok(Json(json!({"hypervisors": shown})).into_response())
}
