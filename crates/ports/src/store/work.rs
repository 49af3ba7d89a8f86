//! Work promised, messages to be sent, single values.

use super::StoreError;
use async_trait::async_trait;
use hatchery_model::id::{MessageId, TaskId};
use hatchery_model::message::Envelope;
use hatchery_model::task::{Task, Work};
use hatchery_model::timestamp::Timestamp;

/// Tasks.
#[async_trait]
pub trait Tasks: Send {
    /// By id.
    async fn find(&mut self, id: TaskId) -> Result<Option<Task>, StoreError>;
    /// The task that does this work, if there is one.
    async fn find_by_work(&mut self, work: &Work) -> Result<Option<Task>, StoreError>;
    /// Those due at `now`, oldest first, `limit` at the most.
    async fn list_due(&mut self, now: Timestamp, limit: u32) -> Result<Vec<Task>, StoreError>;
    /// A new one; `Conflict` when a task does this work already.
    async fn insert(&mut self, task: &Task) -> Result<(), StoreError>;
    /// Replaces it, by compare-and-set on its generation.
    async fn update(&mut self, task: &Task) -> Result<(), StoreError>;
    /// How many there are.
    async fn count(&mut self) -> Result<u64, StoreError>;
    /// Removes the task that does this work.
    async fn delete_by_work(&mut self, work: &Work) -> Result<bool, StoreError>;
}

/// Messages that are to be sent.
#[async_trait]
pub trait Outbox: Send {
    /// A new one, to be sent after this commits; says its place. Places grow in the order of the commits.
    async fn insert(&mut self, envelope: &Envelope) -> Result<i64, StoreError>;
    /// Those not sent yet with a place in the order after `after`, in the order of their insertion, each with its place.
    async fn list(&mut self, after: i64, limit: u32) -> Result<Vec<(i64, Envelope)>, StoreError>;
    /// How many there are.
    async fn count(&mut self) -> Result<u64, StoreError>;
    /// Forgets those that their receivers have taken over.
    async fn delete(&mut self, ids: &[MessageId]) -> Result<(), StoreError>;
}

/// Single values.
#[async_trait]
pub trait Settings: Send {
    /// The value of a name.
    async fn find(&mut self, name: &str) -> Result<Option<String>, StoreError>;
    /// Sets it.
    async fn put(&mut self, name: &str, value: &str) -> Result<(), StoreError>;
}
