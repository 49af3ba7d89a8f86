//! Neutron's part.

use super::{Check, Ground};
use anyhow::Context;
use hatchery_api::Router;
use hatchery_api::network::router;
use hatchery_control::network::{FirstNetwork, NetworkPorts, NetworkVerbs, ensure_first_network};
use hatchery_model::id::ProjectId;

pub async fn join(
    ground: &Ground,
    check: Check,
    admin_project: &ProjectId,
) -> anyhow::Result<Router> {
    let set = &ground.config.first_network;
    let first = FirstNetwork {
        cidr: set.cidr.parse().with_context(|| {
            format!(
                "[first_network] cidr is '{}': addresses like 10.100.0.0/20 are wanted",
                set.cidr
            )
        })?,
        dns: set.dns.clone(),
        ..FirstNetwork::usual(admin_project.clone())
    };
    let now = ground.clock.now();
    ensure_first_network(ground.store.as_ref(), ground.entropy.as_ref(), now, first)
        .await
        .context("the first network cannot be made")?;
    let verbs = NetworkVerbs::new(NetworkPorts {
        store: ground.store.clone(),
        clock: ground.clock.clone(),
        entropy: ground.entropy.clone(),
    });
    Ok(router(verbs, check, &ground.base))
}
