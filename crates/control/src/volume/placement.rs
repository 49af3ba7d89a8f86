//! The choice of a backend for a volume, and of the way to an image's bytes there. Pure: the same rows give the same backend.

use super::image_cache::Cached;
use super::settings::VolumeSettings;
use hatchery_model::compute::Host;
use hatchery_model::id::HostName;
use hatchery_model::provision::{ImageFacts, Plan, Refusal, WantedVolume, plan_volume};
use hatchery_model::timestamp::Timestamp;
use hatchery_model::units::Bytes;
use hatchery_model::volume::{BackendName, BackendReport, ImageCacheBounds, Reach, VolumeType};
use std::collections::BTreeMap;

/// What is to be placed.
pub(crate) struct Need<'a> {
    pub(crate) size: Bytes,
    pub(crate) volume_type: &'a VolumeType,
    /// The image whose bytes it is to hold.
    pub(crate) image: Option<&'a ImageFacts>,
    /// What the backends' caches have of that image.
    pub(crate) cached: &'a Cached,
    /// The host that is going to use it, where that is known.
    pub(crate) used_from: Option<&'a HostName>,
    /// `host@backend` of those that an administrator keeps new volumes away from, with reasons.
    pub(crate) disabled: &'a BTreeMap<String, String>,
}

/// A backend that was chosen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Placed {
    pub(crate) backend: BackendName,
    /// The way to the image's bytes, for a volume that is to hold one's.
    pub(crate) plan: Option<Plan>,
    /// How much its image-volume cache may hold, if it has one.
    pub(crate) cache: Option<ImageCacheBounds>,
    /// Whether the volume keeps an image that others are cloned of.
    pub(crate) holds_image: bool,
}

/// Chooses the backend that copies the least and has the most room; or says why each one was refused.
pub(crate) fn choose(
    hosts: &[Host],
    need: &Need<'_>,
    settings: &VolumeSettings,
    now: Timestamp,
) -> Result<Placed, Vec<String>> {
    let mut refused = Vec::new();
    let mut best: Option<(Placed, (Bytes, std::cmp::Reverse<Bytes>))> = None;
    for host in hosts {
        for report in &host.backends {
            let name = name_of(host, report);
            match judge(hosts, (host, report), need, settings, now) {
                Err(why) => refused.push(format!("{name}: {why}.")),
                Ok(plan) => {
                    let copies = plan.as_ref().map_or(Bytes(0), |plan| plan.copies);
                    let weight = (copies, std::cmp::Reverse(report.free));
                    if best.as_ref().is_none_or(|(_, other)| weight < *other) {
                        let cache = cache_of(report);
                        let placed = Placed { backend: name, plan, cache, holds_image: false };
                        best = Some((placed, weight));
                    }
                }
            }
        }
    }
    best.map(|(placed, _)| placed).ok_or(refused)
}

/// The backend's full name.
pub(crate) fn name_of(host: &Host, report: &BackendReport) -> BackendName {
    BackendName {
        host: host.name.clone(),
        backend: report.backend.clone(),
        pool: report.pool.clone(),
    }
}

/// What a backend would do.
pub(crate) struct Judged {
    pub(crate) backend: BackendName,
    /// Why no new volume goes there, whatever it is to hold.
    pub(crate) refused_by: Option<String>,
    /// The way to the image's bytes there; or why each one was refused.
    pub(crate) plan: Option<Result<Plan, Vec<Refusal>>>,
    /// How much its image-volume cache may hold, if it has one.
    pub(crate) cache: Option<ImageCacheBounds>,
}

/// Judges every backend, without choosing.
pub(crate) fn judge_all(
    hosts: &[Host],
    need: &Need<'_>,
    settings: &VolumeSettings,
    now: Timestamp,
) -> Vec<Judged> {
    let all = hosts.iter().flat_map(|host| host.backends.iter().map(move |report| (host, report)));
    all.map(|(host, report)| Judged {
        backend: name_of(host, report),
        refused_by: suits(hosts, (host, report), need, settings, now).err(),
        plan: plan_on((host, report), need),
        cache: cache_of(report),
    })
    .collect()
}

/// The bounds of a backend's image-volume cache. One that cannot clone has none.
fn cache_of(report: &BackendReport) -> Option<ImageCacheBounds> {
    report.image_cache.filter(|_| report.target.clones.is_ok())
}

/// Whether a host has been heard lately.
pub(crate) fn is_heard(host: &Host, settings: &VolumeSettings, now: Timestamp) -> bool {
    host.heard_at.plus_seconds(settings.service_down_seconds) >= now
}

