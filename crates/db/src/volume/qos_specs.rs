//! Quality-of-service specs.

use crate::rows::body;
use crate::unit_of_work::Transaction;
use crate::value::text;
use async_trait::async_trait;
use hatchery_model::id::QosSpecsId;
use hatchery_model::volume::QosSpecs;
use hatchery_ports::store::{QosSpecsRows, StoreError};

const NOUN: &str = "QoS specs";
const FIND: &str = "SELECT body FROM qos_specs WHERE id = $1";
const LIST: &str = "SELECT body FROM qos_specs ORDER BY name";
const INSERT: &str =
    "INSERT INTO qos_specs (id, name, body) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
const UPDATE: &str = "UPDATE qos_specs SET body = $2 WHERE id = $1";
const DELETE: &str = "DELETE FROM qos_specs WHERE id = $1";

#[async_trait]
impl QosSpecsRows for Transaction {
    async fn find(&mut self, id: QosSpecsId) -> Result<Option<QosSpecs>, StoreError> {
        self.find_body(NOUN, FIND, vec![text(id)]).await
    }

    async fn list(&mut self) -> Result<Vec<QosSpecs>, StoreError> {
        self.list_bodies(NOUN, LIST, vec![]).await
    }

    async fn insert(&mut self, specs: &QosSpecs) -> Result<(), StoreError> {
        let values = vec![text(specs.id), text(&specs.name), body(NOUN, specs)?];
        self.change_one(NOUN, &specs.name, INSERT, values).await
    }

    async fn update(&mut self, specs: &QosSpecs) -> Result<(), StoreError> {
        let values = vec![text(specs.id), body(NOUN, specs)?];
        self.change_one(NOUN, &specs.name, UPDATE, values).await
    }

    async fn delete(&mut self, id: QosSpecsId) -> Result<bool, StoreError> {
        self.remove(NOUN, DELETE, vec![text(id)]).await
    }
}
