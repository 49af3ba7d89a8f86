//! Which of the hosts that could take a server takes it.

use super::settings::SchedulerSettings;
use hatchery_model::compute::Host;
use std::cmp::{Ordering, Reverse};

/// Best first: the most free memory, then the fewest servers, then the name, so that equal views place equally.
pub(super) fn better(a: &Host, b: &Host, settings: &SchedulerSettings) -> Ordering {
    let key = |host: &Host| (Reverse(free_memory_mib(host, settings)), host.claimed.servers);
    key(a).cmp(&key(b)).then_with(|| a.name.cmp(&b.name))
}

fn free_memory_mib(host: &Host, settings: &SchedulerSettings) -> u64 {
    host.resources
        .memory_mib
        .saturating_sub(settings.reserved_host_memory_mib)
        .saturating_sub(host.claimed.memory_mib)
}
