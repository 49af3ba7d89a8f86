//! Snapshots.

use crate::rows::body;
use crate::select::{Select, Sorting};
use crate::unit_of_work::Transaction;
use crate::value::{Value, int, maybe_text, quantity, text};
use async_trait::async_trait;
use hatchery_model::id::SnapshotId;
use hatchery_model::page::{Direction, Page};
use hatchery_model::timestamp::Timestamp;
use hatchery_model::volume::Snapshot;
use hatchery_ports::store::{SnapshotFilter, Snapshots, StoreError};

const NOUN: &str = "snapshot";
const FIND: &str = "SELECT body FROM snapshots WHERE id = $1";
const UNANSWERED: &str =
    "SELECT body FROM snapshots WHERE sent_at < $1 ORDER BY sent_at, id LIMIT $2";
const INSERT: &str = "INSERT INTO snapshots (id, generation, project, volume, name, status, size_gib, sent_at, created_at, \
    updated_at, body, group_snapshot) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT DO NOTHING";
const UPDATE: &str = "UPDATE snapshots SET generation = $2, project = $3, volume = $4, name = $5, status = $6, size_gib = $7, \
    sent_at = $8, created_at = $9, updated_at = $10, body = $11, group_snapshot = $12 WHERE id = $1 AND generation = $2 - 1";
const DELETE: &str = "DELETE FROM snapshots WHERE id = $1";

const SORTING: Sorting = Sorting {
    table: "snapshots",
    keys: &[
        ("name", "COALESCE(name, '')"),
        ("created_at", "created_at"),
        ("updated_at", "updated_at"),
        ("id", "id"),
        ("size", "size_gib"),
        ("status", "status"),
    ],
    default: ("created_at", Direction::Descending),
    id: "id",
    scope: "",
};

fn values(snapshot: &Snapshot) -> Result<Vec<Value>, StoreError> {
    Ok(vec![
        text(snapshot.id),
        int(snapshot.generation.0),
        text(&snapshot.project),
        text(snapshot.volume),
        maybe_text(snapshot.name.as_ref()),
        text(snapshot.state.status()),
        quantity(snapshot.size_gib),
        snapshot.state.ordered().map_or(Value::NoInt, |order| int(order.sent_at.0)),
        int(snapshot.created_at.0),
        int(snapshot.updated_at.0),
        body(NOUN, snapshot)?,
        maybe_text(snapshot.group_snapshot.as_ref()),
    ])
}

#[async_trait]
impl Snapshots for Transaction {
    async fn find(&mut self, id: SnapshotId) -> Result<Option<Snapshot>, StoreError> {
        self.find_body(NOUN, FIND, vec![text(id)]).await
    }

    async fn list(
        &mut self,
        filter: &SnapshotFilter,
        page: &Page,
    ) -> Result<Vec<Snapshot>, StoreError> {
        let mut select = Select::new("SELECT body FROM snapshots");
        select.and_maybe("project = ?", filter.project.as_ref().map(text));
        select.and_maybe("volume = ?", filter.volume.map(text));
        select.and_maybe("group_snapshot = ?", filter.group_snapshot.map(text));
        select.and_maybe("name = ?", filter.name.as_ref().map(text));
        if !filter.statuses.is_empty() {
            select.and_one_of("status", filter.statuses.iter().map(text).collect());
        }
        select.page(&SORTING, page);
        let (sql, values) = select.finish();
        self.list_bodies(NOUN, sql, values).await
    }

    async fn list_unanswered(
        &mut self,
        sent_before: Timestamp,
        limit: u32,
    ) -> Result<Vec<Snapshot>, StoreError> {
        self.list_bodies(NOUN, UNANSWERED, vec![int(sent_before.0), int(limit)]).await
    }

    async fn insert(&mut self, snapshot: &Snapshot) -> Result<(), StoreError> {
        self.change_one(NOUN, snapshot.id, INSERT, values(snapshot)?).await
    }

    async fn update(&mut self, snapshot: &Snapshot) -> Result<(), StoreError> {
        let next = Snapshot { generation: snapshot.generation.next(), ..snapshot.clone() };
        self.change_one(NOUN, snapshot.id, UPDATE, values(&next)?).await
    }

    async fn delete(&mut self, id: SnapshotId) -> Result<bool, StoreError> {
        self.remove(NOUN, DELETE, vec![text(id)]).await
    }
}
