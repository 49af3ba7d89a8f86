//! Single values.

use crate::rows::column;
use crate::unit_of_work::Transaction;
use crate::value::text;
use async_trait::async_trait;
use hatchery_ports::store::{Settings, StoreError};

const NOUN: &str = "setting";
const FIND: &str = "SELECT value FROM settings WHERE name = $1";
const PUT: &str = "INSERT INTO settings (name, value) VALUES ($1, $2) \
    ON CONFLICT (name) DO UPDATE SET value = excluded.value";

#[async_trait]
impl Settings for Transaction {
    async fn find(&mut self, name: &str) -> Result<Option<String>, StoreError> {
        let row = self.row(NOUN, FIND, vec![text(name)]).await?;
        row.map(|row| column(NOUN, &row, 0)).transpose()
    }

    async fn put(&mut self, name: &str, value: &str) -> Result<(), StoreError> {
        self.change("write", NOUN, PUT, vec![text(name), text(value)]).await?;
        Ok(())
    }
}
