//! Domains.

use crate::rows::body;
use crate::unit_of_work::Transaction;
use crate::value::text;
use async_trait::async_trait;
use hatchery_model::id::DomainId;
use hatchery_model::identity::Domain;
use hatchery_ports::store::{Domains, StoreError};

const NOUN: &str = "domain";
const FIND: &str = "SELECT body FROM domains WHERE id = $1";
const FIND_BY_NAME: &str = "SELECT body FROM domains WHERE name = $1";
const LIST: &str = "SELECT body FROM domains ORDER BY name";
const INSERT: &str =
    "INSERT INTO domains (id, name, body) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
const UPDATE: &str = "UPDATE domains SET name = $2, body = $3 WHERE id = $1 \
    AND NOT EXISTS (SELECT 1 FROM domains other WHERE other.name = $2 AND other.id <> $1)";
const DELETE: &str = "DELETE FROM domains WHERE id = $1";

#[async_trait]
impl Domains for Transaction {
    async fn find(&mut self, id: &DomainId) -> Result<Option<Domain>, StoreError> {
        self.find_body(NOUN, FIND, vec![text(id)]).await
    }

    async fn find_by_name(&mut self, name: &str) -> Result<Option<Domain>, StoreError> {
        self.find_body(NOUN, FIND_BY_NAME, vec![text(name)]).await
    }

    async fn list(&mut self) -> Result<Vec<Domain>, StoreError> {
        self.list_bodies(NOUN, LIST, vec![]).await
    }

    async fn insert(&mut self, domain: &Domain) -> Result<(), StoreError> {
        let values = vec![text(&domain.id), text(&domain.name), body(NOUN, domain)?];
        self.change_one(NOUN, &domain.id, INSERT, values).await
    }

    async fn update(&mut self, domain: &Domain) -> Result<(), StoreError> {
        let values = vec![text(&domain.id), text(&domain.name), body(NOUN, domain)?];
        self.change_one(NOUN, &domain.id, UPDATE, values).await
    }

    async fn delete(&mut self, id: &DomainId) -> Result<bool, StoreError> {
        self.remove(NOUN, DELETE, vec![text(id)]).await
    }
}
