//! Brings servers back whose base was put back.

use super::keeper::DeedListener;
use crate::compute::ReviveServers;
use async_trait::async_trait;
use hatchery_model::base::{Deed, Did};
use hatchery_model::id::{HostName, ImageId};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

/// Hears of healed bases of a host. At its first word it looks at every server that waits for one: whoever healed before may have died
/// before it told.
pub struct ReviveOnHeal {
    revive: ReviveServers,
    host: HostName,
    told: AtomicBool,
}

impl ReviveOnHeal {
    /// For the servers of a host.
    pub const fn new(revive: ReviveServers, host: HostName) -> Self {
        Self { revive, host, told: AtomicBool::new(false) }
    }
}

#[async_trait]
impl DeedListener for ReviveOnHeal {
    async fn did(&self, deeds: &[Deed]) {
        // Whose bytes came back when none of its names was left is no more than linked.
        let back = deeds.iter().filter(|deed| matches!(deed.did, Did::Healed | Did::Linked));
        let mut images: BTreeSet<ImageId> = back.filter_map(|deed| deed.image).collect();
        if !self.told.swap(true, Ordering::SeqCst) {
            match self.revive.waiting(&self.host).await {
                Ok(waiting) => images.extend(waiting),
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "servers that wait for a base are not known"
                    );
                }
            }
        }
        for image in images {
            match self.revive.run(&self.host, image).await {
                Ok(0) => {}
                Ok(count) => tracing::info!(image.id = %image, count, "servers were brought back"),
                Err(error) => {
                    tracing::error!(image.id = %image, error = &error as &dyn std::error::Error, "servers could not be brought back");
                }
            }
        }
    }
}
