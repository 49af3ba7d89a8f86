//! The filters, by Nova's names, in the order tried. Each looks at one host and says yes or no.

use super::extra_specs;
use super::place::PlaceRequest;
use super::settings::SchedulerSettings;
use hatchery_model::compute::{Host, HostFacts};
use hatchery_model::provision::plan;
use hatchery_model::timestamp::Timestamp;

/// What a filter sees.
pub(super) struct Look<'a> {
    pub(super) host: &'a Host,
    pub(super) facts: &'a HostFacts,
    pub(super) request: &'a PlaceRequest,
    pub(super) settings: &'a SchedulerSettings,
    pub(super) now: Timestamp,
}

/// A filter: its name, and whether the host passes.
pub(super) type Filter = (&'static str, fn(&Look<'_>) -> bool);

/// All filters. The cheap ones stand first; the names are what a refusal counts.
pub(super) const FILTERS: [Filter; 11] = [
    ("RetryFilter", |look| !look.request.excluded.contains(&look.host.name)),
    ("ComputeFilter", |look| {
        look.host.disabled.is_none() && is_up(look.host, look.settings, look.now)
    }),
    ("AvailabilityZoneFilter", zone),
    ("NumInstancesFilter", |look| look.host.claimed.servers < look.settings.max_servers_per_host),
    ("RamFilter", ram),
    ("CoreFilter", cores),
    ("DiskFilter", disk),
    ("ImagePropertiesFilter", architecture),
    ("AggregateInstanceExtraSpecsFilter", extra_specs::matches),
    ("VolumeReachFilter", |look| {
        look.request.reachable_from.as_ref().is_none_or(|hosts| hosts.contains(&look.host.name))
    }),
    ("ProvisionFilter", provisionable),
];

/// Whether a host has been heard lately: Nova's "service is up".
pub fn is_up(host: &Host, settings: &SchedulerSettings, now: Timestamp) -> bool {
    host.heard_at.plus_seconds(settings.service_down_seconds) >= now
}

/// The zone asked for and, where an administrator has named one, the host.
fn zone(look: &Look<'_>) -> bool {
    let request = look.request;
    request.zone.as_ref().is_none_or(|zone| *zone == look.host.availability_zone)
        && request.host.as_ref().is_none_or(|name| *name == look.host.name)
}

fn ram(look: &Look<'_>) -> bool {
    let total = look.host.resources.memory_mib;
    let usable = scaled(
        total.saturating_sub(look.settings.reserved_host_memory_mib),
        look.settings.ram_allocation_ratio,
    );
    let wanted = look.request.claim.memory_mib;
    // As in Nova, one server never gets more than the machine has, whatever the ratio.
    wanted <= total && look.host.claimed.memory_mib.saturating_add(wanted) <= usable
}

fn cores(look: &Look<'_>) -> bool {
    let total = look.host.resources.vcpus;
    let usable = scaled(
        u64::from(total.saturating_sub(look.settings.reserved_host_cpus)),
        look.settings.cpu_allocation_ratio,
    );
    let wanted = look.request.claim.vcpus;
    wanted <= total && u64::from(look.host.claimed.vcpus) + u64::from(wanted) <= usable
}

fn disk(look: &Look<'_>) -> bool {
    let reserved_gib = look.settings.reserved_host_disk_mib.div_ceil(1024);
    let usable = scaled(
        look.host.resources.disk_gib.saturating_sub(reserved_gib),
        look.settings.disk_allocation_ratio,
    );
    let wanted = look.request.claim.disk_gib;
    look.host.claimed.disk_gib.saturating_add(wanted) <= usable
}

fn architecture(look: &Look<'_>) -> bool {
    look.request
        .architecture
        .as_ref()
        .is_none_or(|wanted| same_architecture(wanted, &look.host.resources.arch))
}

/// Whether there is any way at all from the image to a disk there.
fn provisionable(look: &Look<'_>) -> bool {
    let request = look.request;
    request
        .image
        .as_ref()
        .is_none_or(|image| plan(image, &look.host.target, None, request.disk).is_ok())
}

/// Glance and `uname` do not write every architecture alike.
fn same_architecture(wanted: &str, host: &str) -> bool {
    let canonical = |name: &str| match name.to_ascii_lowercase().as_str() {
        "amd64" | "x64" | "x86_64" => "x86_64".to_owned(),
        "arm64" | "aarch64" => "aarch64".to_owned(),
        "i386" | "i486" | "i586" | "i686" => "i686".to_owned(),
        other => other.to_owned(),
    };
    canonical(wanted) == canonical(host)
}

/// An amount times a ratio, rounded down.
fn scaled(amount: u64, ratio: f64) -> u64 {
    (amount as f64 * ratio).floor() as u64
}
