//! Networks on this host: made with their first guest, kept a while after their last.

use crate::agent::Host;
use hatchery_model::compute::GuestSpec;
use hatchery_model::id::NetworkId;
use hatchery_ports::network_driver::NetworkError;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use tokio::time::Instant;

/// Makes ready what a guest needs.
pub(crate) async fn ensure(host: &Host, spec: &GuestSpec) -> Result<(), NetworkError> {
    for nic in &spec.nics {
        host.parts.network.ensure_network(&nic.network).await?;
    }
    Ok(())
}

/// Removes networks without guests, once they have been so for the linger that is set. Runs for ever.
pub(crate) async fn remove_idle(host: Arc<Host>) {
    let linger = host.settings.network_linger;
    let mut idle_since: HashMap<NetworkId, Instant> = HashMap::new();
    let mut tick = tokio::time::interval((linger / 4).max(std::time::Duration::from_millis(250)));
    loop {
        tick.tick().await;
        let Ok(present) = host.parts.network.list_networks().await else {
            continue;
        };
        let in_use = host.registry.networks_in_use();
        idle_since.retain(|network, _| present.contains(network) && !in_use.contains(network));
        for network in present.into_iter().filter(|network| !in_use.contains(network)) {
            let since = *idle_since.entry(network).or_insert_with(Instant::now);
            if since.elapsed() >= linger {
                remove_if_idle(&host, network).await;
            }
        }
    }
}

/// Removes a network unless a guest has come meanwhile; builds of guests wait for it, and it for them.
async fn remove_if_idle(host: &Host, network: NetworkId) {
    let _none_building = host.network_lock.write().await;
    let in_use: HashSet<_> = host.registry.networks_in_use();
    if in_use.contains(&network) {
        return;
    }
    match host.parts.network.remove_network(network).await {
        Ok(()) => {
            tracing::info!(network.id = %network, "network without guests removed from this host")
        }
        Err(error) => {
            tracing::warn!(network.id = %network, %error, "a network could not be removed")
        }
    }
}
