//! Flavors.

use crate::rows::body;
use crate::unit_of_work::Transaction;
use crate::value::text;
use async_trait::async_trait;
use hatchery_model::compute::Flavor;
use hatchery_model::id::FlavorId;
use hatchery_ports::store::{Flavors, StoreError};

const NOUN: &str = "flavor";
const FIND: &str = "SELECT body FROM flavors WHERE id = $1";
const LIST: &str = "SELECT body FROM flavors ORDER BY id";
const INSERT: &str =
    "INSERT INTO flavors (id, name, body) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
const UPDATE: &str = "UPDATE flavors SET name = $2, body = $3 WHERE id = $1 \
    AND NOT EXISTS (SELECT 1 FROM flavors other WHERE other.name = $2 AND other.id <> $1)";
const DELETE: &str = "DELETE FROM flavors WHERE id = $1";

#[async_trait]
impl Flavors for Transaction {
    async fn find(&mut self, id: &FlavorId) -> Result<Option<Flavor>, StoreError> {
        self.find_body(NOUN, FIND, vec![text(id)]).await
    }

    async fn list(&mut self) -> Result<Vec<Flavor>, StoreError> {
        self.list_bodies(NOUN, LIST, vec![]).await
    }

    async fn insert(&mut self, flavor: &Flavor) -> Result<(), StoreError> {
        let values = vec![text(&flavor.id), text(&flavor.name), body(NOUN, flavor)?];
        self.change_one(NOUN, &flavor.id, INSERT, values).await
    }

    async fn update(&mut self, flavor: &Flavor) -> Result<(), StoreError> {
        let values = vec![text(&flavor.id), text(&flavor.name), body(NOUN, flavor)?];
        self.change_one(NOUN, &flavor.id, UPDATE, values).await
    }

    async fn delete(&mut self, id: &FlavorId) -> Result<bool, StoreError> {
        self.remove(NOUN, DELETE, vec![text(id)]).await
    }
}
