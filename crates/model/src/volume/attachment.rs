//! What binds a volume to a server.

use crate::generation::Generation;
use crate::id::{AttachmentId, ProjectId, ServerId, VolumeId};
use crate::timestamp::Timestamp;
use serde::{Deserialize, Serialize};

/// An attachment's row.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Attachment {
    /// Its id.
    pub id: AttachmentId,
    /// Compare-and-set counter.
    pub generation: Generation,
    /// The volume.
    pub volume: VolumeId,
    /// The project that owns the volume.
    pub project: ProjectId,
    /// Who is to use the volume. `None`: a host by itself.
    pub server: Option<ServerId>,
    /// How far it is.
    pub state: AttachmentState,
    /// The host from which the volume is used, once it is known.
    pub host: Option<String>,
    /// Where the volume shows up there: `/dev/vdb`.
    pub mountpoint: Option<String>,
    /// Whether the volume may only be read there.
    pub read_only: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When the volume was plugged.
    pub attached_at: Option<Timestamp>,
}

/// How far an attachment is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum AttachmentState {
    /// The volume is kept for it.
    Reserved,
    /// Where the bytes are has been told, and the volume is being plugged.
    Attaching,
    /// The volume is plugged.
    Attached,
    /// The volume is being taken out.
    Detaching,
}

impl AttachmentState {
    /// Cinder's word for it.
    pub const fn status(self) -> &'static str {
        match self {
            Self::Reserved => "reserved",
            Self::Attaching => "attaching",
            Self::Attached => "attached",
            Self::Detaching => "detaching",
        }
    }
}
