//! A pool of real files, and a catalogue of what was put into it.

use async_trait::async_trait;
use hatchery_model::id::ImageId;
use hatchery_model::image::{
    CatalogImage, CatalogState, ContentDigest, DigestAlgorithm, DiskFormat,
};
use hatchery_model::units::Bytes;
use hatchery_ports::clock::Clock;
use hatchery_ports::image_catalog::{CatalogError, ImageCatalog};
use hatchery_storage::{FileOwner, FilePool, PoolSettings};
use sha2::{Digest, Sha512};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// See the head of this file.
pub struct PoolFolders {
    folder: PathBuf,
    images: Mutex<Vec<CatalogImage>>,
}

impl PoolFolders {
    pub fn new(folder: &Path) -> Self {
        fs::create_dir(folder.join("images")).unwrap();
        Self { folder: folder.to_owned(), images: Mutex::default() }
    }

    pub fn cache(&self) -> PathBuf {
        self.folder.join("imagecache")
    }

    pub fn open(&self, clock: Arc<dyn Clock>) -> FilePool {
        let images = self.folder.join("images");
        let settings = PoolSettings::new(images, self.cache(), FileOwner::process());
        FilePool::open(settings, clock).unwrap()
    }

    /// A raw image.
    pub fn put(&self, id: ImageId, bytes: &[u8]) {
        fs::write(self.folder.join("images").join(id.to_string()), bytes).unwrap();
        let hex = Sha512::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        self.images.lock().unwrap().push(CatalogImage {
            id,
            state: CatalogState::Active,
            format: Some(DiskFormat::Raw),
            size: Some(Bytes(bytes.len() as u64)),
            digest: Some(ContentDigest { algorithm: DigestAlgorithm::Sha512, hex }),
            raw: None,
        });
    }
}

#[async_trait]
impl ImageCatalog for PoolFolders {
    async fn list(&self) -> Result<Vec<CatalogImage>, CatalogError> {
        Ok(self.images.lock().unwrap().clone())
    }

    async fn find(&self, id: ImageId) -> Result<Option<CatalogImage>, CatalogError> {
        Ok(self.list().await?.into_iter().find(|image| image.id == id))
    }
}
