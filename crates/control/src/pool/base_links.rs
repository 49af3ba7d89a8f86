//! Bases around an image's two great moments: when it becomes active it is linked before its upload is answered, and before its bytes go,
//! whoever holds its base is sure to have a name of it.

use super::catalog::{ImageBell, catalog_image};
use crate::error::Error;
use hatchery_model::id::ImageId;
use hatchery_model::image::{CatalogImage, CatalogState, Image};
use hatchery_ports::base_pool::BasePool;
use hatchery_ports::image_catalog::ImageHint;
use hatchery_ports::store::Store;
use std::sync::Arc;

/// See the head of this file. Without a pool (the default) it does nothing.
#[derive(Clone, Default)]
pub struct BaseLinks(Option<(Arc<dyn BasePool>, ImageBell)>);

impl BaseLinks {
    /// Over a pool, with the bell that its keeper listens to.
    pub fn new(pool: Arc<dyn BasePool>, bell: ImageBell) -> Self {
        Self(Some((pool, bell)))
    }

    /// The image is active by now: its names are made. What fails here is made up for by the keeper.
    pub async fn activated(&self, image: &Image) {
        let Some((pool, bell)) = &self.0 else {
            return;
        };
        self.link(pool.as_ref(), &catalog_image(image)).await;
        bell.ring(ImageHint::Image(image.id));
    }

    async fn link(&self, pool: &dyn BasePool, image: &CatalogImage) {
        match pool.link(image).await {
            Ok(report) => super::deeds::tell(&report.deeds),
            Err(error) => tracing::warn!(
                image.id = %image.id, error = &error as &dyn std::error::Error,
                "an image could not be linked at once; the next pass tries again"
            ),
        }
    }

    /// The image is going and its bytes are about to: where somebody holds its base, its names are made if they are not there.
    pub async fn before_delete(&self, store: &dyn Store, id: ImageId) -> Result<(), Error> {
        let Some((pool, _)) = &self.0 else {
            return Ok(());
        };
        let mut uow = store.read().await?;
        let held = !uow.leases().list(Some(id)).await?.is_empty();
        let image = if held { uow.images().find(id).await? } else { None };
        drop(uow);
        if let Some(image) = image {
            // The bytes are whole, though the row does not say so any more: what is not known of them is not compared.
            let image = CatalogImage { state: CatalogState::Active, ..catalog_image(&image) };
            self.link(pool.as_ref(), &image).await;
        }
        Ok(())
    }

    /// The image is gone: its names may be, too.
    pub fn gone(&self, id: ImageId) {
        if let Some((_, bell)) = &self.0 {
            bell.ring(ImageHint::Image(id));
        }
    }

    /// A base has a holder less.
    pub fn let_go(&self) {
        if let Some((_, bell)) = &self.0 {
            bell.ring(ImageHint::Any);
        }
    }
}
