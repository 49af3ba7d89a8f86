//! Which images there are, and how far each has come: our own image service's, or an existing Glance's.
//!
//! Contract. Called by whoever keeps a pool of bases, at an interval and at each hint. `list` is all or an error: a page that did not come, a
//! token that was refused, a service that is away is never an answer with fewer images in it, because absence is what lets a base go.
//! What is said of an active image's bytes never changes.

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use hatchery_model::id::ImageId;
use hatchery_model::image::CatalogImage;

/// Why the catalogue gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// It does not let us ask. The text says what to do.
    #[error("{0}")]
    Denied(String),
    /// It does not answer, or with something that cannot be understood. May pass.
    #[error("the image catalogue cannot {doing}")]
    Unavailable {
        /// What was being done.
        doing: String,
        /// Why not.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// See the head of this file.
#[async_trait]
pub trait ImageCatalog: Send + Sync {
    /// Every image of every project, whatever its state and visibility.
    async fn list(&self) -> Result<Vec<CatalogImage>, CatalogError>;

    /// One image, as it is now. `None`: there is none.
    async fn find(&self, id: ImageId) -> Result<Option<CatalogImage>, CatalogError>;
}

/// Something may have changed: look. Hints may be lost, doubled and late; the pass at an interval makes up for it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ImageHint {
    /// This image.
    Image(ImageId),
    /// Any.
    Any,
}

/// Whoever hears of images. A stream that ends has ended for good; one whose source is away waits and goes on.
pub trait ImageNews: Send + Sync {
    /// The hints from now on.
    fn hints(&self) -> BoxStream<'static, ImageHint>;
}
