//! An image as a row.

use crate::rows::body;
use crate::value::{Value, int, maybe_quantity, maybe_text, text};
use hatchery_model::image::{Image, ImageState, Visibility};
use hatchery_ports::store::{ImageFilter, StoreError};

pub(super) const NOUN: &str = "image";

/// Values of the columns, in the order of the statements that write.
pub(super) fn values(image: &Image) -> Result<Vec<Value>, StoreError> {
    Ok(vec![
        text(image.id),
        int(image.generation.0),
        text(&image.owner),
        maybe_text(image.name.as_ref()),
        text(status(&image.state)),
        text(visibility(image.visibility)),
        int(image.hidden),
        maybe_quantity(image.content().map(|content| content.size.0)),
        int(image.created_at.0),
        int(image.updated_at.0),
        body(NOUN, image)?,
    ])
}

const fn status(state: &ImageState) -> &'static str {
    match state {
        ImageState::Queued => "queued",
        ImageState::Saving { .. } | ImageState::Arriving { .. } => "saving",
        ImageState::Active(_) => "active",
        ImageState::Deactivated(_) => "deactivated",
        ImageState::Deleting => "pending_delete",
    }
}

pub(super) const fn visibility(visibility: Visibility) -> &'static str {
    match visibility {
        Visibility::Public => "public",
        Visibility::Private => "private",
        Visibility::Shared => "shared",
        Visibility::Community => "community",
    }
}

/// Whether the image fits the part of the filter that no column holds.
pub(super) fn fits(filter: &ImageFilter, image: &Image) -> bool {
    let raw = image.content().and_then(|content| content.raw.as_ref());
    filter.raw_sha512.as_ref().is_none_or(|wanted| raw.is_some_and(|raw| raw.sha512 == *wanted))
        && filter.tags.iter().all(|tag| image.tags.contains(tag))
        && filter.properties.iter().all(|(name, value)| image.properties.get(name) == Some(value))
}
