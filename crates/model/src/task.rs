//! A workflow's row: what is still to be done, whoever dies meanwhile.

use crate::generation::Generation;
use crate::id::{ImageId, RequestId, ServerId, TaskId};
use crate::timestamp::Timestamp;
use serde::{Deserialize, Serialize};

/// Work that has been promised to a user. It is inserted together with the promise and removed together with
/// the last effect.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Task {
    /// Its id.
    pub id: TaskId,
    /// Compare-and-set counter.
    pub generation: Generation,
    /// What is to be done.
    pub work: Work,
    /// The user's request behind it.
    pub request: RequestId,
    /// How often it has been taken up.
    pub attempts: u32,
    /// Not to be taken up before.
    pub due_at: Timestamp,
    /// When it was promised.
    pub created_at: Timestamp,
}

/// What a task does.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Work {
    /// Find a host for the server, and have its guest built there.
    BuildServer(ServerId),
    /// Have the server's guest taken apart, then let go of all that it had.
    DeleteServer(ServerId),
    /// Remove an image's bytes and links, then its row.
    DeleteImage(ImageId),
    /// Give an image the bytes that an agent has brought.
    SealImage(ImageId),
    /// Remove bytes that an agent has brought under this name for an image that does not want them.
    DiscardUpload(ImageId, String),
}
