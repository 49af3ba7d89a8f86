//! Our own images, as a catalogue shows them.

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, stream};
use hatchery_model::id::ImageId;
use hatchery_model::image::{
    CatalogImage, CatalogState, ContentDigest, DigestAlgorithm, Image, ImageState,
};
use hatchery_model::page::Page;
use hatchery_ports::image_catalog::{CatalogError, ImageCatalog, ImageHint, ImageNews};
use hatchery_ports::store::{ImageFilter, Store, StoreError};
use std::sync::Arc;
use tokio::sync::broadcast;

/// Hints that a listener may lag behind; then it is told to look at everything.
const LAG: usize = 1024;

/// See the head of this file.
pub struct StoreCatalog {
    /// The database.
    pub store: Arc<dyn Store>,
}

#[async_trait]
impl ImageCatalog for StoreCatalog {
    async fn list(&self) -> Result<Vec<CatalogImage>, CatalogError> {
        let listed = async {
            let mut uow = self.store.read().await?;
            uow.images().list(&ImageFilter::default(), &Page::default()).await
        };
        let images = listed.await.map_err(|error| unavailable("list the images", error))?;
        Ok(images.iter().map(catalog_image).collect())
    }

    async fn find(&self, id: ImageId) -> Result<Option<CatalogImage>, CatalogError> {
        let found = async {
            let mut uow = self.store.read().await?;
            uow.images().find(id).await
        };
        let image = found.await.map_err(|error| unavailable("find an image", error))?;
        Ok(image.as_ref().map(catalog_image))
    }
}

fn unavailable(doing: &str, error: StoreError) -> CatalogError {
    CatalogError::Unavailable { doing: doing.to_owned(), source: Box::new(error) }
}

/// An image as its base's keeper has to know it.
pub fn catalog_image(image: &Image) -> CatalogImage {
    let content = image.content();
    CatalogImage {
        id: image.id,
        state: match image.state {
            // No file, so nothing to be linked.
            ImageState::Active(ref content) | ImageState::Deactivated(ref content)
                if content.location.is_some() || content.size.0 == 0 =>
            {
                CatalogState::Unfinished
            }
            ImageState::Active(_) => CatalogState::Active,
            ImageState::Deactivated(_) => CatalogState::Deactivated,
            ImageState::Queued | ImageState::Saving { .. } | ImageState::Arriving { .. } => {
                CatalogState::Unfinished
            }
            ImageState::Deleting => CatalogState::Going,
        },
        format: image.disk_format,
        size: content.map(|content| content.size),
        digest: content.map(|content| ContentDigest {
            algorithm: DigestAlgorithm::Sha512,
            hex: content.sha512.clone(),
        }),
        raw: content.and_then(|content| content.raw.clone()),
    }
}

/// Rung where an image changes its state, heard by whoever keeps bases.
#[derive(Clone, Debug)]
pub struct ImageBell(broadcast::Sender<ImageHint>);

impl Default for ImageBell {
    fn default() -> Self {
        Self(broadcast::Sender::new(LAG))
    }
}

impl ImageBell {
    /// Says that something may have changed. Nobody needs to listen.
    pub fn ring(&self, hint: ImageHint) {
        let _nobody_listens = self.0.send(hint);
    }
}

impl ImageNews for ImageBell {
    fn hints(&self) -> BoxStream<'static, ImageHint> {
        stream::unfold(self.0.subscribe(), |mut bell| async {
            match bell.recv().await {
                Ok(hint) => Some((hint, bell)),
                Err(broadcast::error::RecvError::Lagged(_)) => Some((ImageHint::Any, bell)),
                Err(broadcast::error::RecvError::Closed) => None,
            }
        })
        .boxed()
    }
}
