//! Says how the bases of images are on the hosts of an aggregate.

use super::{AggregateVerbs, find, holder};
use crate::error::Error;
use crate::policy;
use hatchery_model::base::BaseOnHost;
use hatchery_model::caller::Caller;
use hatchery_model::id::{HostName, ImageId};
use hatchery_model::page::Page;
use hatchery_model::timestamp::Timestamp;
use hatchery_ports::store::ImageFilter;
use std::collections::{BTreeMap, BTreeSet};

/// An image that a host of the aggregate has, had or is to have a base of, or that is pinned for it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CachedImage {
    /// The image.
    pub image: ImageId,
    /// Its name, if it is still there and has one.
    pub name: Option<String>,
    /// Until when it is pinned for this aggregate.
    pub pinned_until: Option<Timestamp>,
    /// Each host of the aggregate, with what is known of the base there.
    pub hosts: Vec<(HostName, Option<BaseOnHost>)>,
}

impl AggregateVerbs {
    /// The images, by id. Administrators only. `NotFound`.
    pub async fn list_cached(
        &self,
        caller: &Caller,
        number: u64,
    ) -> Result<Vec<CachedImage>, Error> {
        policy::admin(caller, "compute:aggregates:images")?;
        let now = self.clock.now();
        let mut uow = self.store.read().await?;
        let aggregate = find(&mut *uow, number).await?;
        let mut bases = BTreeMap::new();
        for host in &aggregate.hosts {
            for row in uow.host_bases().list(None, Some(host)).await? {
                bases.insert((row.image, host.clone()), row);
            }
        }
        let by = holder(&aggregate);
        let pins: BTreeMap<ImageId, Timestamp> = uow
            .leases()
            .list_pins(None)
            .await?
            .into_iter()
            .filter(|pin| pin.by == by && pin.until > now)
            .map(|pin| (pin.image, pin.until))
            .collect();
        let ids: BTreeSet<ImageId> =
            bases.keys().map(|(image, _)| *image).chain(pins.keys().copied()).collect();
        let filter =
            ImageFilter { ids: Some(ids.iter().copied().collect()), ..ImageFilter::default() };
        let rows = uow.images().list(&filter, &Page::default()).await?;
        let names: BTreeMap<ImageId, Option<String>> =
            rows.into_iter().map(|image| (image.id, image.name)).collect();
        let of = |image: ImageId, host: &HostName| bases.get(&(image, host.clone())).cloned();
        Ok(ids
            .into_iter()
            .map(|image| CachedImage {
                image,
                name: names.get(&image).cloned().flatten(),
                pinned_until: pins.get(&image).copied(),
                hosts: aggregate.hosts.iter().map(|host| (host.clone(), of(image, host))).collect(),
            })
            .collect())
    }
}
