//! What the user of a volume is told when something that was accepted could not be done.

use crate::id::{ProjectId, RequestId, VolumeMessageId};
use crate::timestamp::Timestamp;
use serde::{Deserialize, Serialize};

/// A message's row.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct VolumeMessage {
    /// Its id.
    pub id: VolumeMessageId,
    /// The project that reads it.
    pub project: ProjectId,
    /// The request that could not be done.
    pub request: RequestId,
    /// `VOLUME` or `VOLUME_SNAPSHOT`.
    pub resource_type: String,
    /// Id of the thing.
    pub resource: String,
    /// Cinder's number of what was being done: `001` schedule, `003` copy an image, …
    pub action: String,
    /// Cinder's number of what went wrong.
    pub detail: String,
    /// The sentence.
    pub text: String,
    /// When it was written.
    pub created_at: Timestamp,
    /// Kept at least until then.
    pub expires_at: Timestamp,
}
