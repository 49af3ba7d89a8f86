//! Messages that are to be sent. Places grow in the order of the commits, because one transaction writes at a time.

use crate::error::conflict;
use crate::rows::{body, column, parse};
use crate::select::Select;
use crate::unit_of_work::Transaction;
use crate::value::{int, text};
use async_trait::async_trait;
use hatchery_model::id::MessageId;
use hatchery_model::message::Envelope;
use hatchery_ports::store::{Outbox, StoreError};

const NOUN: &str = "message";
const INSERT: &str =
    "INSERT INTO outbox (id, body) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING RETURNING place";
const COUNT: &str = "SELECT count(*) FROM outbox";
const LIST: &str = "SELECT place, body FROM outbox WHERE place > $1 ORDER BY place LIMIT $2";

/// Ids in one statement: one of the few texts that its statement can have is kept prepared.
const BATCH: usize = 64;

#[async_trait]
impl Outbox for Transaction {
    async fn insert(&mut self, envelope: &Envelope) -> Result<i64, StoreError> {
        let values = vec![text(envelope.id), body(NOUN, envelope)?];
        let rows = self.rows("write", NOUN, INSERT, values).await?;
        let row = rows.first().ok_or_else(|| conflict(NOUN, envelope.id))?;
        self.wrote = true;
        column(NOUN, row, 0)
    }

    async fn list(&mut self, after: i64, limit: u32) -> Result<Vec<(i64, Envelope)>, StoreError> {
        let rows = self.rows("read", NOUN, LIST, vec![int(after), int(limit)]).await?;
        rows.iter()
            .map(|row| Ok((column(NOUN, row, 0)?, parse(NOUN, &column::<String>(NOUN, row, 1)?)?)))
            .collect()
    }

    async fn count(&mut self) -> Result<u64, StoreError> {
        self.count_rows(NOUN, COUNT).await
    }

    async fn delete(&mut self, ids: &[MessageId]) -> Result<(), StoreError> {
        for ids in ids.chunks(BATCH) {
            let mut select = Select::new("DELETE FROM outbox");
            select.and_one_of("id", ids.iter().map(text).collect());
            let (sql, values) = select.finish();
            self.change("remove", NOUN, sql, values).await?;
        }
        Ok(())
    }
}
