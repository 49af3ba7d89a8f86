//! Entries of image-volume caches.

use crate::rows::body;
use crate::select::Select;
use crate::unit_of_work::Transaction;
use crate::value::{Value, int, text};
use async_trait::async_trait;
use hatchery_model::id::VolumeId;
use hatchery_model::volume::{BackendName, ImageCacheEntry};
use hatchery_ports::store::{ImageCacheEntries, StoreError};

const NOUN: &str = "entry of an image-volume cache";
const FIND: &str = "SELECT body FROM image_cache_entries WHERE volume = $1";
const INSERT: &str = "INSERT INTO image_cache_entries (volume, generation, backend, body) \
    VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";
const UPDATE: &str = "UPDATE image_cache_entries SET generation = $2, backend = $3, body = $4 \
    WHERE volume = $1 AND generation = $2 - 1";
const DELETE: &str = "DELETE FROM image_cache_entries WHERE volume = $1";

fn values(entry: &ImageCacheEntry) -> Result<Vec<Value>, StoreError> {
    Ok(vec![text(entry.volume), int(entry.generation.0), text(&entry.backend), body(NOUN, entry)?])
}

#[async_trait]
impl ImageCacheEntries for Transaction {
    async fn find(&mut self, volume: VolumeId) -> Result<Option<ImageCacheEntry>, StoreError> {
        self.find_body(NOUN, FIND, vec![text(volume)]).await
    }

    async fn list(
        &mut self,
        backend: Option<&BackendName>,
    ) -> Result<Vec<ImageCacheEntry>, StoreError> {
        let mut select = Select::new("SELECT body FROM image_cache_entries");
        select.and_maybe("backend = ?", backend.map(text));
        select.end(" ORDER BY volume");
        let (sql, values) = select.finish();
        self.list_bodies(NOUN, sql, values).await
    }

    async fn insert(&mut self, entry: &ImageCacheEntry) -> Result<(), StoreError> {
        self.change_one(NOUN, entry.volume, INSERT, values(entry)?).await
    }

    async fn update(&mut self, entry: &ImageCacheEntry) -> Result<(), StoreError> {
        let next = ImageCacheEntry { generation: entry.generation.next(), ..entry.clone() };
        self.change_one(NOUN, entry.volume, UPDATE, values(&next)?).await
    }

    async fn delete(&mut self, volume: VolumeId) -> Result<bool, StoreError> {
        self.remove(NOUN, DELETE, vec![text(volume)]).await
    }
}
