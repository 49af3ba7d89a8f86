//! Lists flavors. There are few, so they are filtered and sorted here.

use super::FlavorVerbs;
use crate::error::Error;
use hatchery_model::caller::Caller;
use hatchery_model::compute::Flavor;
use hatchery_model::page::{Direction, Page};
use std::cmp::Ordering;

/// Which flavors.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FlavorQuery {
    /// Only public ones, only others, or both. Whoever is no administrator sees public ones, whatever they ask for.
    pub is_public: Option<bool>,
    /// With at least so much memory.
    pub min_memory_mib: u64,
    /// With at least so large a root disk.
    pub min_root_gib: u64,
    /// Which part. Sort keys: `flavorid`, `name`, `memory_mb`, `vcpus`, `root_gb`, `ephemeral_gb`, `swap`; by default `flavorid`.
    pub page: Page,
}

impl FlavorVerbs {
    /// The flavors that fit. `Invalid` for an unknown marker or sort key.
    pub async fn list(&self, caller: &Caller, query: &FlavorQuery) -> Result<Vec<Flavor>, Error> {
        let is_public = if caller.is_admin() { query.is_public } else { Some(true) };
        let mut uow = self.store.read().await?;
        let mut flavors = uow.flavors().list().await?;
        drop(uow);
        flavors.retain(|flavor| {
            is_public.is_none_or(|wanted| flavor.is_public == wanted)
                && !flavor.disabled
                && flavor.memory_mib >= query.min_memory_mib
                && flavor.root_gib >= query.min_root_gib
        });
        sort(&mut flavors, &query.page)?;
        if let Some(marker) = &query.page.marker {
            let place = flavors.iter().position(|flavor| flavor.id.0 == *marker);
            let place =
                place.ok_or_else(|| Error::Invalid(format!("marker [{marker}] not found")))?;
            flavors.drain(..=place);
        }
        if let Some(limit) = query.page.limit {
            flavors.truncate(limit as usize);
        }
        Ok(flavors)
    }
}

fn sort(flavors: &mut [Flavor], page: &Page) -> Result<(), Error> {
    for (key, _) in &page.sort {
        if compare(key).is_none() {
            return Err(Error::Invalid(format!("Sort key {key} is not supported")));
        }
    }
    flavors.sort_by(|a, b| {
        let mut order = Ordering::Equal;
        for (key, direction) in &page.sort {
            let by_key = compare(key).map_or(Ordering::Equal, |compare| compare(a, b));
            order = order.then(match direction {
                Direction::Ascending => by_key,
                Direction::Descending => by_key.reverse(),
            });
        }
        order.then_with(|| a.id.cmp(&b.id))
    });
    Ok(())
}

type Compare = fn(&Flavor, &Flavor) -> Ordering;

fn compare(key: &str) -> Option<Compare> {
    let compare: Compare = match key {
        "flavorid" | "id" => |a, b| a.id.cmp(&b.id),
        "name" => |a, b| a.name.cmp(&b.name),
        "memory_mb" => |a, b| a.memory_mib.cmp(&b.memory_mib),
        "vcpus" => |a, b| a.vcpus.cmp(&b.vcpus),
        "root_gb" => |a, b| a.root_gib.cmp(&b.root_gib),
        "ephemeral_gb" => |a, b| a.ephemeral_gib.cmp(&b.ephemeral_gib),
        "swap" => |a, b| a.swap_mib.cmp(&b.swap_mib),
        _ => return None,
    };
    Some(compare)
}
