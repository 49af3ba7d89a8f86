//! Which of the hosts that could take a server takes it.
//!
//! As in Nova, each weigher gives its best host 1 and its worst 0, and their sum, each times its multiplier, decides.

use super::settings::SchedulerSettings;
use hatchery_model::compute::{Host, HostFacts};

/// The best of them: the most free memory and the image's base weigh; then the fewest servers, then the name, so that equal views place equally.
pub(super) fn best<'a>(
    hosts: &[&'a Host],
    facts: &HostFacts,
    settings: &SchedulerSettings,
) -> Option<&'a Host> {
    let free = |host: &Host| free_memory_mib(host, settings);
    let least = hosts.iter().map(|host| free(host)).min()?;
    let most = hosts.iter().map(|host| free(host)).max()?;
    let weight = |host: &Host| {
        // Where all are alike, none is better.
        let memory = (free(host) - least) as f64 / (most - least).max(1) as f64;
        let base = if facts.with_base.contains(&host.name) { 1.0 } else { 0.0 };
        memory + settings.image_base_weight_multiplier * base
    };
    hosts.iter().copied().min_by(|a, b| {
        let heavier = weight(b).total_cmp(&weight(a));
        heavier
            .then_with(|| a.claimed.servers.cmp(&b.claimed.servers))
            .then_with(|| a.name.cmp(&b.name))
    })
}

fn free_memory_mib(host: &Host, settings: &SchedulerSettings) -> u64 {
    host.resources
        .memory_mib
        .saturating_sub(settings.reserved_host_memory_mib)
        .saturating_sub(host.claimed.memory_mib)
}
