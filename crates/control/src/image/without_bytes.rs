//! Images without bytes: what they are for stands in their properties, such as the snapshots of a server's volumes.

use super::create_image::blank;
use crate::error::Error;
use crate::policy;
use crate::volume::send::Writing;
use hatchery_model::caller::Caller;
use hatchery_model::id::ImageId;
use hatchery_model::image::{
    ContainerFormat, DiskFormat, Image, ImageContent, ImageFormat, ImageState, Inspection,
    Visibility,
};
use hatchery_model::units::Bytes;
use hatchery_ports::entropy::random_uuid;
use hatchery_ports::store::UnitOfWork;
use std::collections::BTreeMap;

/// The digests of nothing.
const MD5: &str = "d41d8cd98f00b204e9800998ecf8427e";
const SHA512: &str = "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e";

/// Inserts an active image, the caller's project's and private. `Denied`.
pub(crate) async fn insert(
    uow: &mut dyn UnitOfWork,
    writing: Writing<'_>,
    caller: &Caller,
    name: String,
    properties: BTreeMap<String, String>,
) -> Result<Image, Error> {
    let owner = policy::writer_project(caller, "add_image")?.clone();
    let content = ImageContent {
        size: Bytes(0),
        md5: MD5.to_owned(),
        sha512: SHA512.to_owned(),
        inspection: Inspection {
            format: ImageFormat::Raw,
            virtual_bytes: Bytes(0),
            inspector_version: 0,
        },
        raw: None,
        location: None,
    };
    let image = Image {
        name: Some(name),
        state: ImageState::Active(content),
        visibility: Visibility::Private,
        // What Nova declares.
        disk_format: Some(DiskFormat::Qcow2),
        container_format: Some(ContainerFormat::Bare),
        properties,
        ..blank(ImageId(random_uuid(writing.entropy)), owner, writing.now)
    };
    uow.images().insert(&image).await?;
    Ok(image)
}
