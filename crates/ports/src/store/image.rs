//! Glance's rows.

use super::StoreError;
use async_trait::async_trait;
use hatchery_model::id::{ImageId, ProjectId};
use hatchery_model::image::{Image, Visibility};
use hatchery_model::page::Page;
use hatchery_model::units::Bytes;
use std::collections::BTreeMap;

/// Which images.
#[derive(Clone, Debug, Default)]
pub struct ImageFilter {
    /// Those that this project sees in a listing: its own, and public ones. `None`: all.
    pub seen_by: Option<ProjectId>,
    /// Owned by this project.
    pub owner: Option<ProjectId>,
    /// With exactly this name.
    pub name: Option<String>,
    /// With one of these ids.
    pub ids: Option<Vec<ImageId>>,
    /// With this visibility.
    pub visibility: Option<Visibility>,
    /// With one of these states, by Glance's words: `queued`, `saving`, `active`, `deactivated`, `pending_delete`.
    pub statuses: Vec<&'static str>,
    /// Whose bytes have this length.
    pub size: Option<Bytes>,
    /// Whose raw form has this digest.
    pub raw_sha512: Option<String>,
    /// With all of these tags.
    pub tags: Vec<String>,
    /// With these properties.
    pub properties: BTreeMap<String, String>,
    /// Hidden ones (`Some(true)`), those that are not (`Some(false)`), or both.
    pub hidden: Option<bool>,
}

/// Images.
#[async_trait]
pub trait Images: Send {
    /// By id.
    async fn find(&mut self, id: ImageId) -> Result<Option<Image>, StoreError>;
    /// A page of those that fit. Sort keys: `name`, `created_at`, `updated_at`, `id`, `size`, `status`.
    async fn list(&mut self, filter: &ImageFilter, page: &Page) -> Result<Vec<Image>, StoreError>;
    /// A new one; `Conflict` when the id is taken.
    async fn insert(&mut self, image: &Image) -> Result<(), StoreError>;
    /// Replaces it, by compare-and-set on its generation. The row given has the generation read; the one stored the next.
    async fn update(&mut self, image: &Image) -> Result<(), StoreError>;
    /// Removes it.
    async fn delete(&mut self, id: ImageId) -> Result<bool, StoreError>;
}
