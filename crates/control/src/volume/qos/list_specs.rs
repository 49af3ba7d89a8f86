//! Shows and lists specs.

use super::{QosVerbs, find};
use crate::error::Error;
use crate::policy;
use hatchery_model::caller::Caller;
use hatchery_model::id::QosSpecsId;
use hatchery_model::page::{Direction, Page};
use hatchery_model::volume::QosSpecs;
use std::cmp::Ordering;

/// Which specs. Everything that is given has to hold.
#[derive(Clone, Debug, Default)]
pub struct QosQuery {
    /// With exactly this name.
    pub name: Option<String>,
    /// For this consumer, in Cinder's word.
    pub consumer: Option<String>,
    /// The page. Sort keys: `name`, `created_at`, `id`; by default the newest first.
    pub page: Page,
    /// So many are left out before the page.
    pub offset: usize,
}

impl QosVerbs {
    /// One set of specs. Administrators only. `NotFound`.
    pub async fn show(&self, caller: &Caller, id: QosSpecsId) -> Result<QosSpecs, Error> {
        policy::admin(caller, "volume_extension:qos_specs_manage:get")?;
        let mut uow = self.store.read().await?;
        find(&mut *uow, id).await
    }

    /// A page of them. Administrators only. `Invalid` when the page's marker is none.
    pub async fn list(&self, caller: &Caller, query: &QosQuery) -> Result<Vec<QosSpecs>, Error> {
        policy::admin(caller, "volume_extension:qos_specs_manage:get_all")?;
        let mut specs = self.store.read().await?.qos_specs().list().await?;
        specs.retain(|one| {
            query.name.as_ref().is_none_or(|name| *name == one.name)
                && query.consumer.as_ref().is_none_or(|word| word == one.consumer.as_str())
        });
        specs.sort_by(|a, b| compare(a, b, &query.page));
        if let Some(marker) = &query.page.marker {
            let place = specs.iter().position(|one| one.id.to_string() == *marker);
            let place =
                place.ok_or_else(|| Error::Invalid(format!("marker [{marker}] not found")))?;
            specs.drain(..=place);
        }
        specs.drain(..query.offset.min(specs.len()));
        if let Some(limit) = query.page.limit {
            specs.truncate(limit as usize);
        }
        Ok(specs)
    }
}

fn compare(a: &QosSpecs, b: &QosSpecs, page: &Page) -> Ordering {
    let mut order = Ordering::Equal;
    for (key, direction) in &page.sort {
        let by_key = match key.as_str() {
            "name" => a.name.cmp(&b.name),
            "id" => a.id.cmp(&b.id),
            _ => a.created_at.cmp(&b.created_at),
        };
        order = order.then(match direction {
            Direction::Ascending => by_key,
            Direction::Descending => by_key.reverse(),
        });
    }
    order.then_with(|| b.created_at.cmp(&a.created_at)).then_with(|| a.id.cmp(&b.id))
}
