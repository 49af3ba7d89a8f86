//! Hosts. When a host was last heard, what is claimed of it, and its generation stand in their columns alone: claims change the latter two.

use crate::rows::{body, column, number, parse};
use crate::unit_of_work::Transaction;
use crate::value::{Value, int, text};
use async_trait::async_trait;
use hatchery_model::compute::{Claim, Host};
use hatchery_model::generation::Generation;
use hatchery_model::id::HostName;
use hatchery_model::timestamp::Timestamp;
use hatchery_ports::store::{Hosts, StoreError};
use sqlx::any::AnyRow;

const NOUN: &str = "host";
const FIND: &str = "SELECT generation, heard_at, claimed_vcpus, claimed_memory_mib, claimed_disk_gib, claimed_servers, body \
    FROM hosts WHERE name = $1";
const LIST: &str = "SELECT generation, heard_at, claimed_vcpus, claimed_memory_mib, claimed_disk_gib, claimed_servers, body \
    FROM hosts ORDER BY name";
const INSERT: &str = "INSERT INTO hosts (name, id, generation, heard_at, body) \
    VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING";
const UPDATE: &str = "UPDATE hosts SET id = $2, generation = $3, heard_at = $4, body = $5 \
    WHERE name = $1 AND generation = $3 - 1 \
    AND NOT EXISTS (SELECT 1 FROM hosts other WHERE other.id = $2 AND other.name <> $1)";
const UPDATE_HEARD_AT: &str = "UPDATE hosts SET heard_at = $2 WHERE name = $1";

fn values(host: &Host) -> Result<Vec<Value>, StoreError> {
    Ok(vec![
        text(&host.name),
        text(host.id),
        int(host.generation.0),
        int(host.heard_at.0),
        body(NOUN, host)?,
    ])
}

/// From `generation`, `heard_at`, the four `claimed_...`, and `body`, beginning with this column.
pub(crate) fn from_row(row: &AnyRow, first: usize) -> Result<Host, StoreError> {
    let host: Host = parse(NOUN, &column::<String>(NOUN, row, first + 6)?)?;
    let claimed = Claim {
        vcpus: number(NOUN, row, first + 2)?,
        memory_mib: number(NOUN, row, first + 3)?,
        disk_gib: number(NOUN, row, first + 4)?,
        servers: number(NOUN, row, first + 5)?,
    };
    Ok(Host {
        generation: Generation(column(NOUN, row, first)?),
        heard_at: Timestamp(column(NOUN, row, first + 1)?),
        claimed,
        ..host
    })
}

#[async_trait]
impl Hosts for Transaction {
    async fn find(&mut self, name: &HostName) -> Result<Option<Host>, StoreError> {
        let row = self.row(NOUN, FIND, vec![text(name)]).await?;
        row.as_ref().map(|row| from_row(row, 0)).transpose()
    }

    async fn list(&mut self) -> Result<Vec<Host>, StoreError> {
        let rows = self.rows("read", NOUN, LIST, vec![]).await?;
        rows.iter().map(|row| from_row(row, 0)).collect()
    }

    async fn insert(&mut self, host: &Host) -> Result<(), StoreError> {
        self.change_one(NOUN, &host.name, INSERT, values(host)?).await
    }

    async fn update(&mut self, host: &Host) -> Result<(), StoreError> {
        let next = Host { generation: host.generation.next(), ..host.clone() };
        self.change_one(NOUN, &host.name, UPDATE, values(&next)?).await
    }

    async fn update_heard_at(
        &mut self,
        name: &HostName,
        heard_at: Timestamp,
    ) -> Result<(), StoreError> {
        let values = vec![text(name), int(heard_at.0)];
        self.change_one(NOUN, name, UPDATE_HEARD_AT, values).await
    }
}
