//! Key pairs.

use crate::rows::body;
use crate::select::{Select, Sorting};
use crate::unit_of_work::Transaction;
use crate::value::text;
use async_trait::async_trait;
use hatchery_model::compute::Keypair;
use hatchery_model::id::UserId;
use hatchery_model::page::{Direction, Page};
use hatchery_ports::store::{Keypairs, StoreError};

const NOUN: &str = "key pair";
const FIND: &str = "SELECT body FROM keypairs WHERE user_id = $1 AND name = $2";
const INSERT: &str =
    "INSERT INTO keypairs (user_id, name, body) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
const DELETE: &str = "DELETE FROM keypairs WHERE user_id = $1 AND name = $2";

const SORTING: Sorting = Sorting {
    table: "keypairs",
    keys: &[("name", "name")],
    default: ("name", Direction::Ascending),
    id: "name",
    scope: "user_id = $1 AND ",
};

#[async_trait]
impl Keypairs for Transaction {
    async fn find(&mut self, user: &UserId, name: &str) -> Result<Option<Keypair>, StoreError> {
        self.find_body(NOUN, FIND, vec![text(user), text(name)]).await
    }

    async fn list(&mut self, user: &UserId, page: &Page) -> Result<Vec<Keypair>, StoreError> {
        let mut select = Select::new("SELECT body FROM keypairs");
        select.and("user_id = ?", [text(user)]);
        select.page(&SORTING, page);
        let (sql, values) = select.finish();
        self.list_bodies(NOUN, sql, values).await
    }

    async fn insert(&mut self, keypair: &Keypair) -> Result<(), StoreError> {
        let values = vec![text(&keypair.user), text(&keypair.name), body(NOUN, keypair)?];
        self.change_one(NOUN, &keypair.name, INSERT, values).await
    }

    async fn delete(&mut self, user: &UserId, name: &str) -> Result<bool, StoreError> {
        self.remove(NOUN, DELETE, vec![text(user), text(name)]).await
    }
}
