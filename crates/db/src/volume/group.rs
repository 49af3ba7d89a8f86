//! Groups of volumes.

use crate::rows::body;
use crate::select::{Select, Sorting};
use crate::unit_of_work::Transaction;
use crate::value::{Value, int, maybe_text, text};
use async_trait::async_trait;
use hatchery_model::id::GroupId;
use hatchery_model::page::{Direction, Page};
use hatchery_model::volume::VolumeGroup;
use hatchery_ports::store::{GroupFilter, StoreError, VolumeGroups};

const NOUN: &str = "volume group";
const FIND: &str = "SELECT body FROM volume_groups WHERE id = $1";
const INSERT: &str = "INSERT INTO volume_groups (id, generation, project, name, group_type, created_at, body) \
    VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING";
const UPDATE: &str = "UPDATE volume_groups SET generation = $2, project = $3, name = $4, group_type = $5, created_at = $6, body = $7 \
    WHERE id = $1 AND generation = $2 - 1";
const DELETE: &str = "DELETE FROM volume_groups WHERE id = $1";

const SORTING: Sorting = Sorting {
    table: "volume_groups",
    keys: &[("name", "COALESCE(name, '')"), ("created_at", "created_at"), ("id", "id")],
    default: ("created_at", Direction::Descending),
    id: "id",
    scope: "",
};

fn values(row: &VolumeGroup) -> Result<Vec<Value>, StoreError> {
    Ok(vec![
        text(row.id),
        int(row.generation.0),
        text(&row.project),
        maybe_text(row.name.as_ref()),
        text(row.group_type),
        int(row.created_at.0),
        body(NOUN, row)?,
    ])
}

#[async_trait]
impl VolumeGroups for Transaction {
    async fn find(&mut self, id: GroupId) -> Result<Option<VolumeGroup>, StoreError> {
        self.find_body(NOUN, FIND, vec![text(id)]).await
    }

    async fn list(
        &mut self,
        filter: &GroupFilter,
        page: &Page,
    ) -> Result<Vec<VolumeGroup>, StoreError> {
        let mut select = Select::new("SELECT body FROM volume_groups");
        select.and_maybe("project = ?", filter.project.as_ref().map(text));
        select.and_maybe("name = ?", filter.name.as_ref().map(text));
        select.and_maybe("group_type = ?", filter.group_type.map(text));
        select.page(&SORTING, page);
        let (sql, values) = select.finish();
        self.list_bodies(NOUN, sql, values).await
    }

    async fn insert(&mut self, row: &VolumeGroup) -> Result<(), StoreError> {
        self.change_one(NOUN, row.id, INSERT, values(row)?).await
    }

    async fn update(&mut self, row: &VolumeGroup) -> Result<(), StoreError> {
        let next = VolumeGroup { generation: row.generation.next(), ..row.clone() };
        self.change_one(NOUN, row.id, UPDATE, values(&next)?).await
    }

    async fn delete(&mut self, id: GroupId) -> Result<bool, StoreError> {
        self.remove(NOUN, DELETE, vec![text(id)]).await
    }
}
