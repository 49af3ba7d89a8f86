//! How a disk was made, kept in its own header: a repeated create gives the same answer without a file more.

use hatchery_model::provision::Rung;
use hatchery_model::units::Bytes;
use serde::{Deserialize, Serialize};

/// The note in an overlay's header, as JSON.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Made {
    pub(super) rung: Rung,
    pub(super) bytes_copied: Bytes,
}

impl Made {
    pub(super) fn to_note(&self) -> Vec<u8> {
        // Two plain fields: there is nothing in them that JSON could not hold.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// `None` when there is no note, or not one of ours: then the plan's own answer stands.
    pub(super) fn from_note(note: &[u8]) -> Option<Self> {
        serde_json::from_slice(note).ok()
    }
}
