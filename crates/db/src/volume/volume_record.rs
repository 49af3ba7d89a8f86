//! Volumes.

use crate::rows::{body, number};
use crate::select::{Select, Sorting};
use crate::unit_of_work::Transaction;
use crate::value::{Value, int, maybe_text, quantity, text};
use async_trait::async_trait;
use hatchery_model::id::{ProjectId, VolumeId};
use hatchery_model::page::{Direction, Page};
use hatchery_model::timestamp::Timestamp;
use hatchery_model::volume::{Volume, VolumeUsage};
use hatchery_ports::store::{StoreError, VolumeFilter, Volumes};
use sqlx::AssertSqlSafe;

const NOUN: &str = "volume";
const FIND: &str = "SELECT body FROM volumes WHERE id = $1";
const UNANSWERED: &str =
    "SELECT body FROM volumes WHERE sent_at < $1 ORDER BY sent_at, id LIMIT $2";
const USAGE: &str = "SELECT v.number, v.gib, s.number, s.gib FROM \
    (SELECT COUNT(*) AS number, CAST(COALESCE(SUM(size_gib), 0) AS BIGINT) AS gib FROM volumes WHERE project = $1) v, \
    (SELECT COUNT(*) AS number, CAST(COALESCE(SUM(size_gib), 0) AS BIGINT) AS gib FROM snapshots WHERE project = $1) s";
const INSERT: &str = "INSERT INTO volumes (id, generation, project, name, status, volume_type, bootable, host, size_gib, \
    sent_at, created_at, updated_at, body, volume_group) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) ON CONFLICT DO NOTHING";
const UPDATE: &str = "UPDATE volumes SET generation = $2, project = $3, name = $4, status = $5, volume_type = $6, bootable = $7, \
    host = $8, size_gib = $9, sent_at = $10, created_at = $11, updated_at = $12, body = $13, volume_group = $14 \
    WHERE id = $1 AND generation = $2 - 1";
const DELETE: &str = "DELETE FROM volumes WHERE id = $1";

const SORTING: Sorting = Sorting {
    table: "volumes",
    keys: &[
        ("name", "COALESCE(name, '')"),
        ("created_at", "created_at"),
        ("updated_at", "updated_at"),
        ("id", "id"),
        ("size", "size_gib"),
        ("status", "status"),
        ("bootable", "bootable"),
    ],
    default: ("created_at", Direction::Descending),
    id: "id",
    scope: "",
};

fn values(volume: &Volume) -> Result<Vec<Value>, StoreError> {
    Ok(vec![
        text(volume.id),
        int(volume.generation.0),
        text(&volume.project),
        maybe_text(volume.name.as_ref()),
        text(volume.state.status()),
        text(volume.volume_type),
        int(volume.bootable),
        maybe_text(volume.backend.as_ref().map(|backend| &backend.host)),
        quantity(volume.size_gib),
        volume.state.ordered().map_or(Value::NoInt, |order| int(order.sent_at.0)),
        int(volume.created_at.0),
        int(volume.updated_at.0),
        body(NOUN, volume)?,
        maybe_text(volume.group.as_ref()),
    ])
}

fn listing(filter: &VolumeFilter, page: &Page) -> (AssertSqlSafe<String>, Vec<Value>) {
    let mut select = Select::new("SELECT body FROM volumes");
    select.and_maybe("project = ?", filter.project.as_ref().map(text));
    select.and_maybe("name = ?", filter.name.as_ref().map(text));
    if !filter.statuses.is_empty() {
        select.and_one_of("status", filter.statuses.iter().map(text).collect());
    }
    select.and_maybe("volume_type = ?", filter.volume_type.map(text));
    select.and_maybe("bootable = ?", filter.bootable.map(int));
    select.and_maybe("host = ?", filter.host.as_ref().map(text));
    select.and_maybe("volume_group = ?", filter.group.map(text));
    select.page(&SORTING, page);
    select.finish()
}

#[async_trait]
impl Volumes for Transaction {
    async fn find(&mut self, id: VolumeId) -> Result<Option<Volume>, StoreError> {
        self.find_body(NOUN, FIND, vec![text(id)]).await
    }

    async fn list(
        &mut self,
        filter: &VolumeFilter,
        page: &Page,
    ) -> Result<Vec<Volume>, StoreError> {
        let (sql, values) = listing(filter, page);
        self.list_bodies(NOUN, sql, values).await
    }

    async fn list_unanswered(
        &mut self,
        sent_before: Timestamp,
        limit: u32,
    ) -> Result<Vec<Volume>, StoreError> {
        self.list_bodies(NOUN, UNANSWERED, vec![int(sent_before.0), int(limit)]).await
    }

    async fn usage(&mut self, project: &ProjectId) -> Result<VolumeUsage, StoreError> {
        let Some(row) = self.row(NOUN, USAGE, vec![text(project)]).await? else {
            return Ok(VolumeUsage::default());
        };
        Ok(VolumeUsage {
            volumes: number(NOUN, &row, 0)?,
            volume_gib: number(NOUN, &row, 1)?,
            snapshots: number(NOUN, &row, 2)?,
            snapshot_gib: number(NOUN, &row, 3)?,
        })
    }

    async fn insert(&mut self, volume: &Volume) -> Result<(), StoreError> {
        self.change_one(NOUN, volume.id, INSERT, values(volume)?).await
    }

    async fn update(&mut self, volume: &Volume) -> Result<(), StoreError> {
        let next = Volume { generation: volume.generation.next(), ..volume.clone() };
        self.change_one(NOUN, volume.id, UPDATE, values(&next)?).await
    }

    async fn delete(&mut self, id: VolumeId) -> Result<bool, StoreError> {
        self.remove(NOUN, DELETE, vec![text(id)]).await
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may")]

    use super::{USAGE, Value, listing, text};
    use crate::Database;
    use hatchery_model::id::ProjectId;
    use hatchery_model::page::Page;
    use hatchery_ports::store::VolumeFilter;
    use sqlx::{AssertSqlSafe, Row, SqlSafeStr};

    async fn plan(database: &Database, sql: impl SqlSafeStr, values: Vec<Value>) -> String {
        let sql = format!("EXPLAIN QUERY PLAN {}", sql.into_sql_str().as_str());
        let mut transaction = database.writing().await.unwrap();
        let rows = transaction.rows("explain", "plan", AssertSqlSafe(sql), values).await.unwrap();
        rows.iter().map(|row| row.get::<String, _>("detail") + "; ").collect()
    }

    /// A create among a thousand volumes reads none of them.
    #[tokio::test]
    async fn what_every_create_asks_is_answered_without_rows() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("a.db").display());
        let database = Database::open(&url).await.unwrap();
        let project = || vec![text("p")];
        let usage = plan(&database, USAGE, project()).await;
        for index in ["volumes_sizes_of_project", "snapshots_sizes_of_project"] {
            assert!(usage.contains(&format!("USING COVERING INDEX {index}")), "{usage}");
        }
        let of = |project: Option<&str>, status: &str| VolumeFilter {
            project: project.map(|id| ProjectId(id.into())),
            statuses: vec![status.to_owned()],
            ..VolumeFilter::default()
        };
        for (filter, by) in [
            (of(Some("p"), "extending"), "(status=? AND project=?)"),
            (of(None, "creating"), "(status=?)"),
        ] {
            let (sql, values) = listing(&filter, &Page::default());
            let plan = plan(&database, sql, values).await;
            assert!(plan.contains(&format!("USING INDEX volumes_of_status {by}")), "{plan}");
        }
    }
}
