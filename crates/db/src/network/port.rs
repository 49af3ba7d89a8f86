//! Ports.

use crate::rows::body;
use crate::select::Select;
use crate::unit_of_work::Transaction;
use crate::value::{Value, int, text};
use async_trait::async_trait;
use hatchery_model::id::PortId;
use hatchery_model::network::Port;
use hatchery_ports::store::{PortFilter, Ports, StoreError};

const NOUN: &str = "port";
const FIND: &str = "SELECT body FROM ports WHERE id = $1";
const INSERT: &str = "INSERT INTO ports (id, generation, network, project, mac, device_id, device_owner, \
    created_at, body) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING";
const UPDATE: &str = "UPDATE ports SET generation = $2, network = $3, project = $4, mac = $5, device_id = $6, \
    device_owner = $7, created_at = $8, body = $9 WHERE id = $1 AND generation = $2 - 1 \
    AND NOT EXISTS (SELECT 1 FROM ports other WHERE other.network = $3 AND other.mac = $5 AND other.id <> $1)";
const DELETE: &str = "DELETE FROM ports WHERE id = $1";
const DELETE_ADDRESSES: &str = "DELETE FROM addresses WHERE port = $1";

fn values(port: &Port) -> Result<Vec<Value>, StoreError> {
    Ok(vec![
        text(port.id),
        int(port.generation.0),
        text(port.network),
        text(&port.project),
        text(port.mac),
        text(&port.device_id),
        text(&port.device_owner),
        int(port.created_at.0),
        body(NOUN, port)?,
    ])
}

#[async_trait]
impl Ports for Transaction {
    async fn find(&mut self, id: PortId) -> Result<Option<Port>, StoreError> {
        self.find_body(NOUN, FIND, vec![text(id)]).await
    }

    async fn list(&mut self, filter: &PortFilter) -> Result<Vec<Port>, StoreError> {
        let mut select = Select::new("SELECT body FROM ports");
        select.and_maybe("project = ?", filter.project.as_ref().map(text));
        select.and_maybe("network = ?", filter.network.map(text));
        if let Some(device) = &filter.device_id {
            select.and("device_id = ?", [text(device)]);
            if !device.is_empty() {
                // The index leaves ports without a device out; the engine must see that none is asked for.
                select.and("device_id <> ''", []);
            }
        }
        select.and_maybe("device_owner = ?", filter.device_owner.as_ref().map(text));
        select.and_maybe("mac = ?", filter.mac.map(text));
        select.end(" ORDER BY created_at, id");
        let (sql, values) = select.finish();
        self.list_bodies(NOUN, sql, values).await
    }

    async fn insert(&mut self, port: &Port) -> Result<(), StoreError> {
        self.change_one(NOUN, port.id, INSERT, values(port)?).await
    }

    async fn update(&mut self, port: &Port) -> Result<(), StoreError> {
        let next = Port { generation: port.generation.next(), ..port.clone() };
        self.change_one(NOUN, port.id, UPDATE, values(&next)?).await
    }

    async fn delete(&mut self, id: PortId) -> Result<bool, StoreError> {
        self.remove("address of port", DELETE_ADDRESSES, vec![text(id)]).await?;
        self.remove(NOUN, DELETE, vec![text(id)]).await
    }
}
