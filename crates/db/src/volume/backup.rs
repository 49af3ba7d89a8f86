//! Backups.

use crate::rows::{body, number};
use crate::select::{Select, Sorting};
use crate::unit_of_work::Transaction;
use crate::value::{Value, int, maybe_text, quantity, text};
use async_trait::async_trait;
use hatchery_model::id::{BackupId, ProjectId};
use hatchery_model::page::{Direction, Page};
use hatchery_model::timestamp::Timestamp;
use hatchery_model::volume::{Backup, BackupUsage};
use hatchery_ports::store::{BackupFilter, Backups, StoreError};

const NOUN: &str = "backup";
const FIND: &str = "SELECT body FROM backups WHERE id = $1";
const UNANSWERED: &str =
    "SELECT body FROM backups WHERE sent_at < $1 ORDER BY sent_at, id LIMIT $2";
const INSERT: &str = "INSERT INTO backups (id, generation, project, volume, parent, name, status, size_gib, sent_at, \
    created_at, updated_at, body) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT DO NOTHING";
const UPDATE: &str = "UPDATE backups SET generation = $2, project = $3, volume = $4, parent = $5, name = $6, status = $7, \
    size_gib = $8, sent_at = $9, created_at = $10, updated_at = $11, body = $12 WHERE id = $1 AND generation = $2 - 1";
const USAGE: &str =
    "SELECT COUNT(*), CAST(COALESCE(SUM(size_gib), 0) AS BIGINT) FROM backups WHERE project = $1";
const DELETE: &str = "DELETE FROM backups WHERE id = $1";

const SORTING: Sorting = Sorting {
    table: "backups",
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

fn values(backup: &Backup) -> Result<Vec<Value>, StoreError> {
    Ok(vec![
        text(backup.id),
        int(backup.generation.0),
        text(&backup.project),
        text(backup.volume),
        maybe_text(backup.parent.as_ref()),
        maybe_text(backup.name.as_ref()),
        text(backup.state.status()),
        quantity(backup.size_gib),
        backup.state.ordered().map_or(Value::NoInt, |order| int(order.sent_at.0)),
        int(backup.created_at.0),
        int(backup.updated_at.0),
        body(NOUN, backup)?,
    ])
}

#[async_trait]
impl Backups for Transaction {
    async fn find(&mut self, id: BackupId) -> Result<Option<Backup>, StoreError> {
        self.find_body(NOUN, FIND, vec![text(id)]).await
    }

    async fn list(
        &mut self,
        filter: &BackupFilter,
        page: &Page,
    ) -> Result<Vec<Backup>, StoreError> {
        let mut select = Select::new("SELECT body FROM backups");
        select.and_maybe("project = ?", filter.project.as_ref().map(text));
        select.and_maybe("volume = ?", filter.volume.map(text));
        select.and_maybe("parent = ?", filter.parent.map(text));
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
    ) -> Result<Vec<Backup>, StoreError> {
        self.list_bodies(NOUN, UNANSWERED, vec![int(sent_before.0), int(limit)]).await
    }

    async fn usage(&mut self, project: &ProjectId) -> Result<BackupUsage, StoreError> {
        let Some(row) = self.row(NOUN, USAGE, vec![text(project)]).await? else {
            return Ok(BackupUsage::default());
        };
        Ok(BackupUsage { backups: number(NOUN, &row, 0)?, gib: number(NOUN, &row, 1)? })
    }

    async fn insert(&mut self, backup: &Backup) -> Result<(), StoreError> {
        self.change_one(NOUN, backup.id, INSERT, values(backup)?).await
    }

    async fn update(&mut self, backup: &Backup) -> Result<(), StoreError> {
        let next = Backup { generation: backup.generation.next(), ..backup.clone() };
        self.change_one(NOUN, backup.id, UPDATE, values(&next)?).await
    }

    async fn delete(&mut self, id: BackupId) -> Result<bool, StoreError> {
        self.remove(NOUN, DELETE, vec![text(id)]).await
    }
}
