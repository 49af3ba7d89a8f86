//! What users of volumes are told.

use crate::rows::body;
use crate::select::Select;
use crate::unit_of_work::Transaction;
use crate::value::{int, text};
use async_trait::async_trait;
use hatchery_model::id::{ProjectId, VolumeMessageId};
use hatchery_model::timestamp::Timestamp;
use hatchery_model::volume::VolumeMessage;
use hatchery_ports::store::{StoreError, VolumeMessages};

const NOUN: &str = "message";
const FIND: &str = "SELECT body FROM volume_messages WHERE id = $1";
const INSERT: &str = "INSERT INTO volume_messages (id, project, created_at, expires_at, body) \
    VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING";
const DELETE: &str = "DELETE FROM volume_messages WHERE id = $1";
const DELETE_EXPIRED: &str = "DELETE FROM volume_messages WHERE expires_at <= $1";

#[async_trait]
impl VolumeMessages for Transaction {
    async fn find(&mut self, id: VolumeMessageId) -> Result<Option<VolumeMessage>, StoreError> {
        self.find_body(NOUN, FIND, vec![text(id)]).await
    }

    async fn list(
        &mut self,
        project: Option<&ProjectId>,
    ) -> Result<Vec<VolumeMessage>, StoreError> {
        let mut select = Select::new("SELECT body FROM volume_messages");
        select.and_maybe("project = ?", project.map(text));
        select.end(" ORDER BY created_at DESC, id");
        let (sql, values) = select.finish();
        self.list_bodies(NOUN, sql, values).await
    }

    async fn insert(&mut self, message: &VolumeMessage) -> Result<(), StoreError> {
        let values = vec![
            text(message.id),
            text(&message.project),
            int(message.created_at.0),
            int(message.expires_at.0),
            body(NOUN, message)?,
        ];
        self.change_one(NOUN, message.id, INSERT, values).await
    }

    async fn delete(&mut self, id: VolumeMessageId) -> Result<bool, StoreError> {
        self.remove(NOUN, DELETE, vec![text(id)]).await
    }

    async fn delete_expired(&mut self, now: Timestamp) -> Result<u64, StoreError> {
        self.change("remove", NOUN, DELETE_EXPIRED, vec![int(now.0)]).await
    }
}
