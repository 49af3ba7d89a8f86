//! Puts the whole pool right on demand: the same pass that is made at an interval.

use super::pool_verbs::{PoolVerbs, of_catalog, of_pool};
use crate::error::Error;
use crate::policy;
use hatchery_model::base::{Deed, Did, LeaseBook, LeaseHolder};
use hatchery_model::caller::Caller;
use hatchery_model::id::{HostName, ImageId};
use hatchery_ports::base_pool::{Pass, PassReport};
use std::collections::BTreeSet;

impl PoolVerbs {
    /// One full pass, or what it would do. Servers that a base which is back had put into error are active again, and start where they are wanted
    /// to run. Administrators only. `Conflict` where what is found cannot be judged: nothing was changed then.
    ///
    /// Images are asked for before leases: every lease on an image that is gone by then was taken before, and is in the answer.
    pub async fn heal(&self, caller: &Caller, dry_run: bool) -> Result<PassReport, Error> {
        policy::admin(caller, "hatchery:pool:heal")?;
        let begun = self.pool.begin().await.map_err(of_pool)?;
        let images = self.catalog.list().await.map_err(of_catalog)?;
        let leases = self.leases().await?;
        let pass = Pass { begun, images, leases: Some(leases.clone()), dry_run };
        let report = self.pool.keep(&pass).await.map_err(of_pool)?;
        if !dry_run {
            for (host, image) in back(&report.deeds, &leases) {
                self.revive.run(&host, image).await?;
            }
        }
        Ok(report)
    }
}

/// Where which base is back.
fn back(deeds: &[Deed], leases: &LeaseBook) -> BTreeSet<(HostName, ImageId)> {
    let mut places = BTreeSet::new();
    for deed in deeds {
        let image = match deed.did {
            Did::Linked | Did::Healed => deed.image,
            Did::Quarantined | Did::Removed | Did::LeftAlone | Did::Failed => None,
        };
        for lease in leases.of(&deed.base) {
            if let (Some(image), LeaseHolder::Disk { host, .. }) = (image, &lease.holder) {
                places.insert((HostName(host.clone()), image));
            }
        }
    }
    places
}
