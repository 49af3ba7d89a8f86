//! What was done to a base, or left alone, and why: for the log, for `--dry-run`, for people.

use super::BaseName;
use crate::id::{ImageId, ServerId};
use serde::{Deserialize, Serialize};

/// One thing done, or decided against.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Deed {
    /// The base.
    pub base: BaseName,
    /// Its image, where known.
    pub image: Option<ImageId>,
    /// What was done.
    pub did: Did,
    /// Why: a sentence for people.
    pub why: String,
    /// Servers that could not run without it, and can be started (again) now.
    pub servers: Vec<ServerId>,
}

/// What was done to a base.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Did {
    /// It got a name that it did not have.
    Linked,
    /// A lost or changed one was put back.
    Healed,
    /// Bytes that are not the image's were set aside.
    Quarantined,
    /// A name went, since nobody needs it.
    Removed,
    /// Nothing, for the reason given.
    LeftAlone,
    /// What should have been done could not be.
    Failed,
}

impl Did {
    /// The deed's name, for logs and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Linked => "linked",
            Self::Healed => "healed",
            Self::Quarantined => "quarantined",
            Self::Removed => "removed",
            Self::LeftAlone => "left_alone",
            Self::Failed => "failed",
        }
    }
}
