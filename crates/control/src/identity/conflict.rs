//! Says which name is taken, where the store only knows that a row is in the way.

use crate::error::Error;
use hatchery_ports::store::StoreError;

/// A store's result, with its conflicts in the words given.
pub(super) fn or_taken<T>(
    result: Result<T, StoreError>,
    words: impl FnOnce() -> String,
) -> Result<T, Error> {
    result.map_err(|error| match error {
        StoreError::Conflict { .. } => Error::Conflict(words()),
        other => other.into(),
    })
}
