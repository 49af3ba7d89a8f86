//! Networks.

use crate::rows::body;
use crate::select::Select;
use crate::unit_of_work::Transaction;
use crate::value::{Value, int, text};
use async_trait::async_trait;
use hatchery_model::id::{NetworkId, ProjectId};
use hatchery_model::network::Network;
use hatchery_ports::store::{Networks, StoreError};

const NOUN: &str = "network";
const FIND: &str = "SELECT body FROM networks WHERE id = $1";
const INSERT: &str = "INSERT INTO networks (id, project, name, shared, external, body) \
    VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING";
const UPDATE: &str = "UPDATE networks SET project = $2, name = $3, shared = $4, external = $5, body = $6 \
    WHERE id = $1";
const DELETE: &str = "DELETE FROM networks WHERE id = $1";

fn values(network: &Network) -> Result<Vec<Value>, StoreError> {
    Ok(vec![
        text(network.id),
        text(&network.project),
        text(&network.name),
        int(network.shared),
        int(network.external),
        body(NOUN, network)?,
    ])
}

#[async_trait]
impl Networks for Transaction {
    async fn find(&mut self, id: NetworkId) -> Result<Option<Network>, StoreError> {
        self.find_body(NOUN, FIND, vec![text(id)]).await
    }

    async fn list(&mut self, seen_by: Option<&ProjectId>) -> Result<Vec<Network>, StoreError> {
        let mut select = Select::new("SELECT body FROM networks");
        select.and_maybe("project = ? OR shared = 1 OR external = 1", seen_by.map(text));
        select.end(" ORDER BY name, id");
        let (sql, values) = select.finish();
        self.list_bodies(NOUN, sql, values).await
    }

    async fn insert(&mut self, network: &Network) -> Result<(), StoreError> {
        self.change_one(NOUN, network.id, INSERT, values(network)?).await
    }

    async fn update(&mut self, network: &Network) -> Result<(), StoreError> {
        self.change_one(NOUN, network.id, UPDATE, values(network)?).await
    }

    async fn delete(&mut self, id: NetworkId) -> Result<bool, StoreError> {
        self.remove(NOUN, DELETE, vec![text(id)]).await
    }
}
