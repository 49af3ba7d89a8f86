//! Users.

use crate::rows::body;
use crate::select::Select;
use crate::unit_of_work::Transaction;
use crate::value::{Value, text};
use async_trait::async_trait;
use hatchery_model::id::{DomainId, UserId};
use hatchery_model::identity::User;
use hatchery_ports::store::{StoreError, UserFilter, Users};

const NOUN: &str = "user";
const FIND: &str = "SELECT body FROM users WHERE id = $1";
const FIND_BY_NAME: &str = "SELECT body FROM users WHERE domain = $1 AND name = $2";
const INSERT: &str = "INSERT INTO users (id, domain, name, body) VALUES ($1, $2, $3, $4) \
    ON CONFLICT DO NOTHING";
const UPDATE: &str = "UPDATE users SET domain = $2, name = $3, body = $4 WHERE id = $1 \
    AND NOT EXISTS (SELECT 1 FROM users other WHERE other.domain = $2 AND other.name = $3 AND other.id <> $1)";
const DELETE: &str = "DELETE FROM users WHERE id = $1";

fn values(user: &User) -> Result<Vec<Value>, StoreError> {
    Ok(vec![text(&user.id), text(&user.domain), text(&user.name), body(NOUN, user)?])
}

#[async_trait]
impl Users for Transaction {
    async fn find(&mut self, id: &UserId) -> Result<Option<User>, StoreError> {
        self.find_body(NOUN, FIND, vec![text(id)]).await
    }

    async fn find_by_name(
        &mut self,
        domain: &DomainId,
        name: &str,
    ) -> Result<Option<User>, StoreError> {
        let values = vec![text(domain), text(name)];
        self.find_body(NOUN, FIND_BY_NAME, values).await
    }

    async fn list(&mut self, filter: &UserFilter) -> Result<Vec<User>, StoreError> {
        let mut select = Select::new("SELECT body FROM users");
        select.and_maybe("domain = ?", filter.domain.as_ref().map(text));
        select.and_maybe("name = ?", filter.name.as_ref().map(text));
        select.end(" ORDER BY name, id");
        let (sql, values) = select.finish();
        self.list_bodies(NOUN, sql, values).await
    }

    async fn insert(&mut self, user: &User) -> Result<(), StoreError> {
        self.change_one(NOUN, &user.id, INSERT, values(user)?).await
    }

    async fn update(&mut self, user: &User) -> Result<(), StoreError> {
        self.change_one(NOUN, &user.id, UPDATE, values(user)?).await
    }

    async fn delete(&mut self, id: &UserId) -> Result<bool, StoreError> {
        self.remove(NOUN, DELETE, vec![text(id)]).await
    }
}
