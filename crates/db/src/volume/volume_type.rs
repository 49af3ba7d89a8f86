//! Volume types.

use crate::rows::body;
use crate::unit_of_work::Transaction;
use crate::value::{Value, text};
use async_trait::async_trait;
use hatchery_model::id::VolumeTypeId;
use hatchery_model::volume::VolumeType;
use hatchery_ports::store::{StoreError, VolumeTypes};

const NOUN: &str = "volume type";
const FIND: &str = "SELECT body FROM volume_types WHERE id = $1";
const LIST: &str = "SELECT body FROM volume_types ORDER BY name";
const INSERT: &str =
    "INSERT INTO volume_types (id, name, body) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
const UPDATE: &str = "UPDATE volume_types SET name = $2, body = $3 WHERE id = $1 \
    AND NOT EXISTS (SELECT 1 FROM volume_types other WHERE other.name = $2 AND other.id <> $1)";
const DELETE: &str = "DELETE FROM volume_types WHERE id = $1";

fn values(volume_type: &VolumeType) -> Result<Vec<Value>, StoreError> {
    Ok(vec![text(volume_type.id), text(&volume_type.name), body(NOUN, volume_type)?])
}

#[async_trait]
impl VolumeTypes for Transaction {
    async fn find(&mut self, id: VolumeTypeId) -> Result<Option<VolumeType>, StoreError> {
        self.find_body(NOUN, FIND, vec![text(id)]).await
    }

    async fn list(&mut self) -> Result<Vec<VolumeType>, StoreError> {
        self.list_bodies(NOUN, LIST, vec![]).await
    }

    async fn insert(&mut self, volume_type: &VolumeType) -> Result<(), StoreError> {
        self.change_one(NOUN, &volume_type.name, INSERT, values(volume_type)?).await
    }

    async fn update(&mut self, volume_type: &VolumeType) -> Result<(), StoreError> {
        self.change_one(NOUN, &volume_type.name, UPDATE, values(volume_type)?).await
    }

    async fn delete(&mut self, id: VolumeTypeId) -> Result<bool, StoreError> {
        self.remove(NOUN, DELETE, vec![text(id)]).await
    }
}
