//! Glance's nouns.

mod catalog_image;
mod content_digest;
mod format;
mod image_record;
mod inspection;

pub use catalog_image::{CatalogImage, CatalogState, RawForm};
pub use content_digest::{ContentDigest, DigestAlgorithm};
pub use format::{ContainerFormat, DiskFormat, ImageFormat};
pub use image_record::{Image, ImageContent, ImageState, Visibility};
pub use inspection::Inspection;
