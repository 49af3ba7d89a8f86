//! Subnets.

use crate::rows::body;
use crate::select::Select;
use crate::unit_of_work::Transaction;
use crate::value::{Value, text};
use async_trait::async_trait;
use hatchery_model::id::{NetworkId, SubnetId};
use hatchery_model::network::Subnet;
use hatchery_ports::store::{StoreError, Subnets};

const NOUN: &str = "subnet";
const FIND: &str = "SELECT body FROM subnets WHERE id = $1";
const INSERT: &str = "INSERT INTO subnets (id, network, name, body) VALUES ($1, $2, $3, $4) \
    ON CONFLICT DO NOTHING";
const UPDATE: &str = "UPDATE subnets SET network = $2, name = $3, body = $4 WHERE id = $1";
const DELETE: &str = "DELETE FROM subnets WHERE id = $1";

fn values(subnet: &Subnet) -> Result<Vec<Value>, StoreError> {
    Ok(vec![text(subnet.id), text(subnet.network), text(&subnet.name), body(NOUN, subnet)?])
}

#[async_trait]
impl Subnets for Transaction {
    async fn find(&mut self, id: SubnetId) -> Result<Option<Subnet>, StoreError> {
        self.find_body(NOUN, FIND, vec![text(id)]).await
    }

    async fn list(&mut self, network: Option<NetworkId>) -> Result<Vec<Subnet>, StoreError> {
        let mut select = Select::new("SELECT body FROM subnets");
        select.and_maybe("network = ?", network.map(text));
        select.end(" ORDER BY name, id");
        let (sql, values) = select.finish();
        self.list_bodies(NOUN, sql, values).await
    }

    async fn insert(&mut self, subnet: &Subnet) -> Result<(), StoreError> {
        self.change_one(NOUN, subnet.id, INSERT, values(subnet)?).await
    }

    async fn update(&mut self, subnet: &Subnet) -> Result<(), StoreError> {
        self.change_one(NOUN, subnet.id, UPDATE, values(subnet)?).await
    }

    async fn delete(&mut self, id: SubnetId) -> Result<bool, StoreError> {
        self.remove(NOUN, DELETE, vec![text(id)]).await
    }
}
