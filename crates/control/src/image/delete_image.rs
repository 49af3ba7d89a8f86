//! Promises that an image goes: the row says so, and a task sees to it.

use super::access::changeable;
use crate::error::Error;
use hatchery_model::caller::Caller;
use hatchery_model::generation::Generation;
use hatchery_model::id::{ImageId, TaskId};
use hatchery_model::image::ImageState;
use hatchery_model::task::{Task, Work};
use hatchery_model::timestamp::Timestamp;
use hatchery_ports::entropy::{Entropy, random_uuid};
use hatchery_ports::store::Store;

/// Until the task runner looks at the deletion, which the request itself finishes in the usual case.
const GRACE_SECONDS: i64 = 30;

/// Marks the image as going, with the task that makes it so. `Denied` for a protected one. Servers that were made from it
/// keep what they have.
pub(super) async fn delete_image(
    store: &dyn Store,
    entropy: &dyn Entropy,
    now: Timestamp,
    caller: &Caller,
    id: ImageId,
) -> Result<(), Error> {
    let mut uow = store.begin().await?;
    let mut image = changeable(&mut *uow, caller, id, "delete_image").await?;
    if image.protected {
        return Err(Error::Denied(format!(
            "Image {id} is protected and cannot be deleted; set protected to false first."
        )));
    }
    image.state = ImageState::Deleting;
    image.updated_at = now;
    uow.images().update(&image).await?;
    let task = Task {
        id: TaskId(random_uuid(entropy)),
        generation: Generation::FIRST,
        work: Work::DeleteImage(id),
        request: caller.request.clone(),
        attempts: 0,
        due_at: now.plus_seconds(GRACE_SECONDS),
        created_at: now,
    };
    uow.tasks().insert(&task).await?;
    uow.commit().await?;
    Ok(())
}
