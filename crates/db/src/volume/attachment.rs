//! Attachments of volumes.

use crate::rows::body;
use crate::select::Select;
use crate::unit_of_work::Transaction;
use crate::value::{Value, int, maybe_text, text};
use async_trait::async_trait;
use hatchery_model::id::{AttachmentId, ProjectId, ServerId, VolumeId};
use hatchery_model::volume::Attachment;
use hatchery_ports::store::{Attachments, StoreError};

const NOUN: &str = "attachment";
const FIND: &str = "SELECT body FROM volume_attachments WHERE id = $1";
const INSERT: &str = "INSERT INTO volume_attachments (id, generation, project, volume, server, created_at, body) \
    VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING";
const UPDATE: &str = "UPDATE volume_attachments SET generation = $2, project = $3, volume = $4, server = $5, created_at = $6, \
    body = $7 WHERE id = $1 AND generation = $2 - 1";
const DELETE: &str = "DELETE FROM volume_attachments WHERE id = $1";

fn values(attachment: &Attachment) -> Result<Vec<Value>, StoreError> {
    Ok(vec![
        text(attachment.id),
        int(attachment.generation.0),
        text(&attachment.project),
        text(attachment.volume),
        maybe_text(attachment.server),
        int(attachment.created_at.0),
        body(NOUN, attachment)?,
    ])
}

#[async_trait]
impl Attachments for Transaction {
    async fn find(&mut self, id: AttachmentId) -> Result<Option<Attachment>, StoreError> {
        self.find_body(NOUN, FIND, vec![text(id)]).await
    }

    async fn list(
        &mut self,
        project: Option<&ProjectId>,
        volume: Option<VolumeId>,
        server: Option<ServerId>,
    ) -> Result<Vec<Attachment>, StoreError> {
        let mut select = Select::new("SELECT body FROM volume_attachments");
        select.and_maybe("project = ?", project.map(text));
        select.and_maybe("volume = ?", volume.map(text));
        select.and_maybe("server = ?", server.map(text));
        select.end(" ORDER BY created_at, id");
        let (sql, values) = select.finish();
        self.list_bodies(NOUN, sql, values).await
    }

    async fn insert(&mut self, attachment: &Attachment) -> Result<(), StoreError> {
        self.change_one(NOUN, attachment.id, INSERT, values(attachment)?).await
    }

    async fn update(&mut self, attachment: &Attachment) -> Result<(), StoreError> {
        let next = Attachment { generation: attachment.generation.next(), ..attachment.clone() };
        self.change_one(NOUN, attachment.id, UPDATE, values(&next)?).await
    }

    async fn delete(&mut self, id: AttachmentId) -> Result<bool, StoreError> {
        self.remove(NOUN, DELETE, vec![text(id)]).await
    }
}
