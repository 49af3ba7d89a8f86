//! Shows and lists types of groups.

use super::{GroupTypeVerbs, KIND, visible};
use crate::error::Error;
use crate::policy;
use hatchery_model::caller::Caller;
use hatchery_model::id::GroupTypeId;
use hatchery_model::page::{Direction, Page};
use hatchery_model::volume::GroupType;
use std::cmp::Ordering;

impl GroupTypeVerbs {
    /// One type. `NotFound` also when the caller may not use it.
    pub async fn show(&self, caller: &Caller, id: GroupTypeId) -> Result<GroupType, Error> {
        policy::reader_project(caller, "group:group_types:get")?;
        let mut uow = self.store.read().await?;
        visible(&mut *uow, caller, id).await
    }

    /// A page of types, after `offset` of them, newest first unless sorted (`name`, `created_at`, `id`). Whoever is no administrator sees the
    /// public ones; an administrator those, or the others, or all (`None`). `NotFound` for an unknown marker.
    pub async fn list(
        &self,
        caller: &Caller,
        is_public: Option<bool>,
        (page, offset): (&Page, usize),
    ) -> Result<Vec<GroupType>, Error> {
        policy::reader_project(caller, "group:group_types:get")?;
        let is_public = if caller.is_admin() { is_public } else { Some(true) };
        let mut types = self.store.read().await?.group_types().list().await?;
        types.retain(|one| is_public.is_none_or(|wanted| one.is_public == wanted));
        types.sort_by(|a, b| compare(a, b, page));
        if let Some(marker) = &page.marker {
            let place = types.iter().position(|one| one.id.to_string() == *marker);
            types.drain(..=place.ok_or_else(|| Error::not_found(KIND, marker))?);
        }
        types.drain(..offset.min(types.len()));
        if let Some(limit) = page.limit {
            types.truncate(limit as usize);
        }
        Ok(types)
    }
}

fn compare(a: &GroupType, b: &GroupType, page: &Page) -> Ordering {
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
