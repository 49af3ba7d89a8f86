//! Statements about servers.

use super::row::{NOUN, from_row, values};
use crate::error::conflict;
use crate::rows::number;
use crate::select::{Select, Sorting};
use crate::unit_of_work::Transaction;
use crate::value::{int, text};
use async_trait::async_trait;
use hatchery_model::compute::Server;
use hatchery_model::id::ServerId;
use hatchery_model::page::{Direction, Page};
use hatchery_model::timestamp::Timestamp;
use hatchery_ports::store::{ServerFilter, Servers, StoreError};

const FIND: &str = "SELECT number, body FROM servers WHERE id = $1";
const LIST_UNHEARD: &str = "SELECT servers.number, servers.body FROM servers JOIN hosts ON hosts.name = servers.host \
    WHERE servers.deleted = 0 AND servers.state = $1 AND hosts.heard_at < $2 \
    ORDER BY servers.created_at, servers.id LIMIT $3";
const INSERT: &str = "INSERT INTO servers (id, generation, project, user_id, image, flavor, name, host, state, \
    deleted, created_at, updated_at, body) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) \
    ON CONFLICT (id) DO NOTHING RETURNING number";
const UPDATE: &str = "UPDATE servers SET generation = $2, project = $3, user_id = $4, image = $5, flavor = $6, \
    name = $7, host = $8, state = $9, deleted = $10, created_at = $11, updated_at = $12, body = $13 \
    WHERE id = $1 AND generation = $2 - 1";
const DELETE: &str = "DELETE FROM servers WHERE id = $1";

const SORTING: Sorting = Sorting {
    table: "servers",
    keys: &[
        ("created_at", "created_at"),
        ("updated_at", "updated_at"),
        ("display_name", "name"),
        ("uuid", "id"),
        ("host", "COALESCE(host, '')"),
    ],
    default: ("created_at", Direction::Descending),
    id: "id",
    scope: "",
};

#[async_trait]
impl Servers for Transaction {
    async fn find(&mut self, id: ServerId) -> Result<Option<Server>, StoreError> {
        let row = self.row(NOUN, FIND, vec![text(id)]).await?;
        row.as_ref().map(|row| from_row(row, 0, 1)).transpose()
    }

    async fn list(
        &mut self,
        filter: &ServerFilter,
        page: &Page,
    ) -> Result<Vec<Server>, StoreError> {
        let mut select = Select::new("SELECT number, body FROM servers");
        select.and_maybe("project = ?", filter.project.as_ref().map(text));
        let deleted = if filter.deleted { "deleted = 1" } else { "deleted = 0" };
        select.and(deleted, []);
        select.and_maybe("user_id = ?", filter.user.as_ref().map(text));
        select.and_maybe("host = ?", filter.host.as_ref().map(text));
        select.and_maybe("image = ?", filter.image.map(text));
        select.and_maybe("flavor = ?", filter.flavor.as_ref().map(text));
        if !filter.states.is_empty() {
            select.and_one_of("state", filter.states.iter().map(text).collect());
        }
        select.and_maybe("updated_at >= ?", filter.changed_since.map(|at| int(at.0)));
        select.page(&SORTING, page);
        let (sql, values) = select.finish();
        let rows = self.rows("read", NOUN, sql, values).await?;
        rows.iter().map(|row| from_row(row, 0, 1)).collect()
    }

    async fn list_unheard(
        &mut self,
        state: &'static str,
        heard_before: Timestamp,
        limit: u32,
    ) -> Result<Vec<Server>, StoreError> {
        let values = vec![text(state), int(heard_before.0), int(limit)];
        let rows = self.rows("read", NOUN, LIST_UNHEARD, values).await?;
        rows.iter().map(|row| from_row(row, 0, 1)).collect()
    }

    async fn insert(&mut self, server: Server) -> Result<Server, StoreError> {
        let rows = self.rows("write", NOUN, INSERT, values(&server)?).await?;
        let row = rows.first().ok_or_else(|| conflict(NOUN, server.id))?;
        self.wrote = true;
        Ok(Server { number: number(NOUN, row, 0)?, ..server })
    }

    async fn update(&mut self, server: &Server) -> Result<(), StoreError> {
        let next = Server { generation: server.generation.next(), ..server.clone() };
        self.change_one(NOUN, server.id, UPDATE, values(&next)?).await
    }

    async fn delete(&mut self, id: ServerId) -> Result<bool, StoreError> {
        self.remove(NOUN, DELETE, vec![text(id)]).await
    }
}
