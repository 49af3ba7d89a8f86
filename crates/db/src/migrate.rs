//! Brings the schema up to date, all of it or nothing.

use crate::connection::{Lender, NotBegun};
use crate::dialect::Dialect;
use crate::error::OpenError;
use sqlx::{AnyConnection, Executor, Row};
use std::sync::Arc;

/// Brings the schema of a database up to date.
pub(crate) async fn migrate(lender: &Arc<Lender>, dialect: Dialect) -> Result<(), OpenError> {
    let mut lease = lender.begin().await.map_err(not_begun)?;
    let Some(connection) = lease.enter() else {
        return Err(not_begun(NotBegun::Busy));
    };
    let known = dialect.migrations();
    let found = version(connection, dialect)
        .await
        .map_err(OpenError::unavailable("read its schema's version"))?;
    match usize::try_from(found) {
        Ok(found) if found == known.len() => {}
        Ok(found) if found < known.len() => {
            apply(connection, &known[found..], known.len())
                .await
                .map_err(OpenError::unavailable("bring its schema up to date"))?;
        }
        Ok(_) | Err(_) => {
            return Err(OpenError::Unsupported {
                found,
                known: i64::try_from(known.len()).unwrap_or(i64::MAX),
            });
        }
    }
    lease.leave();
    lease.commit().await.map_err(OpenError::unavailable("bring its schema up to date"))
}

fn not_begun(error: NotBegun) -> OpenError {
    OpenError::Unavailable { doing: "connect", source: Box::new(error) }
}

/// The schema's version; 0 of an empty database.
async fn version(connection: &mut AnyConnection, dialect: Dialect) -> Result<i64, sqlx::Error> {
    let tables: i64 = connection.fetch_one(dialect.has_version_table()).await?.try_get(0)?;
    if tables == 0 {
        return Ok(0);
    }
    connection.fetch_one("SELECT version FROM hatchery_schema").await?.try_get(0)
}

async fn apply(
    connection: &mut AnyConnection,
    steps: &[&'static str],
    version: usize,
) -> Result<(), sqlx::Error> {
    for step in steps {
        connection.execute(sqlx::raw_sql(*step)).await?;
    }
    connection
        .execute("CREATE TABLE IF NOT EXISTS hatchery_schema (version BIGINT NOT NULL)")
        .await?;
    connection.execute("DELETE FROM hatchery_schema").await?;
    let version = i64::try_from(version).unwrap_or(i64::MAX);
    sqlx::query("INSERT INTO hatchery_schema (version) VALUES ($1)")
        .bind(version)
        .execute(connection)
        .await?;
    Ok(())
}
