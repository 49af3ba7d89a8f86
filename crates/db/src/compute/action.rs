//! What was done to servers.

use crate::rows::body;
use crate::select::{Select, Sorting};
use crate::unit_of_work::Transaction;
use crate::value::{int, text};
use async_trait::async_trait;
use hatchery_model::compute::Action;
use hatchery_model::id::{RequestId, ServerId};
use hatchery_model::page::{Direction, Page};
use hatchery_ports::store::{Actions, StoreError};

const NOUN: &str = "action";
const FIND: &str = "SELECT body FROM actions WHERE server = $1 AND request = $2";
const INSERT: &str = "INSERT INTO actions (server, request, started_at, body) \
    VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";
const UPDATE: &str =
    "UPDATE actions SET started_at = $3, body = $4 WHERE server = $1 AND request = $2";

const SORTING: Sorting = Sorting {
    table: "actions",
    keys: &[],
    default: ("started_at", Direction::Descending),
    id: "request",
    scope: "server = $1 AND ",
};

#[async_trait]
impl Actions for Transaction {
    async fn find(
        &mut self,
        server: ServerId,
        request: &RequestId,
    ) -> Result<Option<Action>, StoreError> {
        self.find_body(NOUN, FIND, vec![text(server), text(request)]).await
    }

    async fn list(&mut self, server: ServerId, page: &Page) -> Result<Vec<Action>, StoreError> {
        let mut select = Select::new("SELECT body FROM actions");
        select.and("server = ?", [text(server)]);
        select.page(&SORTING, page);
        let (sql, values) = select.finish();
        self.list_bodies(NOUN, sql, values).await
    }

    async fn insert(&mut self, action: &Action) -> Result<(), StoreError> {
        let values = vec![
            text(action.server),
            text(&action.request),
            int(action.started_at.0),
            body(NOUN, action)?,
        ];
        self.change_one(NOUN, &action.request, INSERT, values).await
    }

    async fn update(&mut self, action: &Action) -> Result<(), StoreError> {
        let values = vec![
            text(action.server),
            text(&action.request),
            int(action.started_at.0),
            body(NOUN, action)?,
        ];
        self.change_one(NOUN, &action.request, UPDATE, values).await
    }
}
