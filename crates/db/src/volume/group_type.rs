//! Types of groups of volumes.

use crate::rows::body;
use crate::unit_of_work::Transaction;
use crate::value::{Value, text};
use async_trait::async_trait;
use hatchery_model::id::GroupTypeId;
use hatchery_model::volume::GroupType;
use hatchery_ports::store::{GroupTypes, StoreError};

const NOUN: &str = "group type";
const FIND: &str = "SELECT body FROM group_types WHERE id = $1";
const LIST: &str = "SELECT body FROM group_types ORDER BY name";
const INSERT: &str =
    "INSERT INTO group_types (id, name, body) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
const UPDATE: &str = "UPDATE group_types SET name = $2, body = $3 WHERE id = $1 \
    AND NOT EXISTS (SELECT 1 FROM group_types other WHERE other.name = $2 AND other.id <> $1)";
const DELETE: &str = "DELETE FROM group_types WHERE id = $1";

fn values(group_type: &GroupType) -> Result<Vec<Value>, StoreError> {
    Ok(vec![text(group_type.id), text(&group_type.name), body(NOUN, group_type)?])
}

#[async_trait]
impl GroupTypes for Transaction {
    async fn find(&mut self, id: GroupTypeId) -> Result<Option<GroupType>, StoreError> {
        self.find_body(NOUN, FIND, vec![text(id)]).await
    }

    async fn list(&mut self) -> Result<Vec<GroupType>, StoreError> {
        self.list_bodies(NOUN, LIST, vec![]).await
    }

    async fn insert(&mut self, group_type: &GroupType) -> Result<(), StoreError> {
        self.change_one(NOUN, &group_type.name, INSERT, values(group_type)?).await
    }

    async fn update(&mut self, group_type: &GroupType) -> Result<(), StoreError> {
        self.change_one(NOUN, &group_type.name, UPDATE, values(group_type)?).await
    }

    async fn delete(&mut self, id: GroupTypeId) -> Result<bool, StoreError> {
        self.remove(NOUN, DELETE, vec![text(id)]).await
    }
}
