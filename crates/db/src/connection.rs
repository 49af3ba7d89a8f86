//! Connections, kept open and lent to one transaction at a time.
//!
//! A connection whose transaction was left half-way in any sense (a statement failed or was cancelled) is rolled back or
//! closed, never lent again in doubt: SQLite ends a transaction by itself when its disk is full, and what came after
//! would stand outside of any.

use crate::dialect::{Role, Target};
use crate::error::OpenError;
use sqlx::{AnyConnection, Connection, Executor};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How long a transaction waits for a connection before it gives up.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Lender {
    target: Target,
    role: Role,
    idle: Mutex<Vec<AnyConnection>>,
    turns: Arc<Semaphore>,
}

/// Why no transaction began.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotBegun {
    #[error("every connection has been busy for {} seconds", PATIENCE.as_secs())]
    Busy,
    #[error(transparent)]
    Engine(#[from] sqlx::Error),
}

/// A connection with an open transaction. Dropping it rolls back.
pub(crate) struct Lease {
    connection: Option<AnyConnection>,
    lender: Arc<Lender>,
    turn: Option<OwnedSemaphorePermit>,
    /// A statement failed or was cut off: nothing may follow it.
    pub(crate) broken: bool,
}

impl Lender {
    pub(crate) fn new(target: Target, role: Role, connections: usize) -> Arc<Self> {
        Arc::new(Self {
            target,
            role,
            idle: Mutex::new(Vec::with_capacity(connections)),
            turns: Arc::new(Semaphore::new(connections)),
        })
    }

    pub(crate) async fn connect(&self) -> Result<AnyConnection, sqlx::Error> {
        let mut connection = AnyConnection::connect(&self.target.url).await?;
        connection.execute(self.target.dialect.session(self.role)).await?;
        Ok(connection)
    }

    /// Opens the first connection now, so that a wrong address is an error at the start.
    pub(crate) async fn warm(&self) -> Result<(), OpenError> {
        let connection = self.connect().await.map_err(OpenError::unavailable("connect"))?;
        self.put_back(connection);
        Ok(())
    }

    /// Begins a transaction, in the order of the calls.
    pub(crate) async fn begin(self: &Arc<Self>) -> Result<Lease, NotBegun> {
        let turn = tokio::time::timeout(PATIENCE, Arc::clone(&self.turns).acquire_owned())
            .await
            .map_err(|_| NotBegun::Busy)?
            .map_err(|_| NotBegun::Busy)?;
        let begin = self.target.dialect.begin(self.role);
        let mut lease =
            Lease { connection: None, lender: Arc::clone(self), turn: Some(turn), broken: true };
        while let Some(connection) = self.take() {
            // An idle connection may have died with its server; the next try makes a new one.
            if lease.connection.insert(connection).execute(begin).await.is_ok() {
                lease.broken = false;
                return Ok(lease);
            }
        }
        let connection = self.connect().await?;
        lease.connection.insert(connection).execute(begin).await?;
        lease.broken = false;
        Ok(lease)
    }

    fn take(&self) -> Option<AnyConnection> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn put_back(&self, connection: AnyConnection) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
    }
}

impl Lease {
    /// The connection, for one statement; [`Lease::leave`] must follow when it has succeeded. `None` after one has not.
    pub(crate) fn enter(&mut self) -> Option<&mut AnyConnection> {
        if self.broken {
            return None;
        }
        self.broken = true;
        self.connection.as_mut()
    }

    /// The statement has succeeded.
    pub(crate) const fn leave(&mut self) {
        self.broken = false;
    }

    /// Commits, and gives the connection back.
    pub(crate) async fn commit(mut self) -> Result<(), sqlx::Error> {
        self.broken = true;
        if let Some(connection) = self.connection.as_mut() {
            connection.execute("COMMIT").await?;
        }
        if let Some(connection) = self.connection.take() {
            self.lender.put_back(connection);
        }
        Ok(())
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take() else {
            return;
        };
        // Closing a connection rolls back as well.
        let (false, Ok(runtime)) = (self.broken, tokio::runtime::Handle::try_current()) else {
            return;
        };
        let lender = Arc::clone(&self.lender);
        let turn = self.turn.take();
        runtime.spawn(async move {
            match connection.execute("ROLLBACK").await {
                Ok(_) => lender.put_back(connection),
                Err(error) => {
                    tracing::debug!(%error, "a connection is closed: it cannot roll back")
                }
            }
            drop(turn);
        });
    }
}
