//! Which server has taken what of which host. Triggers of the schema keep the hosts' sums.

use super::lease;
use crate::error::corrupt;
use crate::rows::{column, number};
use crate::select::Select;
use crate::unit_of_work::Transaction;
use crate::value::{int, quantity, text};
use async_trait::async_trait;
use hatchery_model::base::DiskUse;
use hatchery_model::compute::{Claim, Host};
use hatchery_model::generation::Generation;
use hatchery_model::id::{HostName, ServerId};
use hatchery_model::timestamp::Timestamp;
use hatchery_ports::store::{Claims, StoreError};
use sqlx::any::AnyRow;

const NOUN: &str = "claim of server";
const FIND: &str =
    "SELECT server, host, vcpus, memory_mib, disk_gib, servers FROM claims WHERE server = $1";
const INSERT: &str = "INSERT INTO claims (server, host, vcpus, memory_mib, disk_gib, servers, image, disk, base_format) \
    SELECT $1, $2, $3, $4, $5, $6, $8, $9, $10 \
    WHERE EXISTS (SELECT 1 FROM hosts WHERE name = $2 AND generation = $7) ON CONFLICT DO NOTHING";
const LEAVE: &str = "INSERT INTO left_disks (host, disk, server, image, base_format, generation, since) \
    SELECT host, disk, server, image, base_format, $2, $3 FROM claims WHERE server = $1 AND disk IS NOT NULL \
    ON CONFLICT (host, disk) DO UPDATE SET image = excluded.image, base_format = excluded.base_format, \
    generation = excluded.generation, since = excluded.since";
const DELETE: &str = "DELETE FROM claims WHERE server = $1 \
    RETURNING server, host, vcpus, memory_mib, disk_gib, servers";

fn from_row(row: &AnyRow) -> Result<(ServerId, HostName, Claim), StoreError> {
    let server: String = column(NOUN, row, 0)?;
    let claim = Claim {
        vcpus: number(NOUN, row, 2)?,
        memory_mib: number(NOUN, row, 3)?,
        disk_gib: number(NOUN, row, 4)?,
        servers: number(NOUN, row, 5)?,
    };
    let id = server.parse().map_err(|error| corrupt(NOUN, &server, error))?;
    Ok((id, HostName(column(NOUN, row, 1)?), claim))
}

fn host_and_claim(row: &AnyRow) -> Result<(HostName, Claim), StoreError> {
    let (_, host, claim) = from_row(row)?;
    Ok((host, claim))
}

#[async_trait]
impl Claims for Transaction {
    async fn find(&mut self, server: ServerId) -> Result<Option<(HostName, Claim)>, StoreError> {
        let row = self.row(NOUN, FIND, vec![text(server)]).await?;
        row.as_ref().map(host_and_claim).transpose()
    }

    async fn insert(
        &mut self,
        server: ServerId,
        host: &Host,
        claim: Claim,
        on: Option<&DiskUse>,
    ) -> Result<(), StoreError> {
        let mut values = vec![
            text(server),
            text(&host.name),
            int(claim.vcpus),
            quantity(claim.memory_mib),
            quantity(claim.disk_gib),
            int(claim.servers),
            int(host.generation.0),
        ];
        values.extend(lease::values(on));
        self.change_one(NOUN, server, INSERT, values).await
    }

    async fn delete(&mut self, server: ServerId) -> Result<Option<(HostName, Claim)>, StoreError> {
        let rows = self.rows("remove", NOUN, DELETE, vec![text(server)]).await?;
        self.wrote |= !rows.is_empty();
        rows.first().map(host_and_claim).transpose()
    }

    async fn leave(
        &mut self,
        server: ServerId,
        generation: Generation,
        now: Timestamp,
    ) -> Result<Option<(HostName, Claim)>, StoreError> {
        let values = vec![text(server), int(generation.0), int(now.0)];
        self.change("write", NOUN, LEAVE, values).await?;
        Claims::delete(self, server).await
    }

    async fn list(
        &mut self,
        host: Option<&HostName>,
    ) -> Result<Vec<(ServerId, HostName, Claim)>, StoreError> {
        let mut select =
            Select::new("SELECT server, host, vcpus, memory_mib, disk_gib, servers FROM claims");
        select.and_maybe("host = ?", host.map(text));
        select.end(" ORDER BY host, server");
        let (sql, values) = select.finish();
        let rows = self.rows("read", NOUN, sql, values).await?;
        rows.iter().map(from_row).collect()
    }
}
