//! Snapshots of groups of volumes.

use crate::rows::body;
use crate::select::{Select, Sorting};
use crate::unit_of_work::Transaction;
use crate::value::{Value, int, maybe_text, text};
use async_trait::async_trait;
use hatchery_model::id::GroupSnapshotId;
use hatchery_model::page::{Direction, Page};
use hatchery_model::volume::GroupSnapshot;
use hatchery_ports::store::{GroupFilter, GroupSnapshots, StoreError};

const NOUN: &str = "group snapshot";
const FIND: &str = "SELECT body FROM group_snapshots WHERE id = $1";
const INSERT: &str = "INSERT INTO group_snapshots (id, generation, project, name, group_type, volume_group, created_at, body) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING";
const UPDATE: &str = "UPDATE group_snapshots SET generation = $2, project = $3, name = $4, group_type = $5, volume_group = $6, created_at = $7, body = $8 \
    WHERE id = $1 AND generation = $2 - 1";
const DELETE: &str = "DELETE FROM group_snapshots WHERE id = $1";

const SORTING: Sorting = Sorting {
    table: "group_snapshots",
    keys: &[("name", "COALESCE(name, '')"), ("created_at", "created_at"), ("id", "id")],
    default: ("created_at", Direction::Descending),
    id: "id",
    scope: "",
};

fn values(row: &GroupSnapshot) -> Result<Vec<Value>, StoreError> {
    Ok(vec![
        text(row.id),
        int(row.generation.0),
        text(&row.project),
        maybe_text(row.name.as_ref()),
        text(row.group_type),
        text(row.group),
        int(row.created_at.0),
        body(NOUN, row)?,
    ])
}

#[async_trait]
impl GroupSnapshots for Transaction {
    async fn find(&mut self, id: GroupSnapshotId) -> Result<Option<GroupSnapshot>, StoreError> {
        self.find_body(NOUN, FIND, vec![text(id)]).await
    }

    async fn list(
        &mut self,
        filter: &GroupFilter,
        page: &Page,
    ) -> Result<Vec<GroupSnapshot>, StoreError> {
        let mut select = Select::new("SELECT body FROM group_snapshots");
        select.and_maybe("project = ?", filter.project.as_ref().map(text));
        select.and_maybe("name = ?", filter.name.as_ref().map(text));
        select.and_maybe("group_type = ?", filter.group_type.map(text));
        select.and_maybe("volume_group = ?", filter.group.map(text));
        select.page(&SORTING, page);
        let (sql, values) = select.finish();
        self.list_bodies(NOUN, sql, values).await
    }

    async fn insert(&mut self, row: &GroupSnapshot) -> Result<(), StoreError> {
        self.change_one(NOUN, row.id, INSERT, values(row)?).await
    }

    async fn update(&mut self, row: &GroupSnapshot) -> Result<(), StoreError> {
        let next = GroupSnapshot { generation: row.generation.next(), ..row.clone() };
        self.change_one(NOUN, row.id, UPDATE, values(&next)?).await
    }

    async fn delete(&mut self, id: GroupSnapshotId) -> Result<bool, StoreError> {
        self.remove(NOUN, DELETE, vec![text(id)]).await
    }
}
