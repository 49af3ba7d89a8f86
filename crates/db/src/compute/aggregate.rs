//! Aggregates. The number of one stands in its column alone, where the engine gives it.

use crate::error::conflict;
use crate::rows::{body, column, number, parse};
use crate::unit_of_work::Transaction;
use crate::value::{Value, int, quantity, text};
use async_trait::async_trait;
use hatchery_model::compute::Aggregate;
use hatchery_ports::store::{Aggregates, StoreError};
use sqlx::any::AnyRow;

const NOUN: &str = "aggregate";
const FIND: &str = "SELECT number, body FROM aggregates WHERE number = $1";
const LIST: &str = "SELECT number, body FROM aggregates ORDER BY number";
const INSERT: &str = "INSERT INTO aggregates (uuid, generation, name, body) VALUES ($1, $2, $3, $4) \
    ON CONFLICT DO NOTHING RETURNING number";
const UPDATE: &str = "UPDATE aggregates SET generation = $2, name = $3, body = $4 \
    WHERE uuid = $1 AND generation = $2 - 1 \
    AND NOT EXISTS (SELECT 1 FROM aggregates other WHERE other.name = $3 AND other.uuid <> $1)";
const DELETE: &str = "DELETE FROM aggregates WHERE number = $1";

fn values(aggregate: &Aggregate) -> Result<Vec<Value>, StoreError> {
    Ok(vec![
        text(aggregate.uuid),
        int(aggregate.generation.0),
        text(&aggregate.name),
        body(NOUN, aggregate)?,
    ])
}

/// From the columns with its number and its body.
pub(crate) fn from_row(
    row: &AnyRow,
    number_at: usize,
    body_at: usize,
) -> Result<Aggregate, StoreError> {
    let aggregate: Aggregate = parse(NOUN, &column::<String>(NOUN, row, body_at)?)?;
    Ok(Aggregate { number: number(NOUN, row, number_at)?, ..aggregate })
}

#[async_trait]
impl Aggregates for Transaction {
    async fn find(&mut self, number: u64) -> Result<Option<Aggregate>, StoreError> {
        let row = self.row(NOUN, FIND, vec![quantity(number)]).await?;
        row.as_ref().map(|row| from_row(row, 0, 1)).transpose()
    }

    async fn list(&mut self) -> Result<Vec<Aggregate>, StoreError> {
        let rows = self.rows("read", NOUN, LIST, vec![]).await?;
        rows.iter().map(|row| from_row(row, 0, 1)).collect()
    }

    async fn insert(&mut self, aggregate: Aggregate) -> Result<Aggregate, StoreError> {
        let rows = self.rows("write", NOUN, INSERT, values(&aggregate)?).await?;
        let row = rows.first().ok_or_else(|| conflict(NOUN, &aggregate.name))?;
        self.wrote = true;
        Ok(Aggregate { number: number(NOUN, row, 0)?, ..aggregate })
    }

    async fn update(&mut self, aggregate: &Aggregate) -> Result<(), StoreError> {
        let next = Aggregate { generation: aggregate.generation.next(), ..aggregate.clone() };
        self.change_one(NOUN, &aggregate.name, UPDATE, values(&next)?).await
    }

    async fn delete(&mut self, number: u64) -> Result<bool, StoreError> {
        self.remove(NOUN, DELETE, vec![quantity(number)]).await
    }
}
