//! Statements of a transaction, and nouns in their rows.
//!
//! A statement that fails or is cut off breaks its transaction: every later one, and the commit, is refused. A conflict is no
//! failure: the statement has run and changed nothing.

use crate::error::{conflict, corrupt, unavailable};
use crate::unit_of_work::Transaction;
use crate::value::{Value, arguments};
use hatchery_ports::store::StoreError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::any::{Any, AnyRow};
use sqlx::{Decode, Row, SqlSafeStr, Type};
use std::fmt::Display;

const BROKEN: &str = "an earlier statement of the transaction has failed or was cut off";

impl Transaction {
    /// Runs a statement; says how many rows it changed. `verb` and `noun` are for the error.
    pub(crate) async fn change(
        &mut self,
        verb: &str,
        noun: &str,
        sql: impl SqlSafeStr + Send,
        values: Vec<Value>,
    ) -> Result<u64, StoreError> {
        let arguments = arguments(values).map_err(|error| unavailable(verb, noun, error))?;
        let connection = self.lease.enter().ok_or_else(|| unavailable(verb, noun, BROKEN))?;
        self.counters.statement();
        let done = sqlx::query_with(sql, arguments)
            .execute(connection)
            .await
            .map_err(|error| unavailable(verb, noun, error))?;
        self.lease.leave();
        let changed = done.rows_affected();
        self.wrote |= changed > 0;
        Ok(changed)
    }

    /// What a `count(*)` says.
    pub(crate) async fn count_rows(
        &mut self,
        noun: &str,
        sql: &'static str,
    ) -> Result<u64, StoreError> {
        let row = self.row(noun, sql, Vec::new()).await?;
        let count: Option<i64> = row.map(|row| column(noun, &row, 0)).transpose()?;
        Ok(count.unwrap_or_default().unsigned_abs())
    }

    /// Runs a statement that gives rows.
    pub(crate) async fn rows(
        &mut self,
        verb: &str,
        noun: &str,
        sql: impl SqlSafeStr + Send,
        values: Vec<Value>,
    ) -> Result<Vec<AnyRow>, StoreError> {
        let arguments = arguments(values).map_err(|error| unavailable(verb, noun, error))?;
        let connection = self.lease.enter().ok_or_else(|| unavailable(verb, noun, BROKEN))?;
        self.counters.statement();
        let rows = sqlx::query_with(sql, arguments)
            .fetch_all(connection)
            .await
            .map_err(|error| unavailable(verb, noun, error))?;
        self.lease.leave();
        Ok(rows)
    }

    /// The first row, if there is one.
    pub(crate) async fn row(
        &mut self,
        noun: &str,
        sql: impl SqlSafeStr + Send,
        values: Vec<Value>,
    ) -> Result<Option<AnyRow>, StoreError> {
        let rows = self.rows("read", noun, sql, values).await?;
        Ok(rows.into_iter().next())
    }

    /// The noun whose body is the first column of the first row.
    pub(crate) async fn find_body<T: DeserializeOwned>(
        &mut self,
        noun: &str,
        sql: &'static str,
        values: Vec<Value>,
    ) -> Result<Option<T>, StoreError> {
        let row = self.row(noun, sql, values).await?;
        row.map(|row| body_of(noun, &row)).transpose()
    }

    /// The nouns whose bodies are the first column.
    pub(crate) async fn list_bodies<T: DeserializeOwned>(
        &mut self,
        noun: &str,
        sql: impl SqlSafeStr + Send,
        values: Vec<Value>,
    ) -> Result<Vec<T>, StoreError> {
        let rows = self.rows("read", noun, sql, values).await?;
        rows.iter().map(|row| body_of(noun, row)).collect()
    }

    /// Inserts or updates one row; `Conflict` if the statement changed none.
    pub(crate) async fn change_one(
        &mut self,
        noun: &str,
        id: impl Display + Send,
        sql: &'static str,
        values: Vec<Value>,
    ) -> Result<(), StoreError> {
        match self.change("write", noun, sql, values).await? {
            0 => Err(conflict(noun, id)),
            _ => Ok(()),
        }
    }

    /// Deletes; says whether something was there.
    pub(crate) async fn remove(
        &mut self,
        noun: &str,
        sql: &'static str,
        values: Vec<Value>,
    ) -> Result<bool, StoreError> {
        Ok(self.change("remove", noun, sql, values).await? > 0)
    }
}

/// A noun as the value of its `body`.
pub(crate) fn body<T: Serialize>(noun: &str, value: &T) -> Result<Value, StoreError> {
    serde_json::to_string(value)
        .map(Value::Text)
        .map_err(|error| corrupt(noun, "to be written", error))
}

fn body_of<T: DeserializeOwned>(noun: &str, row: &AnyRow) -> Result<T, StoreError> {
    parse(noun, &column::<String>(noun, row, 0)?)
}

/// A noun from the text of its `body`.
pub(crate) fn parse<T: DeserializeOwned>(noun: &str, text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| corrupt(noun, id_in(text), error))
}

/// A column of a row.
pub(crate) fn column<'r, T>(noun: &str, row: &'r AnyRow, index: usize) -> Result<T, StoreError>
where
    T: Decode<'r, Any> + Type<Any>,
{
    row.try_get(index).map_err(|error| corrupt(noun, format_args!("(column {index})"), error))
}

/// An unsigned quantity in a column.
pub(crate) fn number<T: TryFrom<i64>>(
    noun: &str,
    row: &AnyRow,
    index: usize,
) -> Result<T, StoreError>
where
    T::Error: std::error::Error + Send + Sync + 'static,
{
    let value: i64 = column(noun, row, index)?;
    T::try_from(value).map_err(|error| corrupt(noun, format_args!("(column {index})"), error))
}

/// The id in a body that cannot be read as its noun, for the error.
fn id_in(text: &str) -> String {
    let value: Option<serde_json::Value> = serde_json::from_str(text).ok();
    value
        .as_ref()
        .and_then(|value| value.get("id").or_else(|| value.get("name")))
        .and_then(serde_json::Value::as_str)
        .map_or_else(|| "without an id".to_owned(), str::to_owned)
}
