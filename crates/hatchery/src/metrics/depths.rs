//! What waits in the database, and how much it is asked. Read when it is asked for, and not more often than once a second, so that whoever asks
//! without a token cannot load the database.

use super::exposition::Text;
use hatchery_db::Database;
use hatchery_ports::store::{Store, StoreError};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;

const FRESH: Duration = Duration::from_secs(1);

/// See the head of this file.
pub struct Depths {
    database: Arc<Database>,
    last: Mutex<Option<(Instant, Depth)>>,
}

#[derive(Clone, Copy, Debug)]
struct Depth {
    messages: u64,
    tasks: u64,
}

impl Depths {
    /// Of this database.
    pub fn new(database: Arc<Database>) -> Self {
        Self { database, last: Mutex::new(None) }
    }

    /// Writes them. What the database does not tell is left out.
    pub async fn expose(&self, text: &mut Text) {
        match self.depth().await {
            Ok(depth) => {
                text.metric("hatchery_outbox_messages", [(None, depth.messages as f64)]);
                text.metric("hatchery_tasks", [(None, depth.tasks as f64)]);
            }
            Err(error) => tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the depth of the outbox is not known"
            ),
        }
        let done = self.database.figures();
        text.metric("hatchery_sql_statements_total", [(None, done.statements as f64)]);
        text.metric("hatchery_sql_commits_total", [(None, done.commits as f64)]);
    }

    async fn depth(&self) -> Result<Depth, StoreError> {
        let mut last = self.last.lock().await;
        if let Some((at, depth)) = *last
            && at.elapsed() < FRESH
        {
            return Ok(depth);
        }
        let mut uow = self.database.read().await?;
        let messages = uow.outbox().count().await?;
        let depth = Depth { messages, tasks: uow.tasks().count().await? };
        *last = Some((Instant::now(), depth));
        Ok(depth)
    }
}
