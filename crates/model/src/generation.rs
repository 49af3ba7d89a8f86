//! The version of a state row: every change names the one that it saw.

use serde::{Deserialize, Serialize};

/// Counts the changes of one row. A write that names another generation than the stored one is a
/// conflict, never an overwrite.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Generation(pub i64);

impl Generation {
    /// What a row has when it is inserted.
    pub const FIRST: Self = Self(1);

    /// The one after this.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}
