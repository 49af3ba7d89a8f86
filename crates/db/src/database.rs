//! The database: opened once, cloned freely.

use crate::connection::Lender;
use crate::dialect::{Role, Target};
use crate::error::{OpenError, unavailable};
use crate::figures::{Counters, Figures};
use crate::migrate::migrate;
use crate::unit_of_work::Transaction;
use async_trait::async_trait;
use hatchery_ports::store::{Store, StoreError, UnitOfWork};
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::sync::Arc;

/// Connections for reading. Each costs a thread and half a mebibyte on SQLite.
const READERS: usize = 4;

/// A SQLite file or a PostgreSQL database.
#[derive(Clone)]
pub struct Database {
    writer: Arc<Lender>,
    readers: Arc<Lender>,
    counters: Arc<Counters>,
}

impl Database {
    /// Opens `sqlite:PATH` (made, with mode 0600, if it is not there) or `postgres://...`, and brings its schema up to
    /// date. Must be called, and the database used, in a tokio runtime.
    pub async fn open(url: &str) -> Result<Self, OpenError> {
        sqlx::any::install_default_drivers();
        let target = Target::parse(url)?;
        if let Some(file) = &target.file {
            // Tokens' keys and passwords' hashes stand in it.
            OpenOptions::new().create(true).append(true).mode(0o600).open(file).map_err(
                |error| OpenError::Unavailable { doing: "make the file", source: Box::new(error) },
            )?;
        }
        let dialect = target.dialect;
        let writer = Lender::new(target.clone(), Role::Writer, 1);
        let readers = Lender::new(target, Role::Reader, READERS);
        migrate(&writer, dialect).await?;
        readers.warm().await?;
        Ok(Self { writer, readers, counters: Arc::default() })
    }

    /// What it has been asked to do since it was opened.
    pub fn figures(&self) -> Figures {
        self.counters.read()
    }

    async fn transaction(&self, lender: &Arc<Lender>) -> Result<Transaction, StoreError> {
        let lease =
            lender.begin().await.map_err(|error| unavailable("begin", "a transaction", error))?;
        Ok(Transaction::new(lease, Arc::clone(&self.counters)))
    }

    pub(crate) async fn writing(&self) -> Result<Transaction, StoreError> {
        self.transaction(&self.writer).await
    }
}

#[async_trait]
impl Store for Database {
    async fn begin(&self) -> Result<Box<dyn UnitOfWork>, StoreError> {
        Ok(Box::new(self.writing().await?))
    }

    async fn read(&self) -> Result<Box<dyn UnitOfWork>, StoreError> {
        Ok(Box::new(self.transaction(&self.readers).await?))
    }
}
