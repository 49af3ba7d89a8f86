//! Checks the free pairs of volumes and snapshots, in Cinder's words.

use crate::error::Error;
use std::collections::BTreeMap;

/// Longest key and longest value, in characters.
const MOST: usize = 255;

/// `Invalid` where a key or a value is not what Cinder takes.
pub(super) fn check(pairs: &BTreeMap<String, String>) -> Result<(), Error> {
    for (key, value) in pairs {
        if key.is_empty() {
            return Err(Error::Invalid(
                "Invalid metadata: Metadata key:  has 0 characters, less than 1.".into(),
            ));
        }
        if key.chars().count() > MOST {
            return Err(Error::Invalid(format!(
                "Invalid metadata size: Metadata property key {key} greater than {MOST} characters."
            )));
        }
        if value.chars().count() > MOST {
            return Err(Error::Invalid(format!(
                "Invalid metadata size: Metadata property key {key} value greater than {MOST} characters."
            )));
        }
    }
    Ok(())
}
