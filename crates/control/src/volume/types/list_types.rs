//! Lists volume types.

use super::find_type::may_use;
use super::{KIND, VolumeTypeVerbs};
use crate::error::Error;
use crate::policy;
use hatchery_model::caller::Caller;
use hatchery_model::page::{Direction, Page};
use hatchery_model::volume::VolumeType;
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// Which volume types.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TypeQuery {
    /// Only public ones and those of the caller's project, only others, or all. Whoever is no administrator sees all that their project may use, whatever they ask for.
    pub is_public: Option<bool>,
    /// With these extra specs.
    pub extra_specs: BTreeMap<String, String>,
    /// Which part. Sort keys: `name`, `id`, `created_at`, `updated_at`, `is_public`, `description`; by default `created_at`.
    pub page: Page,
    /// So many are left out before the page.
    pub offset: usize,
}

impl VolumeTypeVerbs {
    /// The types that fit, newest first. `Invalid` for an unknown sort key, `NotFound` for an unknown marker.
    pub async fn list(&self, caller: &Caller, query: &TypeQuery) -> Result<Vec<VolumeType>, Error> {
        policy::reader_project(caller, "volume_extension:type_get_all")?;
        let is_public = if caller.is_admin() { query.is_public } else { None };
        let own = |one: &VolumeType| caller.project().is_some_and(|id| one.is_usable_by(id));
        let mut uow = self.store.read().await?;
        let mut types = uow.volume_types().list().await?;
        drop(uow);
        types.retain(|one| {
            may_use(caller, one)
                && is_public.is_none_or(|wanted| one.is_public == wanted || (wanted && own(one)))
                && query
                    .extra_specs
                    .iter()
                    .all(|(key, value)| one.extra_specs.get(key) == Some(value))
        });
        sort(&mut types, &query.page)?;
        if let Some(marker) = &query.page.marker {
            let place = types.iter().position(|one| one.id.to_string() == *marker);
            types.drain(..=place.ok_or_else(|| Error::not_found(KIND, marker))?);
        }
        types.drain(..query.offset.min(types.len()));
        if let Some(limit) = query.page.limit {
            types.truncate(limit as usize);
        }
        Ok(types)
    }
}

fn sort(types: &mut [VolumeType], page: &Page) -> Result<(), Error> {
    for (key, _) in &page.sort {
        if compare(key).is_none() {
            return Err(Error::Invalid(format!("Sort key passed is invalid: {key}.")));
        }
    }
    types.sort_by(|a, b| {
        let mut order = Ordering::Equal;
        for (key, direction) in &page.sort {
            let by_key = compare(key).map_or(Ordering::Equal, |compare| compare(a, b));
            order = order.then(match direction {
                Direction::Ascending => by_key,
                Direction::Descending => by_key.reverse(),
            });
        }
        order.then_with(|| b.created_at.cmp(&a.created_at)).then_with(|| a.id.cmp(&b.id))
    });
    Ok(())
}

type Compare = fn(&VolumeType, &VolumeType) -> Ordering;

fn compare(key: &str) -> Option<Compare> {
    let compare: Compare = match key {
        "id" => |a, b| a.id.cmp(&b.id),
        "name" => |a, b| a.name.cmp(&b.name),
        "created_at" => |a, b| a.created_at.cmp(&b.created_at),
        "updated_at" => |a, b| a.updated_at.cmp(&b.updated_at),
        "is_public" => |a, b| a.is_public.cmp(&b.is_public),
        "description" => |a, b| a.description.cmp(&b.description),
        _ => return None,
    };
    Some(compare)
}
