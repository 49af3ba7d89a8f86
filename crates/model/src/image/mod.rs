//! Glance's nouns.

mod format;
mod image_record;
mod inspection;

pub use format::{ContainerFormat, DiskFormat, ImageFormat};
pub use image_record::{Image, ImageContent, ImageState, Visibility};
pub use inspection::Inspection;