/// From which hosts a backend's volumes can be used. `None`: from every one.
///
/// Several hosts may serve one filesystem that is mounted on each, under the same name; a backend named `file` is taken for a host's own.
pub(crate) fn reach(hosts: &[Host], backend: &BackendName) -> Option<Vec<HostName>> {
    let report = |host: &&Host| {
        host.backends
            .iter()
            .find(|one| one.backend == backend.backend && one.pool == backend.pool)
            .cloned()
    };
    let own = hosts.iter().find(|host| host.name == backend.host);
    let Some(own) = own.as_ref().and_then(report) else {
        return Some(vec![backend.host.clone()]);
    };
    match own.reach {
        Reach::EveryHost => None,
        Reach::ServingHosts if own.protocol == "file" => Some(vec![backend.host.clone()]),
        Reach::ServingHosts => {
            let serves = |host: &&Host| {
                report(host)
                    .is_some_and(|one| one.protocol == own.protocol && one.total == own.total)
            };
            Some(hosts.iter().filter(serves).map(|host| host.name.clone()).collect())
        }
    }
}

/// Whether a host's guests can use a backend's volumes.
pub(crate) fn reaches(hosts: &[Host], backend: &BackendName, from: &HostName) -> bool {
    reach(hosts, backend).is_none_or(|hosts| hosts.contains(from))
}

/// The plan, if the backend can take it; or why it cannot.
fn judge(
    hosts: &[Host],
    of: (&Host, &BackendReport),
    need: &Need<'_>,
    settings: &VolumeSettings,
    now: Timestamp,
) -> Result<Option<Plan>, String> {
    suits(hosts, of, need, settings, now)?;
    let planned = plan_on(of, need).transpose();
    planned.map_err(|refused| {
        let last = refused.last().map(|refusal| refusal.reason.clone());
        last.unwrap_or_else(|| "there is no way to the image's bytes".into())
    })
}

/// The way to the image's bytes there.
fn plan_on(
    (host, report): (&Host, &BackendReport),
    need: &Need<'_>,
) -> Option<Result<Plan, Vec<Refusal>>> {
    let wanted = WantedVolume { size: need.size, encrypted: false };
    let copies = need.cached.of(&name_of(host, report), report);
    need.image.map(|image| plan_volume(image, &report.target, &copies, wanted))
}

/// Whether a new volume of this size and type may go there.
fn suits(
    hosts: &[Host],
    (host, report): (&Host, &BackendReport),
    need: &Need<'_>,
    settings: &VolumeSettings,
    now: Timestamp,
) -> Result<(), String> {
    let name = name_of(host, report);
    if !is_heard(host, settings, now) {
        return Err("its host has not been heard lately".into());
    }
    if let Some(why) = &report.down {
        return Err(why.trim_end_matches('.').to_owned());
    }
    if let Some(why) = need.disabled.get(&format!("{}@{}", host.name, report.backend)) {
        return Err(format!("it is disabled {why}").trim_end().to_owned());
    }
    fits_type(report, need.volume_type)?;
    if let Some(from) = need.used_from
        && !reaches(hosts, &name, from)
    {
        return Err(format!("host {from} cannot use its volumes"));
    }
    has_room(report, need.size, settings)
}

/// Whether the backend is what the type asks for. Scoped keys (`capabilities:` aside) are for others.
pub(crate) fn fits_type(report: &BackendReport, volume_type: &VolumeType) -> Result<(), String> {
    for (key, wanted) in &volume_type.extra_specs {
        let key = key.strip_prefix("capabilities:").unwrap_or(key);
        if key.contains(':') {
            continue;
        }
        let is = match key {
            "volume_backend_name" => report.pool == *wanted,
            "storage_protocol" => report.protocol == *wanted,
            "vendor_name" => wanted == "Open Source",
            // What every backend can.
            "multiattach" | "thin_provisioning_support" => true,
            _ => false,
        };
        if !is {
            return Err(format!("the type {} asks for {key} = {wanted}", volume_type.name));
        }
    }
    Ok(())
}

/// Room for a volume that takes what is written to it: free space counts as often as `max_over_subscription_ratio` says. One that has not been
/// counted yet is what Cinder calls `unknown`, and takes any.
fn has_room(report: &BackendReport, size: Bytes, settings: &VolumeSettings) -> Result<(), String> {
    if report.total.0 == 0 {
        return Ok(());
    }
    let reserved = report.total.0 / 100 * u64::from(settings.reserved_percentage.min(100));
    let free = report.free.0.saturating_sub(reserved);
    if free.saturating_mul(settings.max_over_subscription_ratio) < size.0 {
        return Err(format!("the volume has {size}, and {} are free", Bytes(free)));
    }
    Ok(())
}
