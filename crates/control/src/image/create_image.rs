//! Creates an image: a name without bytes.

use super::change::Change;
use crate::error::Error;
use crate::policy;
use hatchery_model::caller::Caller;
use hatchery_model::generation::Generation;
use hatchery_model::id::{ImageId, ProjectId};
use hatchery_model::image::{Image, ImageState, Visibility};
use hatchery_model::timestamp::Timestamp;
use hatchery_ports::store::{Store, StoreError};
use std::collections::{BTreeMap, BTreeSet};

/// Inserts a queued image with what `changes` set. `Conflict` when the id is taken.
pub(super) async fn create_image(
    store: &dyn Store,
    now: Timestamp,
    caller: &Caller,
    id: ImageId,
    changes: Vec<Change>,
) -> Result<Image, Error> {
    let mut image = blank(id, owner(caller, &changes)?, now);
    for change in changes {
        change.apply(caller, &mut image)?;
    }
    let mut uow = store.begin().await?;
    match uow.images().insert(&image).await {
        Ok(()) => {}
        Err(StoreError::Conflict { .. }) => {
            return Err(Error::Conflict(format!(
                "An image with id {id} is there already; choose another id, or leave it out."
            )));
        }
        Err(error) => return Err(error.into()),
    }
    uow.commit().await?;
    Ok(image)
}

/// The project that will own the image: the one named, which must be the caller's own unless they are administrator.
fn owner(caller: &Caller, changes: &[Change]) -> Result<ProjectId, Error> {
    let named = changes.iter().find_map(|change| match change {
        Change::Owner(owner) => Some(owner),
        _ => None,
    });
    match named {
        Some(owner) if caller.is_admin() => Ok(owner.clone()),
        Some(owner) if caller.project() != Some(owner) => Err(Error::Denied(format!(
            "You are not permitted to create images owned by '{owner}'."
        ))),
        Some(_) | None => Ok(policy::writer_project(caller, "add_image")?.clone()),
    }
}

/// An image of which nothing has been said.
pub(super) fn blank(id: ImageId, owner: ProjectId, now: Timestamp) -> Image {
    Image {
        id,
        generation: Generation::FIRST,
        owner,
        name: None,
        state: ImageState::Queued,
        visibility: Visibility::Shared,
        hidden: false,
        protected: false,
        disk_format: None,
        container_format: None,
        min_disk_gib: 0,
        min_ram_mib: 0,
        tags: BTreeSet::new(),
        properties: BTreeMap::new(),
        created_at: now,
        updated_at: now,
    }
}
