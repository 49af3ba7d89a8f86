//! Images whose bytes an agent brings: of a volume, in the transaction of whoever orders that or takes the answer.
//!
//! The row has the name of the bytes from the first moment on, so that nobody else gives the image others. Once they have arrived, a task gives
//! them the image's name ([`SealImage`](super::SealImage)); where they do not come, the image goes.

use super::create_image::blank;
use crate::error::Error;
use crate::policy;
use crate::volume::send::Writing;
use hatchery_model::caller::Caller;
use hatchery_model::generation::Generation;
use hatchery_model::id::{ImageId, TaskId};
use hatchery_model::image::{
    ContainerFormat, DiskFormat, Image, ImageContent, ImageState, Visibility,
};
use hatchery_model::task::{Task, Work};
use hatchery_ports::entropy::random_uuid;
use hatchery_ports::store::UnitOfWork;
use std::collections::BTreeMap;

/// An image that is going to get bytes.
pub(crate) struct NewArriving {
    pub(crate) name: String,
    pub(crate) format: DiskFormat,
    pub(crate) visibility: Visibility,
    pub(crate) protected: bool,
    /// The smallest disk, in GiB, and memory, in MiB, of servers that it is for.
    pub(crate) least: (u64, u64),
    pub(crate) properties: BTreeMap<String, String>,
}

/// Inserts the image, the caller's project's, and gives it with the name that its bytes are to have. `Denied`.
pub(crate) async fn begin(
    uow: &mut dyn UnitOfWork,
    writing: Writing<'_>,
    caller: &Caller,
    new: NewArriving,
) -> Result<(Image, String), Error> {
    let owner = policy::writer_project(caller, "add_image")?.clone();
    if new.visibility == Visibility::Public {
        policy::admin(caller, "publicize_image")?;
    }
    let id = ImageId(random_uuid(writing.entropy));
    let upload = super::attempt_of(id, writing.entropy);
    let image = Image {
        name: Some(new.name),
        state: ImageState::Arriving { upload: upload.clone(), content: None },
        visibility: new.visibility,
        protected: new.protected,
        disk_format: Some(new.format),
        container_format: Some(ContainerFormat::Bare),
        min_disk_gib: new.least.0,
        min_ram_mib: new.least.1,
        properties: new.properties,
        ..blank(id, owner, writing.now)
    };
    uow.images().insert(&image).await?;
    Ok((image, upload))
}

/// All bytes are in the store under this name: the image that waits for them gets them, or nobody does. Hearing it again changes nothing.
pub(crate) async fn arrived(
    uow: &mut dyn UnitOfWork,
    writing: Writing<'_>,
    (id, upload): (ImageId, &str),
    content: &ImageContent,
) -> Result<(), Error> {
    let row = uow.images().find(id).await?;
    let Some(mut image) = row.filter(|image| waits_for(&image.state, upload)) else {
        return promise(uow, writing, Work::DiscardUpload(id, upload.to_owned())).await;
    };
    if matches!(image.state, ImageState::Arriving { content: Some(_), .. }) {
        return Ok(());
    }
    let content = Some(Box::new(content.clone()));
    image.state = ImageState::Arriving { upload: upload.to_owned(), content };
    image.updated_at = writing.now;
    uow.images().update(&image).await?;
    promise(uow, writing, Work::SealImage(id)).await
}

/// The bytes do not come: an image that still waits for them goes, protected or not.
pub(crate) async fn given_up(
    uow: &mut dyn UnitOfWork,
    writing: Writing<'_>,
    id: ImageId,
) -> Result<(), Error> {
    let row = uow.images().find(id).await?;
    let waits = |image: &Image| matches!(image.state, ImageState::Arriving { .. });
    let Some(mut image) = row.filter(waits) else { return Ok(()) };
    image.state = ImageState::Deleting;
    image.updated_at = writing.now;
    uow.images().update(&image).await?;
    promise(uow, writing, Work::DeleteImage(id)).await
}

/// Whether the image is to get the bytes of this name.
pub(super) fn waits_for(state: &ImageState, name: &str) -> bool {
    matches!(state, ImageState::Arriving { upload, .. } if upload == name)
}

async fn promise(uow: &mut dyn UnitOfWork, writing: Writing<'_>, work: Work) -> Result<(), Error> {
    if uow.tasks().find_by_work(&work).await?.is_some() {
        return Ok(());
    }
    let task = Task {
        id: TaskId(random_uuid(writing.entropy)),
        generation: Generation::FIRST,
        work,
        request: writing.request.clone(),
        attempts: 0,
        due_at: writing.now,
        created_at: writing.now,
    };
    Ok(uow.tasks().insert(&task).await?)
}
