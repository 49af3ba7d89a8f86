//! Tasks. A work's column is its JSON, which the same work always has.

use crate::rows::body;
use crate::unit_of_work::Transaction;
use crate::value::{Value, int, text};
use async_trait::async_trait;
use hatchery_model::id::TaskId;
use hatchery_model::task::{Task, Work};
use hatchery_model::timestamp::Timestamp;
use hatchery_ports::store::{StoreError, Tasks};

const NOUN: &str = "task";
const FIND: &str = "SELECT body FROM tasks WHERE id = $1";
const FIND_BY_WORK: &str = "SELECT body FROM tasks WHERE work = $1";
const COUNT: &str = "SELECT count(*) FROM tasks";
const LIST_DUE: &str =
    "SELECT body FROM tasks WHERE due_at <= $1 ORDER BY due_at, created_at, id LIMIT $2";
const INSERT: &str = "INSERT INTO tasks (id, generation, work, due_at, created_at, body) \
    VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING";
const UPDATE: &str = "UPDATE tasks SET generation = $2, work = $3, due_at = $4, created_at = $5, body = $6 \
    WHERE id = $1 AND generation = $2 - 1 \
    AND NOT EXISTS (SELECT 1 FROM tasks other WHERE other.work = $3 AND other.id <> $1)";
const DELETE_BY_WORK: &str = "DELETE FROM tasks WHERE work = $1";

fn values(task: &Task) -> Result<Vec<Value>, StoreError> {
    Ok(vec![
        text(task.id),
        int(task.generation.0),
        body(NOUN, &task.work)?,
        int(task.due_at.0),
        int(task.created_at.0),
        body(NOUN, task)?,
    ])
}

#[async_trait]
impl Tasks for Transaction {
    async fn find(&mut self, id: TaskId) -> Result<Option<Task>, StoreError> {
        self.find_body(NOUN, FIND, vec![text(id)]).await
    }

    async fn find_by_work(&mut self, work: &Work) -> Result<Option<Task>, StoreError> {
        self.find_body(NOUN, FIND_BY_WORK, vec![body(NOUN, work)?]).await
    }

    async fn list_due(&mut self, now: Timestamp, limit: u32) -> Result<Vec<Task>, StoreError> {
        self.list_bodies(NOUN, LIST_DUE, vec![int(now.0), int(limit)]).await
    }

    async fn insert(&mut self, task: &Task) -> Result<(), StoreError> {
        self.change_one(NOUN, task.id, INSERT, values(task)?).await
    }

    async fn update(&mut self, task: &Task) -> Result<(), StoreError> {
        let next = Task { generation: task.generation.next(), ..task.clone() };
        self.change_one(NOUN, task.id, UPDATE, values(&next)?).await
    }

    async fn count(&mut self) -> Result<u64, StoreError> {
        self.count_rows(NOUN, COUNT).await
    }

    async fn delete_by_work(&mut self, work: &Work) -> Result<bool, StoreError> {
        self.remove(NOUN, DELETE_BY_WORK, vec![body(NOUN, work)?]).await
    }
}
