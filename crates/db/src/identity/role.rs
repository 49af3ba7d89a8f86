//! Roles, and which implies which.

use crate::rows::{body, column};
use crate::unit_of_work::Transaction;
use crate::value::{Value, text};
use async_trait::async_trait;
use hatchery_model::id::RoleId;
use hatchery_model::identity::Role;
use hatchery_ports::store::{Roles, StoreError};

const NOUN: &str = "role";
const IMPLICATION: &str = "implication of role";
const FIND: &str = "SELECT body FROM roles WHERE id = $1";
const LIST: &str = "SELECT body FROM roles ORDER BY name, id";
const INSERT: &str = "INSERT INTO roles (id, domain, name, body) VALUES ($1, $2, $3, $4) \
    ON CONFLICT DO NOTHING";
const UPDATE: &str = "UPDATE roles SET domain = $2, name = $3, body = $4 WHERE id = $1 \
    AND NOT EXISTS (SELECT 1 FROM roles other WHERE other.domain = $2 AND other.name = $3 AND other.id <> $1)";
const DELETE: &str = "DELETE FROM roles WHERE id = $1";
const LIST_IMPLICATIONS: &str =
    "SELECT prior, implied FROM role_implications ORDER BY prior, implied";
const INSERT_IMPLICATION: &str = "INSERT INTO role_implications (prior, implied) VALUES ($1, $2) \
    ON CONFLICT DO NOTHING";
const DELETE_IMPLICATION: &str = "DELETE FROM role_implications WHERE prior = $1 AND implied = $2";
const DELETE_IMPLICATIONS_OF: &str =
    "DELETE FROM role_implications WHERE prior = $1 OR implied = $1";

fn values(role: &Role) -> Result<Vec<Value>, StoreError> {
    // A global role stands under the empty domain: NULLs would all be different for the unique index.
    let domain = role.domain.as_ref().map_or("", |domain| domain.as_str());
    Ok(vec![text(&role.id), text(domain), text(&role.name), body(NOUN, role)?])
}

#[async_trait]
impl Roles for Transaction {
    async fn find(&mut self, id: &RoleId) -> Result<Option<Role>, StoreError> {
        self.find_body(NOUN, FIND, vec![text(id)]).await
    }

    async fn list(&mut self) -> Result<Vec<Role>, StoreError> {
        self.list_bodies(NOUN, LIST, vec![]).await
    }

    async fn insert(&mut self, role: &Role) -> Result<(), StoreError> {
        self.change_one(NOUN, &role.id, INSERT, values(role)?).await
    }

    async fn update(&mut self, role: &Role) -> Result<(), StoreError> {
        self.change_one(NOUN, &role.id, UPDATE, values(role)?).await
    }

    async fn delete(&mut self, id: &RoleId) -> Result<bool, StoreError> {
        self.remove(IMPLICATION, DELETE_IMPLICATIONS_OF, vec![text(id)]).await?;
        self.remove(NOUN, DELETE, vec![text(id)]).await
    }

    async fn list_implications(&mut self) -> Result<Vec<(RoleId, RoleId)>, StoreError> {
        let rows = self.rows("read", IMPLICATION, LIST_IMPLICATIONS, vec![]).await?;
        rows.iter()
            .map(|row| {
                Ok((RoleId(column(IMPLICATION, row, 0)?), RoleId(column(IMPLICATION, row, 1)?)))
            })
            .collect()
    }

    async fn insert_implication(&mut self, of: &RoleId, what: &RoleId) -> Result<(), StoreError> {
        let values = vec![text(of), text(what)];
        self.change("write", IMPLICATION, INSERT_IMPLICATION, values).await?;
        Ok(())
    }

    async fn delete_implication(&mut self, of: &RoleId, what: &RoleId) -> Result<bool, StoreError> {
        let values = vec![text(of), text(what)];
        self.remove(IMPLICATION, DELETE_IMPLICATION, values).await
    }
}
