//! Offers of volumes to other projects.

use crate::rows::body;
use crate::select::{Select, Sorting};
use crate::unit_of_work::Transaction;
use crate::value::{int, maybe_text, text};
use async_trait::async_trait;
use hatchery_model::id::{TransferId, VolumeId};
use hatchery_model::page::{Direction, Page};
use hatchery_model::volume::Transfer;
use hatchery_ports::store::{StoreError, TransferFilter, VolumeTransfers};

const NOUN: &str = "volume transfer";
const FIND: &str = "SELECT body FROM volume_transfers WHERE id = $1";
const INSERT: &str = "INSERT INTO volume_transfers (id, project, volume, name, created_at, body) \
    VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING";
const DELETE: &str = "DELETE FROM volume_transfers WHERE id = $1";
const DELETE_OF: &str = "DELETE FROM volume_transfers WHERE volume = $1";

const SORTING: Sorting = Sorting {
    table: "volume_transfers",
    keys: &[("name", "COALESCE(name, '')"), ("created_at", "created_at"), ("id", "id")],
    default: ("created_at", Direction::Descending),
    id: "id",
    scope: "",
};

#[async_trait]
impl VolumeTransfers for Transaction {
    async fn find(&mut self, id: TransferId) -> Result<Option<Transfer>, StoreError> {
        self.find_body(NOUN, FIND, vec![text(id)]).await
    }

    async fn list(
        &mut self,
        filter: &TransferFilter,
        page: &Page,
    ) -> Result<Vec<Transfer>, StoreError> {
        let mut select = Select::new("SELECT body FROM volume_transfers");
        select.and_maybe("project = ?", filter.project.as_ref().map(text));
        select.and_maybe("volume = ?", filter.volume.map(text));
        select.and_maybe("name = ?", filter.name.as_ref().map(text));
        select.page(&SORTING, page);
        let (sql, values) = select.finish();
        self.list_bodies(NOUN, sql, values).await
    }

    async fn insert(&mut self, transfer: &Transfer) -> Result<(), StoreError> {
        let values = vec![
            text(transfer.id),
            text(&transfer.project),
            text(transfer.volume),
            maybe_text(transfer.name.as_ref()),
            int(transfer.created_at.0),
            body(NOUN, transfer)?,
        ];
        self.change_one(NOUN, transfer.id, INSERT, values).await
    }

    async fn delete_of(&mut self, volume: VolumeId) -> Result<u64, StoreError> {
        self.change("remove", NOUN, DELETE_OF, vec![text(volume)]).await
    }

    async fn delete(&mut self, id: TransferId) -> Result<bool, StoreError> {
        self.remove(NOUN, DELETE, vec![text(id)]).await
    }
}
