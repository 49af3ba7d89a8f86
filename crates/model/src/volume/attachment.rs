//! What binds a volume to a server.

use crate::generation::Generation;
use crate::id::{AttachmentId, ProjectId, RequestId, ServerId, VolumeId};
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
    /// What its server's guest makes of it.
    #[serde(default)]
    pub guest: GuestUse,
}

/// What a server's guest makes of a volume. The same for an attachment that no server of this cloud stands behind: nothing.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct GuestUse {
    /// Whether the volume goes with the server.
    pub delete_on_termination: bool,
    /// Place in the order of boot; 0 is the root disk. `None`: the guest does not boot from it.
    pub boot_index: Option<u32>,
    /// What its user calls it.
    pub tag: Option<String>,
    /// The server's generation with which its host was last told to plug it or to take it out, and when.
    pub ordered: Option<(Generation, Timestamp)>,
    /// The request behind that: whose action tells of it. `None`: nobody asked for it alone.
    #[serde(default)]
    pub request: Option<RequestId>,
    /// The attachment whose volume this one's is to replace in the guest: until that is done, both are there.
    #[serde(default)]
    pub replaces: Option<AttachmentId>,
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
