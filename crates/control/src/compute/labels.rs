//! What metadata and tags of a server may look like.

use crate::error::Error;
use std::collections::{BTreeMap, BTreeSet};

/// Characters of a metadata key or value at the most.
const MAX_METADATA: usize = 255;
/// Characters of a tag at the most.
const MAX_TAG: usize = 60;
/// Tags of one server at the most.
const MAX_TAGS: usize = 50;

/// `Invalid` unless every key has 1 to 255 of the allowed characters, and every value at most 255.
pub(super) fn check_metadata(metadata: &BTreeMap<String, String>) -> Result<(), Error> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ':' | '.' | ' ');
    for (key, value) in metadata {
        if !(1..=MAX_METADATA).contains(&key.len()) || !key.chars().all(allowed) {
            return Err(Error::Invalid(format!(
                "Invalid input for field/attribute metadata: a key has 1 to {MAX_METADATA} letters, digits, dashes, underscores, colons, dots or spaces; '{key}' does not fit."
            )));
        }
        if value.chars().count() > MAX_METADATA {
            return Err(Error::Invalid(format!(
                "Invalid input for field/attribute {key}. A value has at most {MAX_METADATA} characters."
            )));
        }
    }
    Ok(())
}

/// `Invalid` when a tag does not look like one, or there are too many.
pub(super) fn check_tags(tags: &BTreeSet<String>) -> Result<(), Error> {
    if tags.len() > MAX_TAGS {
        return Err(Error::Invalid(format!(
            "The number of tags exceeded the per-server limit {MAX_TAGS}"
        )));
    }
    tags.iter().try_for_each(|tag| check_tag(tag))
}

fn check_tag(tag: &str) -> Result<(), Error> {
    if (1..=MAX_TAG).contains(&tag.chars().count()) && !tag.contains([',', '/']) {
        return Ok(());
    }
    Err(Error::Invalid(format!(
        "Tag '{tag}' is invalid. It must have 1 to {MAX_TAG} characters, none of them '/' or ','."
    )))
}

#[cfg(test)]
mod tests {
    use super::{check_metadata, check_tags};
    use std::collections::BTreeMap;

    #[test]
    fn labels_have_lengths_and_letters() {
        let pair = |key: &str, value: &str| BTreeMap::from([(key.to_owned(), value.to_owned())]);
        assert!(check_metadata(&pair("a-b_c:d.e f", "ü")).is_ok());
        for (key, value) in
            [("", "v"), ("a/b", "v"), (&"k".repeat(256), "v"), ("k", &"v".repeat(256))]
        {
            assert!(check_metadata(&pair(key, value)).is_err(), "{key}");
        }
        let tags = |tags: &[&str]| check_tags(&tags.iter().map(|tag| (*tag).to_owned()).collect());
        assert!(tags(&["red", "grün"]).is_ok());
        for tag in ["", "a,b", "a/b", &"x".repeat(61)] {
            assert!(tags(&[tag]).is_err(), "{tag}");
        }
        let many: Vec<String> = (0..51).map(|n| n.to_string()).collect();
        assert!(check_tags(&many.into_iter().collect()).is_err());
    }
}
